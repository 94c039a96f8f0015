/** Reads of the past: each must answer what a read answered then. */
import { describe, expect, test } from "bun:test";
import { everything, renderVerboseProfile } from "../../src/esp/profileView.ts";
import { restore } from "../../src/ingest/judge.ts";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import type { Json, JsonObject } from "../../src/model/event.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { JournalReader } from "../../src/store/journalReader.ts";
import { findAtIn, maxRowsAt, type LookupAt } from "../../src/store/profileAt.ts";
import type { StoredProfile } from "../../src/store/profiles.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { Random } from "../support/random.ts";
import { tempFolder } from "../support/tempFolder.ts";

const minuteMs = 60_000;
const event = "Product Viewed";

const rules: Rules = {
  ...noRules,
  traits: [{ name: "plan", type: "string", oneOf: ["red", "blue"] }],
  computed: [...ecommercePack("EUR"), { name: "seen7m", aggregate: "count", event, windowMs: 7 * minuteMs }],
  segments: [
    { name: "watching", rule: { kind: "event", event, windowMs: 5 * minuteMs } },
    { name: "reds", rule: { kind: "trait", path: ["plan"], test: { condition: { is: "red" } } } },
  ],
};

function at(opened: TestStore, type: string, value: string, atMs: number): Promise<LookupAt> {
  const { profiles } = opened.store;
  const openJournal = () => new JournalReader(folderPaths(opened.folder).journal);
  return findAtIn({ profiles, restore, openJournal })("live", type, value, atMs);
}

/** What a verbose read tells, but for the seq of the last change: acts of the journal's own are no part of the past. */
function told(profile: StoredProfile | null, atMs: number): string | null {
  if (profile === null) return null;
  const { version: _, ...rest } = renderVerboseProfile(profile, everything, atMs);
  return canonicalJson(rest as unknown as Json);
}

async function toldAt(opened: TestStore, type: string, value: string, atMs: number): Promise<string | null> {
  const found = await at(opened, type, value, atMs);
  if (found.kind !== "found") expect(found.kind).toBe("missing");
  return found.kind === "found" ? told(found.profile, atMs) : null;
}

const identifiers: readonly (readonly [type: string, value: string])[] = [
  ...["u1", "u2", "u3"].map((id) => ["user_id", id] as const),
  ...["a1", "a2"].map((id) => ["anonymous_id", id] as const),
  ...["x@example.org", "y@example.org"].map((id) => ["email", id] as const),
];

/** A pair is taken apart, or what was taken apart counts again; often nothing ties the two. */
async function takeApart(opened: TestStore, pick: <T>(...of: readonly T[]) => T): Promise<void> {
  const type = pick("user_id", "anonymous_id");
  const other = { type, value: type === "user_id" ? "u3" : pick("a1", "a2") };
  const act = pick("undo", "undo", "liftUndo");
  await opened.store.admin[act]({ namespace: "live", user: pick("u1", "u2"), other });
}

/** Some event of few people, on time or late, or an act of an operator. */
async function happen(opened: TestStore, random: Random, number: number, undoes: boolean): Promise<void> {
  const pick = <T>(...of: readonly T[]): T => random.pick(of);
  const lateMs = pick(0, 0, 0, 3, 20) * minuteMs;
  const who: JsonObject = pick<JsonObject>(
    { userId: pick("u1", "u2", "u3") },
    { anonymousId: pick("a1", "a2") },
    { userId: pick("u1", "u2"), anonymousId: pick("a1", "a2") },
  );
  const base = {
    ...who,
    messageId: `m-${number}`,
    timestamp: new Date(opened.clock.nowMs() - lateMs).toISOString(),
  };
  const kind = pick("view", "view", "identify", "identify", "order", "alias", ...(undoes ? ["undo"] : []));
  if (kind === "undo") await takeApart(opened, pick);
  else if (kind === "view")
    await opened.accept("track", { ...base, event, properties: { product_id: "P7" } });
  else if (kind === "order")
    await opened.accept("track", {
      ...base,
      event: "Order Completed",
      properties: { order_id: `o-${number}`, total: number, currency: "EUR" },
    });
  else if (kind === "alias")
    await opened.accept("alias", {
      messageId: `m-${number}`,
      userId: pick("u1", "u2"),
      previousId: pick("u3", "a2"),
    });
  else {
    const traits = pick<JsonObject>(
      { plan: pick("red", "blue", "green", null) },
      { email: pick("x@example.org", "y@example.org") },
      { home: { [pick("city", "zip")]: pick("Ulm", "Bonn", null) } },
    );
    await opened.accept("identify", { ...base, traits });
  }
  await opened.store.admin.settle();
}

async function liveAndLookBack(seed: number, undoes: boolean): Promise<void> {
  const random = new Random(seed);
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path, { rules });
  const answers: { readonly atMs: number; readonly known: readonly (string | null)[] }[] = [];
  for (let number = 0; number < 40; number += 1) {
    await happen(opened, random, number, undoes);
    opened.clock.advance(random.below(4) * minuteMs);
    const atMs = opened.clock.nowMs();
    answers.push({ atMs, known: identifiers.map(([type, value]) => told(opened.find(type, value), atMs)) });
    opened.clock.advance(1);
  }
  for (const { atMs, known } of answers)
    for (const [index, [type, value]] of identifiers.entries())
      expect([seed, atMs, type, value, await toldAt(opened, type, value, atMs)]).toEqual([
        seed,
        atMs,
        type,
        value,
        known[index] ?? null,
      ]);
}

for (let seed = 1; seed <= 6; seed += 1)
  test(`a life looked back on, moment by moment: seed ${seed}`, () => liveAndLookBack(seed, false), 60_000);

for (const seed of [7, 13, 22, 38])
  test(`a life with undos looked back on: seed ${seed}`, () => liveAndLookBack(seed, true), 60_000);

describe("a read of the past", () => {
  test("does not reach before the journal, and knows nobody who came later", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    expect((await at(opened, "user_id", "u1", opened.clock.nowMs())).kind).toBe("beforeHistory");
    await opened.accept("identify", { userId: "u1", traits: { plan: "red" } });
    const firstMs = opened.clock.nowMs();
    opened.clock.advance(minuteMs);
    await opened.accept("identify", { userId: "u2", traits: { plan: "red" } });
    expect((await at(opened, "user_id", "u1", firstMs - 1)).kind).toBe("beforeHistory");
    expect((await at(opened, "user_id", "u1", firstMs)).kind).toBe("found");
    expect((await at(opened, "user_id", "u2", firstMs)).kind).toBe("missing");
    expect((await at(opened, "user_id", "nobody", opened.clock.nowMs())).kind).toBe("missing");
  });

  test("finds two profiles where one is now, also by the profileId that was merged away", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await opened.accept("identify", { userId: "u1", traits: { plan: "red" } });
    await opened.accept("identify", { userId: "u2", traits: { plan: "blue" } });
    const merged = opened.find("user_id", "u2")?.profileId ?? "";
    const beforeMs = opened.clock.nowMs();
    opened.clock.advance(1);
    await opened.accept("alias", { userId: "u1", previousId: "u2" });
    expect(opened.find("profile_id", merged)?.profileId).not.toBe(merged);
    const then = await at(opened, "profile_id", merged, beforeMs);
    expect(then.kind === "found" ? [then.profile.profileId, then.profile.identifiers] : null).toEqual([
      merged,
      [{ type: "user_id", value: "u2" }],
    ]);
  });

  test("knows whose an event was before a late link moved it, and whose after", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    const startMs = opened.clock.nowMs();
    const stamp = (ms: number) => new Date(startMs + ms).toISOString();
    opened.clock.advance(minuteMs);
    await opened.accept("track", { anonymousId: "a1", event, timestamp: stamp(1_000) });
    await opened.accept("identify", { userId: "u1", anonymousId: "a1", timestamp: stamp(2_000) });
    await opened.store.admin.settle();
    const beforeMs = opened.clock.nowMs();
    opened.clock.advance(1);
    await opened.accept("identify", { userId: "u2", anonymousId: "a1", timestamp: stamp(500) });
    await opened.store.admin.settle();
    const afterMs = opened.clock.nowMs();
    const seen = async (userId: string, atMs: number) => {
      const found = await at(opened, "user_id", userId, atMs);
      if (found.kind !== "found") return found.kind;
      return renderVerboseProfile(found.profile, everything, atMs).traits["seen7m"]?.value;
    };
    expect([await seen("u1", beforeMs), await seen("u2", beforeMs)]).toEqual([1, "missing"]);
    expect([await seen("u1", afterMs), await seen("u2", afterMs)]).toEqual([0, 1]);
  });

  test("gives nothing of whom was erased, and of the others what it gave", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await opened.accept("identify", { userId: "u1", traits: { email: "x@example.org" } });
    await opened.accept("identify", { userId: "u2", traits: { plan: "red" } });
    const thenMs = opened.clock.nowMs();
    const known = told(opened.find("user_id", "u2"), thenMs);
    opened.clock.advance(1);
    await opened.store.admin.erase("live", "user_id", "u1");
    expect((await at(opened, "user_id", "u1", thenMs)).kind).toBe("missing");
    expect((await at(opened, "email", "x@example.org", thenMs)).kind).toBe("missing");
    expect(await toldAt(opened, "user_id", "u2", thenMs)).toBe(known);
  });

  test("is refused while others look back", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path);
    await opened.accept("identify", { userId: "u1", traits: { plan: "red" } });
    const { profiles } = opened.store;
    const openJournal = () => new JournalReader(folderPaths(opened.folder).journal);
    const findAt = findAtIn({ profiles, restore, openJournal });
    const read = () => findAt("live", "user_id", "u1", opened.clock.nowMs());
    const kinds = (await Promise.all([read(), read(), read(), read(), read()])).map(({ kind }) => kind);
    expect(kinds).toEqual(["found", "found", "found", "found", "busy"]);
    expect((await read()).kind).toBe("found");
  });

  test("gives up where too many events are tied to the profile", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path);
    for (let sent = 0; sent <= maxRowsAt; sent += 2_000)
      await opened.accept("batch", {
        batch: Array.from({ length: 2_000 }, () => ({ type: "track", userId: "u1", event })),
      });
    expect((await at(opened, "user_id", "u1", opened.clock.nowMs())).kind).toBe("tooMany");
  });
});
