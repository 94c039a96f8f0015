/** What an operator asks before and after sending: the exact request, the credentials, what was sent and what was not. */
import { expect, test } from "bun:test";
import { explain, preview, probe, type ActDeps } from "../../../src/esp/deliver/acts.ts";
import type { Deliverer } from "../../../src/esp/deliver/deliverer.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { StoredProfile } from "../../../src/store/profiles.ts";
import { deliveryRig, type DeliveryRig } from "../../support/deliveryRig.ts";
import { faultServer, type FaultServer } from "../../support/faultServer.ts";
import { Receiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

const secret = "a-long-secret-of-ours";

interface Scene {
  readonly rig: DeliveryRig;
  readonly server: FaultServer;
  readonly deps: ActDeps;
  readonly running: () => Deliverer;
  readonly profile: () => StoredProfile;
}

async function scene(): Promise<Scene> {
  const receiver = new Receiver();
  const server = faultServer((request, body) => receiver.answer(request, body));
  const rig = await deliveryRig();
  const map = [
    { field: "name", from: { kind: "path", text: "firstName" }, type: null },
    { field: "plan", from: { kind: "path", text: "plan" }, type: null },
  ] as const;
  const own = { url: `${server.origin}/in`, token: secret, maxRows: 500, maxBytes: 1_000_000 };
  await rig.use({ type: "http", own, map });
  return {
    rig,
    server,
    deps: { deliveries: rig.deliveries, ops: rig.ops, changes: rig.test.store.changes, clock: systemClock },
    running: () => {
      const found = rig.deliveries.running.get("out");
      if (found === undefined) throw new Error("no destination");
      return found;
    },
    profile: () => {
      const found = rig.test.store.profiles.find("live", "user_id", "u1");
      if (found.kind !== "found") throw new Error("no profile");
      return found.profile;
    },
  };
}

test("a preview is the request that goes out then, with what differs alone, and without what is secret", async () => {
  const { rig, server, deps, running, profile } = await scene();
  using _server = server;
  await using _rig = rig;
  running().pause(true);
  for (const traits of [{ firstName: "Ann", plan: "free" }, { plan: "pro" }]) {
    await rig.test.accept("identify", { userId: "u1", traits });
    const shown = await preview(running(), profile(), deps);
    expect(server.seen).toEqual([]);
    running().pause(false);
    await rig.settled();
    const [sent] = server.seen.splice(0);
    running().pause(true);
    expect(shown.requests).toHaveLength(1);
    const [{ operation, text } = { operation: "", text: "" }] = shown.requests;
    expect([operation, text.split("\n")[0]]).toEqual(["upsert", `POST ${server.origin}/in/profiles`]);
    expect(text).toEndWith(`\n\n${sent?.body}`);
    expect(sent?.headers.get("authorization")).toBe(`Bearer ${secret}`);
    expect(text).not.toContain(secret);
    expect(text.includes("Ann")).toBe("firstName" in traits);
  }
  // Everything is there: what a new profile would get is shown, and said to be that.
  const whole = await preview(running(), profile(), deps);
  expect(whole).toMatchObject({ isDifference: false, reason: null });
  expect(whole.requests[0]?.text).toContain("Ann");
});

test("credentials are tried by a request that changes nothing, and the answer is told without secrets", async () => {
  const { rig, server, running } = await scene();
  using _server = server;
  await using _rig = rig;
  expect(await probe(running())).toMatchObject({ isGood: true });
  server.failing = { kind: "status", status: 401, body: `{"key":"${secret}"}` };
  const refused = await probe(running());
  expect(refused.isGood).toBe(false);
  expect(refused.sentence).toContain("401");
  expect(refused.sentence).not.toContain(secret);
  expect(server.seen.map(({ method }) => method)).toEqual(["GET", "GET"]);
});

test("of a profile it is told what was sent, what was not yet, and why", async () => {
  const { rig, server, deps, running, profile } = await scene();
  using _server = server;
  await using _rig = rig;
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: "Ann" } });
  await rig.settled();
  const [sent] = await explain(profile(), deps);
  expect(sent).toMatchObject({ destination: "out", unsent: [], queued: [], reason: null });
  expect(Object.keys(sent?.known?.acknowledged ?? {})).toEqual(["f:name"]);
  expect(sent?.attempts[0]).toMatchObject({ operation: "upsert", outcome: "done", status: 200 });
  server.failing = { kind: "status", status: 503, body: "{}" };
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: null, plan: "pro" } });
  await until("it was tried", async () => {
    const [one] = await explain(profile(), deps);
    return one?.attempts.some(({ status }) => status === 503) === true;
  });
  running().pause(true);
  const [waits] = await explain(profile(), deps);
  expect(waits?.unsent).toEqual(["plan", "name (to be cleared)"]);
  expect(waits?.queued).toMatchObject([{ kind: "profile", lane: "behavioural" }]);
});

test("what was taken is nobody else's until its deadline, and then anybody's", async () => {
  const { rig, server, running, profile } = await scene();
  using _server = server;
  await using _rig = rig;
  running().pause(true);
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: "Ann" } });
  await until("it waits", async () => {
    const { byLane } = await rig.ops.ask("deliveries", "counts", 1);
    return byLane.behavioural === 1;
  });
  const take = async (monotonicMs: number) => {
    const at = { nowMs: Date.now(), monotonicMs };
    const { rows } = await rig.ops.ask("deliveries", "take", 1, ["behavioural"], 10, at);
    return rows.map((row) => row.profile);
  };
  const { profileId } = profile();
  // Far ahead: a worker that had begun to look before it was paused must not find the deadline over.
  const takenMs = 1e12;
  expect(await take(takenMs)).toEqual([profileId]);
  expect(await take(takenMs + 299_999)).toEqual([]);
  expect(await take(takenMs + 300_000)).toEqual([profileId]);
});
