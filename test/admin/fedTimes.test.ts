import { expect, test } from "bun:test";
import { FedTimes } from "../../src/admin/fedTimes.ts";
import { Latency } from "../../src/lib/metrics.ts";
import { MemoryStore } from "../support/memoryStore.ts";

test("the first reader's time is kept, of changes since the start only", () => {
  const store = new MemoryStore();
  const before = store.send({ userId: "1" });
  const latency = new Latency();
  const times = new FedTimes(store.changes, latency, store.clock);
  const since = store.send({ userId: "1" });
  store.clock.advance(40);
  times.note(before);
  times.note(since);
  const fedAtMs = store.clock.nowMs();
  store.clock.advance(1_000);
  times.note(since);
  expect(times.at(before)).toBeNull();
  expect(times.at(since)).toBe(fedAtMs);
  expect(latency.read().total).toBe(1);
});
