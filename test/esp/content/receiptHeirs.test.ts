/** Receipts of who becomes part of somebody, in whatever order they are written and the merge is heard of. */
import { describe, expect, test } from "bun:test";
import { makeBlock } from "../../../src/esp/content/block.ts";
import { newEngine } from "../../../src/esp/content/engine.ts";
import { Receipts, type ReceiptDraft } from "../../../src/esp/content/receipts.ts";
import type { PeopleAct } from "../../../src/store/ops/deliveries.ts";
import { OpsDesk } from "../../../src/store/ops/opsDesk.ts";
import { ManualTimers } from "../../support/manualTimers.ts";
import { tempFolder } from "../../support/tempFolder.ts";

const merge = (from: string, into: string): PeopleAct => ({
  kind: "merge",
  from: [from],
  into,
  seq: 1,
  atMs: 1_000,
});

function draftOf(profileId: string): ReceiptDraft {
  return {
    atMs: 1_000,
    namespace: "live",
    profileId,
    profileVersion: 1,
    askedHash: null,
    form: "html",
    notModified: false,
    servedFrom: "live",
    reason: null,
    contentHash: "0",
    caller: "key_1",
    traits: {},
  };
}

async function rig(path: string) {
  const desk = new OpsDesk({
    path,
    start: () => new Worker(new URL("../../../src/workers/ops.ts", import.meta.url)),
    onDiskFailed: () => {},
  });
  const receipts = new Receipts({
    ops: desk,
    timers: new ManualTimers(),
    retention: { keepMs: 1e12, maxRows: 1_000 },
    notice: () => {},
  });
  const file = "---\nfallback: <p>Hello.</p>\n---\n<p>Hi</p>";
  const block = await makeBlock("hello", file, "[]", { engine: newEngine({}), linkHosts: null });
  /** What the follower of people does with what it reads. */
  const hear = async (...acts: PeopleAct[]) => {
    receipts.follow(acts);
    await desk.ask("people", "take", 1, 1, acts, 1_000);
  };
  const of = async (profileId: string) => {
    const query = {
      namespace: "live",
      profileId,
      block: null,
      beforeId: null,
      fromId: 0,
      limit: 10,
    } as const;
    return (await desk.ask("receipts", "page", query)).receipts.length;
  };
  const note = (profileId: string) => receipts.note(block, draftOf(profileId));
  return { receipts, hear, of, note, [Symbol.asyncDispose]: () => desk.close() };
}

describe("the receipt of a profile that becomes part of another is found under that one", () => {
  test("when it was still waiting to be written, or was given of what the profile still was", async () => {
    using folder = tempFolder();
    await using ops = await rig(folder.at("ops.db"));
    const { receipts, hear, of, note } = ops;
    note("prf_waits");
    await hear(merge("prf_waits", "prf_b"), merge("prf_late", "prf_b"));
    note("prf_late");
    await receipts.flush();
    expect(await of("prf_b")).toBe(2);
    // Who it became part of may become part of somebody in turn, before it is written or after.
    note("prf_chain");
    await hear(merge("prf_chain", "prf_d"), merge("prf_d", "prf_e"));
    await receipts.flush();
    expect(await of("prf_e")).toBe(1);
    await hear(merge("prf_e", "prf_f"));
    expect(await of("prf_f")).toBe(1);
  });

  test("but not once the merge was undone, nor for ever: memory of it is bounded", async () => {
    using folder = tempFolder();
    await using ops = await rig(folder.at("ops.db"));
    const { receipts, hear, of, note } = ops;
    await hear(merge("prf_a", "prf_b"), { kind: "undo", profile: "prf_a", seq: 2, atMs: 1_000 });
    note("prf_a");
    await receipts.flush();
    expect([await of("prf_a"), await of("prf_b")]).toEqual([1, 0]);
    await hear(merge("prf_old", "prf_c"));
    for (let write = 0; write < 40; write += 1) {
      note("prf_other");
      await receipts.flush();
    }
    note("prf_old");
    await receipts.flush();
    expect(await of("prf_c")).toBe(0);
  });
});
