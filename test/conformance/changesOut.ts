/**
 * What every destination must do that takes each change, in order: the same suite for all. A destination brings a fake of
 * whoever receives.
 */
import { describe, expect, test } from "bun:test";
import { reports } from "../../src/esp/deliver/acts.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { deliveryRig, type DeliveryRig, type PartialSetting } from "../support/deliveryRig.ts";
import { faultServer, type Fault, type FaultServer } from "../support/faultServer.ts";
import { until } from "../support/until.ts";

export interface ChangesCase {
  readonly name: string;
  readonly setting: (origin: string) => PartialSetting;
  readonly fake: () => ChangesFake;
  /** Statuses that stop it; the others are tried again. */
  readonly stops: readonly number[];
}

export interface ChangesFake {
  answer(request: Request, body: string): Promise<Response> | Response;
  /** Ids of changes as they came, `<epoch>.<seq>`, also those that came again. */
  readonly ids: readonly string[];
}

const passing: readonly (readonly [string, Fault])[] = [
  ["429 without Retry-After", { kind: "status", status: 429 }],
  ["429 with Retry-After", { kind: "status", status: 429, headers: { "Retry-After": "0" } }],
  ["500", { kind: "status", status: 500 }],
  ["503", { kind: "status", status: 503, headers: { "Content-Type": "text/html" }, body: "<html>" }],
  ["a timeout", { kind: "timeout" }],
  ["a reset in the middle of the body", { kind: "reset" }],
  ["a drip", { kind: "drip" }],
];

interface Scene extends AsyncDisposable {
  readonly rig: DeliveryRig;
  readonly server: FaultServer;
  readonly fake: ChangesFake;
  /** Lets something happen so many times, and says by which ids that goes out. */
  happen(times: number): Promise<void>;
  /** Ids that should have come up to now, in order. */
  wanted(): string[];
}

async function scene(one: ChangesCase): Promise<Scene> {
  const fake = one.fake();
  const server = faultServer((request, body) => fake.answer(request, body));
  const rig = await deliveryRig();
  const limits = { requestsPerSecond: null, connections: null, batchRows: null, timeoutMs: 400 };
  await rig.use({ limits, ...one.setting(server.origin) });
  const { changes } = rig.test.store;
  let count = 0;
  return {
    rig,
    server,
    fake,
    happen: async (times) => {
      for (let at = 0; at < times; at += 1) {
        count += 1;
        await rig.test.accept("track", { userId: `u${count % 3}`, event: "Seen", messageId: `m${count}` });
      }
    },
    wanted: () => rig.test.changes().map(({ seq }) => `${changes.epoch}.${seq}`),
    [Symbol.asyncDispose]: async () => {
      server[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

/** In the order in which each came first. */
function firsts(ids: readonly string[]): string[] {
  return [...new Set(ids)];
}

async function allArrived(s: Scene): Promise<void> {
  await until("all has arrived", () => new Set(s.fake.ids).size >= s.wanted().length);
  expect(firsts(s.fake.ids)).toEqual(s.wanted());
  expect(await s.rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
}

/** Runs the suite. */
export function describeChangesOut(one: ChangesCase): void {
  describe(`destination of changes ${one.name}`, () => {
    test("each change arrives once, in order, also through restarts; of a test key none", async () => {
      await using s = await scene(one);
      await s.happen(3);
      await s.rig.restart();
      await s.happen(2);
      await allArrived(s);
      const wanted = s.wanted();
      await s.rig.test.accept("track", { userId: "t", event: "Seen" }, { namespace: "test" });
      await until("it was passed over", () => {
        const cursor = s.rig.deliveries.running.get("out")?.cursor ?? 0;
        return cursor >= s.rig.test.store.changes.head();
      });
      expect(s.fake.ids).toEqual(wanted);
    });

    test.each(passing)("%s: tried again, before anything later", async (_what, fault) => {
      await using s = await scene(one);
      s.server.fail([fault]);
      await s.happen(3);
      await allArrived(s);
      expect(s.server.left).toBe(0);
      expect(s.fake.ids.length).toBe(s.wanted().length);
    });

    test("an answer that is lost after it was taken: what comes again has the same id", async () => {
      await using s = await scene(one);
      s.server.fail([{ kind: "reset" }, { kind: "timeout" }], { after: true });
      await s.happen(2);
      await allArrived(s);
      expect(s.fake.ids.length).toBeGreaterThan(s.wanted().length);
    });

    test("what it does not take makes it late, by how long and by how much", async () => {
      await using s = await scene(one);
      const report = async () => {
        const deps = { ...s.rig, changes: s.rig.test.store.changes, clock: { ...systemClock, nowMs } };
        return (await reports(deps))[0]?.lag;
      };
      const nowMs = () => Date.now() + 600_000;
      expect(await report()).toEqual({ changes: 0, ms: 0 });
      s.server.failing = { kind: "status", status: 503 };
      await s.happen(2);
      const lag = await report();
      expect(lag?.changes).toBe(2);
      expect(lag?.ms).toBeGreaterThanOrEqual(600_000);
      s.server.failing = null;
      await allArrived(s);
    });

    test.each([401, 403, 404, 409, 410, 413, 422])("%d loses nothing", async (status) => {
      await using s = await scene(one);
      s.server.failing = { kind: "status", status };
      await s.happen(2);
      const running = s.rig.deliveries.running.get("out");
      if (one.stops.includes(status)) await until("it stops", () => running?.gate.stopped !== null);
      else await until("it is tried again", () => s.server.seen.length > 1);
      s.server.failing = null;
      running?.pause(false);
      await allArrived(s);
    });
  });
}
