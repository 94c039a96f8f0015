import { expect, test } from "bun:test";
import { Gate } from "../../../src/esp/deliver/gate.ts";
import { Wake } from "../../../src/esp/deliver/wake.ts";
import { seededIds } from "../../../src/lib/id.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { ManualTimers } from "../../support/manualTimers.ts";

const cost = { rows: 1, bytes: 0 };
const failed = { isFailure: true, silenceMs: null };

test("while one request tries, others wait, and what goes with it goes out", async () => {
  const clock = new FakeClock();
  const wake = new Wake(new ManualTimers());
  const { signal } = new AbortController();
  const gate = new Gate([], { isPaused: false, stopped: null }, { clock, ids: seededIds(1), wake, signal });
  for (let at = 0; at < 5; at += 1) gate.told(failed);
  expect(await gate.turn(cost, "batch")).toBe(false);
  // Nothing is asked beside an answer that was none.
  expect(await gate.turn(cost, "batch", true)).toBe(false);
  clock.advance(5_000);
  expect(await gate.turn(cost, "batch")).toBe(true);
  expect(await gate.turn(cost, "batch")).toBe(false);
  expect(await gate.turn({ rows: 0, bytes: 0 }, "batch", true)).toBe(true);
  expect(gate.breaker.kind).toBe("trying");
  gate.told({ isFailure: false, silenceMs: null });
  expect(await gate.turn(cost, "batch")).toBe(true);
});
