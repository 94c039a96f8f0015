import { describe, expect, test } from "bun:test";
import { Alerts, type AlertRules } from "../../../src/admin/alerts/alerts.ts";
import { AlertSender } from "../../../src/admin/alerts/alertSender.ts";
import type { Reading } from "../../../src/admin/alerts/condition.ts";
import { postJson } from "../../../src/lib/http.ts";
import { seededIds } from "../../../src/lib/id.ts";
import { silentLog, type Log } from "../../../src/lib/log.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { ManualTimers } from "../../support/manualTimers.ts";
import { until } from "../../support/until.ts";

interface Received {
  readonly kind: string;
  readonly alert: {
    readonly id: string;
    readonly raisedAt: string;
    readonly clearedAt: string | null;
  } | null;
  readonly key: string | null;
}

/** A webhook that answers as it is told, 200 by default, and remembers. */
function receiver() {
  const received: Received[] = [];
  const answers: (() => Response)[] = [];
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const body = (await request.json()) as Omit<Received, "key">;
      received.push({ ...body, key: request.headers.get("idempotency-key") });
      return answers.shift()?.() ?? new Response(null, { status: 200 });
    },
  });
  return {
    received,
    answers,
    url: `http://127.0.0.1:${server.port}/hook`,
    [Symbol.asyncDispose]: () => server.stop(true),
  };
}

function logOf(lines: string[]): Log {
  const line = (level: string) => (sentence: string, fields?: { readonly why?: string }) =>
    void lines.push(`${level}: ${sentence}${fields?.why === undefined ? "" : `: ${fields.why}`}`);
  return { ...silentLog, info: line("info"), warn: line("warn"), error: line("error") };
}

const rules = {
  raiseAfterMs: 30_000,
  clearAfterMs: 60_000,
  quietAfterMs: 0,
  quietAfterMsBySource: {},
  quarantinePercent: 5,
  latencyMs: 2_000,
  diskFreeBytes: 1_000,
} as const;

const healthy: Omit<Reading, "atMs"> = {
  sources: [],
  taken: 0,
  quarantined: 0,
  overLimit: 0,
  groups: 0,
  visible: [],
  waitingRequests: 0,
  diskFreeBytes: 5_000,
  found: [],
};

function watch(webhook: string | null) {
  const clock = new FakeClock();
  const timers = new ManualTimers();
  const lines: string[] = [];
  const state: { reading: Omit<Reading, "atMs"> } = { reading: healthy };
  const alertRules: AlertRules = { ...rules, webhook };
  const alerts = new Alerts({
    rules: alertRules,
    read: () => state.reading,
    clock,
    timers,
    ids: seededIds(1),
    log: logOf(lines),
  });
  const pass = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 5) {
      clock.advance(5_000);
      await timers.tick();
    }
  };
  return { alerts, state, timers, lines, pass, [Symbol.dispose]: () => alerts[Symbol.dispose]() };
}

test("a disk that runs full is told once, and once that it has room again", async () => {
  await using hook = receiver();
  using watched = watch(hook.url);
  await watched.pass(60);
  watched.state.reading = { ...healthy, diskFreeBytes: 10 };
  await watched.pass(30);
  expect(watched.alerts.current()).toEqual([]);
  await watched.pass(60);
  expect(watched.alerts.current().map(({ id }) => id)).toEqual(["disk"]);
  await until("the webhook heard of it", () => hook.received.length === 1);
  watched.state.reading = healthy;
  await watched.pass(60);
  expect(watched.alerts.current()).toHaveLength(1);
  await watched.pass(30);
  await until("the webhook heard of the end", () => hook.received.length === 2);
  expect(watched.alerts.current()).toEqual([]);
  expect(watched.alerts.history().map(({ id }) => id)).toEqual(["disk"]);
  expect(
    hook.received.map(({ kind, alert }) => [kind, alert?.id, alert?.raisedAt, alert?.clearedAt]),
  ).toEqual([
    ["raised", "disk", "2026-11-24T09:01:35.000Z", null],
    ["cleared", "disk", "2026-11-24T09:01:35.000Z", "2026-11-24T09:03:35.000Z"],
  ]);
  expect(watched.lines).toEqual([
    "warn: alert raised: The data folder's disk has 0 MB left.",
    "info: alert cleared: The data folder's disk has 0 MB left.",
  ]);
});

test("a test message says what came of it", async () => {
  await using hook = receiver();
  using watched = watch(hook.url);
  expect(await watched.alerts.test()).toEqual({ kind: "sent", status: 200 });
  expect(hook.received.map(({ kind, alert }) => [kind, alert])).toEqual([["test", null]]);
  hook.answers.push(() => new Response("no", { status: 404 }));
  expect(await watched.alerts.test()).toMatchObject({ kind: "failed", why: "the webhook answered 404" });
  using without = watch(null);
  expect(await without.alerts.test()).toEqual({ kind: "noWebhook" });
});

describe("a webhook that does not take a message", () => {
  function sender(url: string, lines: string[] = []) {
    const timers = new ManualTimers();
    const sending = new AlertSender({
      webhook: url,
      post: postJson,
      timers,
      ids: seededIds(7),
      log: logOf(lines),
    });
    return { sending, timers };
  }
  const fail =
    (status: number, headers = {}) =>
    () =>
      new Response(null, { status, headers });

  test("is tried again later with the same key, and what comes after waits its turn", async () => {
    await using hook = receiver();
    hook.answers.push(fail(500), fail(429, { "Retry-After": "7" }));
    const { sending, timers } = sender(hook.url);
    using _sender = sending;
    sending.send({ kind: "raised", alert: null });
    sending.send({ kind: "cleared", alert: null });
    await until("it waits", () => timers.delaysMs.length === 1);
    expect(timers.delaysMs[0]).toBeLessThanOrEqual(1_000);
    timers.fire();
    await until("it was tried again", () => hook.received.length === 2 && timers.delaysMs.length === 1);
    expect(timers.delaysMs).toEqual([7_000]);
    timers.fire();
    await until("all is sent", () => sending.waiting === 0);
    expect(hook.received.map(({ kind }) => kind)).toEqual(["raised", "raised", "raised", "cleared"]);
    expect(new Set(hook.received.map(({ key }) => key)).size).toBe(2);
  });

  test("because it is gone is given up at once, and that is logged", async () => {
    await using hook = receiver();
    hook.answers.push(fail(410));
    const lines: string[] = [];
    const { sending } = sender(hook.url, lines);
    using _sender = sending;
    sending.send({ kind: "raised", alert: null });
    sending.send({ kind: "cleared", alert: null });
    await until("all is done", () => sending.waiting === 0);
    expect(hook.received).toHaveLength(2);
    expect(lines).toEqual(["error: an alert could not be sent to the webhook: the webhook answered 410"]);
  });

  test("for good is given up after ten tries, and no more than a hundred messages wait", async () => {
    const lines: string[] = [];
    const { sending, timers } = sender("http://127.0.0.1:1/hook", lines);
    using _sender = sending;
    for (let at = 0; at < 150; at += 1) sending.send({ kind: "raised", alert: null });
    expect(sending.waiting).toBe(100);
    expect(lines).toHaveLength(50);
    for (let attempt = 1; attempt < 10; attempt += 1) {
      await until("it waits", () => timers.delaysMs.length === 1);
      timers.fire();
    }
    await until("the first is given up", () => sending.waiting === 99);
    expect(lines.at(-1)).toStartWith("error: an alert could not be sent to the webhook");
  });
});
