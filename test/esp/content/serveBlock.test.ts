/** What is sent while profiles can't be read, or reading would come too late; and how receipts are gathered. */
import { describe, expect, test } from "bun:test";
import { makeBlock, type Block } from "../../../src/esp/content/block.ts";
import { newEngine } from "../../../src/esp/content/engine.ts";
import type { ProfileReading } from "../../../src/esp/content/blockReading.ts";
import { LastGood } from "../../../src/esp/content/lastGood.ts";
import { Pressure } from "../../../src/esp/content/pressure.ts";
import { receiptId, receiptName, Receipts, type ReceiptDraft } from "../../../src/esp/content/receipts.ts";
import { serveBlock } from "../../../src/esp/content/serveBlock.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { ManualTimers } from "../../support/manualTimers.ts";
import { MemoryStore } from "../../support/memoryStore.ts";

const file = "---\nneeds: [firstName]\nfallback: <p>Hello.</p>\n---\n<p>Hi {{ firstName }}</p>";

function rig() {
  const clock = new FakeClock();
  const store = new MemoryStore(clock);
  const state = { isRebuilding: false, isPressed: false };
  const drafts: ReceiptDraft[] = [];
  const lastGood = new LastGood(100_000);
  const readings = store.profiles.memory<ProfileReading>(100_000);
  const deps = {
    profiles: {
      definitions: store.profiles.definitions,
      find: (...asked: Parameters<typeof store.profiles.find>) =>
        state.isRebuilding ? ({ kind: "rebuilding" } as const) : store.profiles.find(...asked),
    },
    clock,
    lastGood,
    readings: {
      get: (...asked: Parameters<typeof readings.get>) =>
        state.isRebuilding ? undefined : readings.get(...asked),
      keep: readings.keep.bind(readings),
    },
    memoryOnly: () => state.isPressed,
    receipts: {
      note: (_block: Block, draft: ReceiptDraft) => {
        drafts.push(draft);
        return "rcp_1";
      },
    },
  };
  const block = makeBlock("hello", file, "[]", { engine: newEngine({}), linkHosts: null });
  const serve = async (id: string) => {
    const asked = { namespace: "live", id, form: "html", caller: "key_1" } as const;
    const { rendered, leaveReceipt } = serveBlock(await block, asked, deps);
    leaveReceipt(false);
    return [rendered.html, rendered.servedFrom, rendered.reason];
  };
  store.send({ userId: "1", traits: { firstName: "Ann" } });
  return { serve, state, lastGood, drafts };
}

describe("while profiles are rebuilt, or the server is pressed", () => {
  test.each(["isRebuilding", "isPressed"] as const)(
    "%s: the last good answer, else the fallback",
    async (why) => {
      const { serve, state, lastGood } = rig();
      expect(await serve("user_id:1")).toEqual(["<p>Hi Ann</p>", "live", null]);
      state[why] = true;
      const reason = why === "isRebuilding" ? "profiles_rebuilding" : "overloaded";
      expect(await serve("user_id:1")).toEqual(["<p>Hi Ann</p>", "lastKnown", reason]);
      expect(await serve("user_id:2")).toEqual(["<p>Hello.</p>", "default", reason]);
      // Nothing of a person outlives an erasure.
      lastGood.clear();
      expect(await serve("user_id:1")).toEqual(["<p>Hello.</p>", "default", reason]);
    },
  );

  test("ten thousand recipients whom nobody knows get the fallback, and memory keeps none of them", async () => {
    const { serve, lastGood, drafts } = rig();
    for (let at = 0; at < 10_000; at += 1)
      expect((await serve(`user_id:nobody-${at}`))[2]).toBe("profile_not_found");
    expect(lastGood.bytes).toBe(0);
    expect(JSON.stringify(drafts)).not.toContain("nobody");
  });
});

test("the last good answers are bounded, and the one longest not asked for goes first", async () => {
  const block = await makeBlock("hello", file, "[]", { engine: newEngine({}), linkHosts: null });
  const { profiles } = new MemoryStore(new FakeClock());
  const { rendered } = serveBlock(
    block,
    { namespace: "live", id: null, form: "html", caller: "k" },
    {
      profiles,
      readings: profiles.memory(0),
      clock: new FakeClock(),
      lastGood: new LastGood(0),
      memoryOnly: () => false,
      receipts: { note: () => "" },
    },
  );
  const kept = new LastGood(3_000);
  for (let at = 0; at < 100; at += 1) {
    kept.keep(`recipient-${at}`, rendered);
    kept.keep("first", rendered);
    expect(kept.bytes).toBeLessThanOrEqual(3_000);
  }
  expect(kept.get("first")?.html).toBe(rendered.html);
  expect(kept.get("recipient-0")).toBe(null);
  kept.keep("first", { ...rendered, dataText: JSON.stringify("x".repeat(10_000)) });
  expect(kept.get("first")).toBe(null);
});

describe("pressure", () => {
  test("lets events give way while content is asked for and the loop runs late, and content go to memory later", async () => {
    const clock = new FakeClock();
    const timers = new ManualTimers();
    using pressure = new Pressure(timers, clock);
    const told = () => [pressure.ingestYields, pressure.memoryOnly];
    pressure.note();
    expect(told()).toEqual([false, false]);
    clock.advance(50 + 501);
    expect(told()).toEqual([true, false]);
    clock.advance(700);
    expect(told()).toEqual([false, true]);
    pressure.note();
    expect(told()).toEqual([true, true]);
    await timers.tick();
    expect(told()).toEqual([true, true]);
    for (let tick = 0; tick < 21; tick += 1) {
      clock.advance(50);
      await timers.tick();
      pressure.note();
    }
    expect(told()).toEqual([false, false]);
  });
});

describe("receipts", () => {
  test("have names that sort by time and lead back", () => {
    const ids = [0, 1, 4_096, Date.UTC(2026, 10, 24) * 4_096, Number.MAX_SAFE_INTEGER];
    const names = ids.map(receiptName);
    expect(names.map(receiptId)).toEqual(ids);
    expect(names.toSorted()).toEqual(names);
    for (const wrong of ["", "rcp_", "rcp_0000000000U", "rcp_ZZZZZZZZZZZ", "prf_00000000000"])
      expect(receiptId(wrong)).toBe(null);
  });

  test("that can't be written are counted and said once, and those after are written again", async () => {
    const block = await makeBlock("hello", file, "[]", { engine: newEngine({}), linkHosts: null });
    const timers = new ManualTimers();
    const said: string[] = [];
    let isBroken = true;
    const written: unknown[][] = [];
    const ops = {
      ask: (_room: string, name: string, ...args: unknown[]) => {
        if (isBroken) return Promise.reject(new Error("the disk is full"));
        if (name === "write") written.push(args);
        return Promise.resolve(0);
      },
    };
    const receipts = new Receipts({
      ops: ops as unknown as ConstructorParameters<typeof Receipts>[0]["ops"],
      timers,
      retention: { keepMs: 1, maxRows: 1 },
      notice: (level, sentence) => said.push(`${level}: ${sentence}`),
    });
    const draft = { atMs: 1_000 } as ReceiptDraft;
    const names = [receipts.note(block, draft), receipts.note(block, draft)];
    expect(new Set(names).size).toBe(2);
    expect(timers.delaysMs).toEqual([100]);
    await receipts.flush();
    receipts.note(block, draft);
    await receipts.flush();
    expect(receipts.counts).toEqual({ written: 0, waiting: 0, lost: 3 });
    isBroken = false;
    receipts.note(block, draft);
    await receipts.flush();
    expect(receipts.counts).toEqual({ written: 1, waiting: 0, lost: 3 });
    expect(said).toEqual([
      "error: receipts of content are lost: the disk is full",
      "info: receipts are written again",
    ]);
    // The block's text comes along with the first that is written.
    expect(JSON.stringify(written[0]?.[1])).toContain("hello");
  });
});
