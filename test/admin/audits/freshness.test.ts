import { describe, expect, test } from "bun:test";
import { ErrorBudget, burnOf, type FreshnessTarget } from "../../../src/admin/audits/errorBudget.ts";
import { freshnessBoard } from "../../../src/admin/audits/freshnessBoard.ts";
import { FreshnessWatch, withinBound } from "../../../src/admin/audits/freshnessWatch.ts";
import { VisibleTimes } from "../../../src/admin/audits/visibleTimes.ts";
import { latencyBoundsMs } from "../../../src/lib/metrics.ts";
import { folderPaths } from "../../../src/store/folder.ts";
import { JournalReader } from "../../../src/store/journalReader.ts";
import { OpsDesk } from "../../../src/store/ops/opsDesk.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { ManualTimers } from "../../support/manualTimers.ts";
import { openTestStore } from "../../support/openTestStore.ts";
import { tempFolder } from "../../support/tempFolder.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const target: FreshnessTarget = { stage: "visible", withinMs: 1_000, share: 0.99, windowMs: 28 * dayMs };
const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

function openDesk(path: string): OpsDesk {
  return new OpsDesk({
    path,
    start: () => new Worker(new URL("../../../src/workers/ops.ts", import.meta.url)),
    onDiskFailed: () => {},
  });
}

test("when a change became readable is known for the newest groups", () => {
  const times = new VisibleTimes();
  expect(times.at(1)).toBe(null);
  times.note(10, 1_000);
  times.note(10, 5_000);
  times.note(25, 2_000);
  expect([times.at(1), times.at(10), times.at(11), times.at(25), times.at(26)]).toEqual([
    1_000,
    1_000,
    2_000,
    2_000,
    null,
  ]);
  for (let group = 1; group <= 9_000; group += 1) times.note(25 + group, 2_000 + group);
  expect([times.at(25), times.at(9_025)]).toEqual([null, 11_000]);
});

describe("the error budget", () => {
  const alarmed = (late: number, minutes: number, quietMinutes = 0) => {
    const budget = new ErrorBudget(target);
    for (let minute = 0; minute < minutes; minute += 1) {
      budget.note(2_000, late, minute * 60_000);
      budget.note(10, 100 - late, minute * 60_000);
    }
    return budget.conditions((minutes + quietMinutes - 1) * 60_000).map(({ sentence }) => sentence);
  };

  test("alarms while it burns far too fast, and no longer", () => {
    expect(alarmed(20, 60)).toEqual([
      "In the last hour 20 % of the events took longer than 1000 ms until they could be read: the error budget burns 20 times too fast.",
    ]);
    expect(alarmed(5, 60)).toEqual([]);
    expect(alarmed(20, 1)).toEqual([]);
    // Bad an hour ago, well for six minutes.
    expect(alarmed(20, 50, 6)).toEqual([]);
  });

  test("knows what burns", () => {
    expect(burnOf(0, 0, target)).toBe(null);
    expect(burnOf(1_000, 10, target)).toBeCloseTo(1);
    const counts = [...latencyBoundsMs.map((bound) => (bound <= 1_000 ? 1 : 5)), 7];
    expect(withinBound(counts, 1_000)).toBe(latencyBoundsMs.filter((bound) => bound <= 1_000).length);
  });
});

test("what was counted is kept by ten minutes, later by hours, and put together for the board", async () => {
  using folder = tempFolder();
  const desk = openDesk(folder.at("ops.db"));
  const startMs = Date.UTC(2026, 10, 2);
  const row = (atMs: number, count: number) => ({
    atMs,
    source: "web",
    event: "Order Completed",
    stage: "visible",
    counts: [0, 0, count],
  });
  for (let minutes = 0; minutes < 120; minutes += 10)
    await desk.ask("freshness", "add", [row(startMs + minutes * 60_000, 1)], startMs);
  await desk.ask("freshness", "add", [row(startMs, 5)], startMs);
  const fine = await desk.ask("freshness", "board", startMs, 600_000);
  expect(fine.stretches.map(({ counts }) => counts[2])).toEqual([6, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  await desk.ask("freshness", "add", [row(startMs + 4 * dayMs, 2)], startMs + 4 * dayMs);
  const coarse = await desk.ask("freshness", "board", startMs, 600_000);
  expect(coarse.stretches.map(({ atMs, counts }) => [(atMs - startMs) / hourMs, counts[2]])).toEqual([
    [0, 11],
    [1, 6],
    [96, 2],
  ]);
  expect(coarse.kinds).toEqual([
    { source: "web", event: "Order Completed", stage: "visible", counts: [0, 0, 19] },
  ]);
  await desk.ask("freshness", "add", [], startMs + 70 * dayMs);
  expect((await desk.ask("freshness", "board", 0, dayMs)).stretches).toEqual([]);
  await desk.close();
});

test("of very many events a sample is looked at, which stands for all; imports, tests and single people are left out", async () => {
  using folder = tempFolder();
  const clock = new FakeClock();
  await using opened = await openTestStore(folder.at("data"), { clock });
  const ops = openDesk(folder.at("data/ops.db"));
  const timers = new ManualTimers();
  const visible = new VisibleTimes();
  const budget = new ErrorBudget(target);
  using watch = new FreshnessWatch({
    visible,
    budget,
    head: () => opened.store.changes.head(),
    openJournal: () => new JournalReader(folderPaths(folder.at("data")).journal),
    ops,
    clock,
    timers,
    log: silent,
  });
  const track = (event: string, index: number) => ({
    type: "track",
    messageId: `${event}-${index}`,
    userId: event === "Alone" ? "u1" : `u${index % 50}`,
    event,
    timestamp: new Date(clock.nowMs() - 3_000).toISOString(),
  });
  const batch = (event: string, count: number) => ({
    batch: Array.from({ length: count }, (_, index) => track(event, index)),
  });
  await opened.accept("batch", batch("Page Read", 2_000));
  await opened.accept("batch", batch("Alone", 30));
  await opened.accept("batch", batch("Imported", 30), { lane: "import" });
  await opened.accept("batch", batch("Tested", 30), { namespace: "test" });
  visible.note(opened.store.changes.head(), clock.nowMs() + 2_500);
  await timers.tick();
  watch.note("fed", "web", "Page Read", 40);
  watch.delivered(1, 700);
  for (let seq = 2; seq < 500; seq += 1) watch.delivered(seq, 9_000);
  const board = await freshnessBoard({ watch, budget, ops }, "6h", clock.nowMs());
  const names = board.kinds.map(({ event }) => event);
  expect(names).toContain("Page Read");
  expect(names).not.toContain("Alone");
  expect(names).not.toContain("Imported");
  expect(names).not.toContain("Tested");
  const read = board.kinds.find(({ event }) => event === "Page Read");
  // Two hundred were looked at.
  expect(read?.stages["visible"]?.count).toBeGreaterThan(1_500);
  expect(read?.stages["lag"]?.p50).toBeGreaterThan(2_500);
  expect(read?.stages["fed"]?.count).toBe(1);
  // No more are looked up in a second.
  expect(read?.stages["delivered"]?.count).toBe(200);
  expect(board.stages).toEqual(["lag", "visible", "fed", "delivered"]);
  expect(read?.late).toBe(read?.stages["visible"]?.count);
  expect(board.target.late).toBe(board.target.events);
  expect(board.target.burnHour).toBeCloseTo(100);
  await ops.close();
});
