import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import type { CrossCheck } from "../../../src/model/audit/rules.ts";
import { AuditRoom } from "../../../src/store/audit/auditRoom.ts";
import { auditTables } from "../../../src/store/audit/auditTables.ts";
import { sendShop } from "../../support/sendShop.ts";
import { dayMs, shopDays, type ShopEvent } from "../../support/shopDays.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { openTestStore } from "../../support/openTestStore.ts";
import { openTestAudits, type TestAudits } from "../../support/testAudits.ts";
import { tempFolder, type TempFolder } from "../../support/tempFolder.ts";

// A Monday.
const startMs = Date.UTC(2026, 10, 2);
const hourMs = 3_600_000;

const orders: CrossCheck = {
  name: "orders",
  key: "order_id",
  left: { source: "web", event: "Order Completed", property: "total" },
  right: { source: "shop", event: "Order Completed", property: "total" },
  tolerance: 0.005,
  withinMs: hourMs,
  mayDifferPercent: 1,
};

test("faults planted in a fortnight are found, each with its sentence, and gone once they are mended", async () => {
  using folder = tempFolder();
  const clock = new FakeClock(startMs);
  await using opened = await openTestStore(folder.at("data"), { clock });
  await using testAudits = openTestAudits(opened, { minEvents: 20, crossChecks: [orders] });
  const { audits, ops } = testAudits;
  const fault = (event: ShopEvent, day: number): readonly ShopEvent[] => {
    if (day !== 13 || new Date(event.atMs).getUTCHours() < 6) return [event];
    const { properties } = event;
    if (event.event === "Order Completed" && event.source === "shop")
      return [{ ...event, properties: { ...properties, total: Number(properties["total"]) * 0.9 } }];
    if (event.event === "Product Viewed")
      return [{ ...event, properties: { ...properties, currency: "USD", brand: null } }];
    return [event];
  };
  const events = shopDays({ seed: 4, startMs, days: 15, visitsADay: 60, fault });
  const until = async (atMs: number) => {
    const sent = events.filter((event) => event.atMs >= clock.nowMs() && event.atMs < atMs);
    await sendShop(opened, clock, sent);
    clock.advance(Math.max(0, atMs - clock.nowMs()));
    return audits.run("test");
  };
  expect((await until(startMs + 13 * dayMs)).findings.map(({ sentence }) => sentence)).toEqual([]);

  const found = await until(startMs + 14 * dayMs - hourMs);
  expect(found.findings.map(({ key }) => key)).toEqual([
    "crossCheck:orders",
    "distribution:web:Product Viewed:currency",
    "nulls:web:Product Viewed:brand",
  ]);
  const [crossed, currency, brand] = found.findings;
  expect(crossed?.sentence).toMatch(
    /^Of \d+ facts of orders in the last seven days \d+ differ \(shop [\d.]+ % less than web in all\) \(\d+ %\), since 2026-11-15 /,
  );
  expect(currency?.sentence).toMatch(
    / is “USD” in 9\d % of the \d+ events .* and “EUR” in [\d.]+ % \(100 % before\)\.$/,
  );
  expect(brand?.sentence).toContain("since 2026-11-15 06:00 UTC");
  // The events to look at are some that the finding is about.
  const history = await ops.ask("audits", "runs", Number.MAX_SAFE_INTEGER, 1);
  expect(history[0]).toMatchObject({ cause: "test", findings: 3, critical: 0 });
  using journal = new Database(folder.at("data/journal.db"), { readonly: true });
  for (const seq of brand?.seqs ?? []) {
    const row = journal
      .query<{ body: Uint8Array }, [number]>("SELECT body FROM journal WHERE seq = ?")
      .get(seq);
    expect(JSON.parse(Buffer.from(row?.body ?? []).toString())).toMatchObject({
      properties: { brand: null },
    });
  }
  expect(brand?.seqs.length).toBe(5);
  expect(audits.conditions().map(({ id }) => id)).toContain("audit:nulls:web:Product Viewed:brand");

  // A day later what the sources send is right again; what differs is still among the last seven days.
  const mended = await until(startMs + 15 * dayMs - hourMs);
  expect(mended.findings.map(({ key }) => key)).toEqual(["crossCheck:orders"]);
  expect(mended.findings[0]?.firstSeenMs).toBe(found.run.endedAtMs);
}, 60_000);

/** As much as is sealed, and a little more. */
async function sealedStore(folder: TempFolder) {
  const opened = await openTestStore(folder.at("data"));
  const testAudits = openTestAudits(opened);
  const plans = Array.from({ length: 4_200 }, (_, index) => ({
    type: "identify",
    messageId: `m-${index}`,
    userId: `u${index % 300}`,
    traits: { plan: `plan ${index}` },
  }));
  for (let from = 0; from < plans.length; from += 700)
    await opened.accept("batch", { batch: plans.slice(from, from + 700) });
  const sound = await testAudits.audits.run("test");
  expect(sound.findings).toEqual([]);
  expect(sound.run.report).toMatchObject({ seals: { blocks: 1, problems: 0 }, folds: { different: 0 } });
  const journal = new Database(folder.at("data/journal.db"));
  return {
    ...opened,
    opened,
    audits: testAudits.audits,
    journal,
    /** What the next run says of the journal. */
    sentence: async () => {
      const { findings } = await testAudits.audits.run("test");
      return findings.find(({ kind }) => kind === "checksum")?.sentence ?? null;
    },
    [Symbol.asyncDispose]: async () => {
      journal.close();
      await testAudits[Symbol.asyncDispose]();
      await opened.close();
    },
  };
}

test("an erasure leaves the seals whole, and damage beside it is still seen", async () => {
  using folder = tempFolder();
  await using sealed = await sealedStore(folder);
  expect((await sealed.opened.store.admin.erase("live", "user_id", "u7"))?.events).toBe(14);
  await sealed.opened.store.admin.compact();
  expect(await sealed.sentence()).toBe(null);
  sealed.journal.run("UPDATE journal SET timestamp_ms = timestamp_ms + 1 WHERE seq = 8");
  expect(await sealed.sentence()).toContain("the seal of the rows 1 to 4096 does not match");
});

test("a row that is another, gone, or said to be erased is told", async () => {
  using folder = tempFolder();
  await using sealed = await sealedStore(folder);
  const { journal, audits } = sealed;
  journal.run(
    `UPDATE journal SET body = replace(CAST(body AS TEXT), 'plan 4199', 'plan 9999') WHERE seq = 4200`,
  );
  expect(await sealed.sentence()).toBe(null);
  journal.run(
    `UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'plan 11"', 'plan 99"') AS BLOB) WHERE seq = 12`,
  );
  expect(await sealed.sentence()).toContain(
    "1 of the sealed rows 1 to 4096 have another text, the first is row 12",
  );
  const { findings, run } = await audits.run("test");
  expect(run.critical).toBeGreaterThan(0);
  expect(findings.find(({ kind }) => kind === "checksum")?.seqs).toEqual([12]);
  journal.run("UPDATE journal SET flags = flags | 128 WHERE seq = 12");
  expect(await sealed.sentence()).toContain(
    "1 of the rows 1 to 4096 are marked as erased, but no erasure came after",
  );
  journal.run("DELETE FROM journal WHERE seq = 12");
  expect(await sealed.sentence()).toContain("4095 of the 4096 sealed rows 1 to 4096 are there");
});

test("a profile that is not what its events give is found in the sample", async () => {
  using folder = tempFolder();
  await using sealed = await sealedStore(folder);
  // What is folded already came of another text than the one that stands there now.
  sealed.journal.run(
    `UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), '"plan ', '"PLAN ') AS BLOB) WHERE seq > 3900`,
  );
  const { findings } = await sealed.audits.run("test");
  const fold = findings.find(({ kind }) => kind === "fold");
  expect(fold?.sentence).toMatch(
    /^\d+ of \d+ profiles of a sample are not what their events give: of profile \d+, its 14 events give another state/,
  );
  expect(fold?.severity).toBe("critical");
});

test("audits run by themselves, go on after a restart, and rest in between", async () => {
  using folder = tempFolder();
  const clock = new FakeClock();
  const runs = async (ops: TestAudits["ops"]) => ops.ask("audits", "runs", Number.MAX_SAFE_INTEGER, 10);
  const settled = async ({ timers, ops, audits }: TestAudits, count: number) => {
    await timers.tick();
    await audits.idle();
    expect(await runs(ops)).toHaveLength(count);
  };
  {
    await using opened = await openTestStore(folder.at("data"), { clock });
    for (const userId of ["u1", "u2", "u3"])
      await opened.accept("track", { userId, event: "Order Completed", properties: { total: 3 } });
    await opened.accept("track", { userId: "u4", event: "u4's own word", properties: {} });
    await using testAudits = openTestAudits(opened);
    await settled(testAudits, 1);
    clock.advance(hourMs - 1);
    await settled(testAudits, 1);
    clock.advance(1);
    await settled(testAudits, 2);
  }
  await using opened = await openTestStore(folder.at("data"), { clock });
  await using testAudits = openTestAudits(opened);
  await settled(testAudits, 2);
  expect(testAudits.audits.latest?.run.id).toBe(2);
  const [cell] = await testAudits.ops.ask("audits", "series", "web", "Order Completed", 0);
  expect(JSON.parse(cell?.cell ?? "{}")).toMatchObject({ count: 3, looked: 3 });
  // What one person alone says stands for itself nowhere.
  expect(JSON.stringify(await testAudits.ops.ask("audits", "kinds", 0))).not.toContain("own word");
});

test("what was counted of days outlives a restore, seals don't; of another journal nothing is left", async () => {
  using folder = tempFolder();
  const opened = new Database(folder.at("ops.db"));
  opened.run(auditTables);
  const room = new AuditRoom(opened);
  const journal = { journalId: "a", epoch: 1, head: 9_000 };
  expect(room.state(journal)).toEqual({ cursor: 0, erasure: 0, lastBlock: -1 });
  const cells = [{ day: 3, source: "web", event: "", cell: "{}" }];
  expect(room.tallied({ fromSeq: 0, toSeq: 9_000, erasure: 7, cells, facts: [] })).toBe(true);
  // Somebody else was quicker.
  expect(room.tallied({ fromSeq: 0, toSeq: 5_000, erasure: 0, cells: [], facts: [] })).toBe(false);
  const digest = new Uint8Array(32);
  room.sealed([{ block: 0, rows: 4_096, digest, leaves: digest }], [], 1);
  expect(room.state(journal)).toEqual({ cursor: 9_000, erasure: 7, lastBlock: 0 });
  expect(room.state({ ...journal, epoch: 2, head: 8_000 })).toEqual({
    cursor: 8_000,
    erasure: 7,
    lastBlock: -1,
  });
  expect(room.series("web", "", 0)).toHaveLength(1);
  expect(room.state({ journalId: "b", epoch: 1, head: 0 })).toEqual({ cursor: 0, erasure: 0, lastBlock: -1 });
  expect(room.series("web", "", 0)).toEqual([]);
  opened.close();
});
