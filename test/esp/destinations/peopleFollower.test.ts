import { expect, test } from "bun:test";
import { PeopleFollower, type PeopleFollowerDeps } from "../../../src/esp/deliver/peopleFollower.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { silentLog } from "../../../src/lib/log.ts";
import type { ChangeLog } from "../../../src/store/changeLog.ts";

/** A log with changes in it, whose readers wait as they would for the next one. */
const changes = {
  epoch: 1,
  head: () => 10,
  newest: () => 10,
  floor: () => 0,
  read: () => ({ changes: [], scannedTo: 10 }),
  waitBeyond: (seq: number, signal: AbortSignal) =>
    seq < 10
      ? new Promise<boolean>((resolve) => setImmediate(() => resolve(true)))
      : new Promise<boolean>((resolve) => signal.addEventListener("abort", () => resolve(false))),
} as unknown as ChangeLog;

test("a server without destinations asks once, and then rests", async () => {
  let asked = 0;
  // Nobody was ever delivered to, and no receipt was left.
  const ask = (room: string): Promise<number | null> => {
    if (room === "people") asked += 1;
    return Promise.resolve(room === "receipts" ? 0 : null);
  };
  const follower = new PeopleFollower({
    ops: { ask: ask as unknown as PeopleFollowerDeps["ops"]["ask"] },
    changes,
    clock: systemClock,
    log: silentLog,
    onErasures: () => {},
  });
  follower.start();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  await follower.stop();
  expect(asked).toBe(1);
});
