/** What answers mean to the loop itself: credentials that run out are fetched anew once, broken JSON is no answer. */
import { expect, test } from "bun:test";
import { z } from "zod";
import type { Destination } from "../../../src/esp/deliver/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { until } from "../../support/until.ts";

/** Takes the token of the newest round alone; `grants`: whether it gives new ones. */
function vendor(grants: () => boolean) {
  const state = { token: 1, refreshes: 0, taken: 0 };
  const server = faultServer((request) => {
    if (request.headers.get("authorization") !== `Bearer ${state.token}`)
      return new Response("", { status: 401 });
    state.taken += 1;
    return Response.json({});
  });
  let held = 1;
  const type: Destination = {
    type: "vendor",
    title: "Vendor",
    settings: z.strictObject({}),
    can: ["upsert"],
    secrets: () => [],
    open: () => ({
      limits: { windows: [], connections: 2 },
      identify: ({ profileId }) => ({ kind: "key", key: { profileId } }),
      probe: null,
      refresh: () => {
        state.refreshes += 1;
        if (grants()) held = state.token;
        return Promise.resolve(grants());
      },
      upsert: {
        maxRows: 1,
        maxBytes: 10_000,
        repeat: "idempotent",
        way: {
          kind: "http",
          request: () => ({
            method: "POST",
            url: `${server.origin}/in`,
            headers: { Authorization: `Bearer ${held}` },
            body: "{}",
          }),
        },
      },
    }),
  };
  return { state, type, server };
}

test("what ran out is fetched anew, and the same rows go at once", async () => {
  const { state, type, server } = vendor(() => true);
  using _server = server;
  await using rig = await deliveryRig({ types: [type] });
  await rig.use({ type: "vendor", own: {} });
  state.token = 2;
  await rig.test.accept("identify", { userId: "u1", traits: { a: 1 } });
  await rig.settled();
  expect(state).toEqual({ token: 2, refreshes: 1, taken: 1 });
  expect(rig.deliveries.running.get("out")?.gate.stopped).toBeNull();
});

test("what can't be fetched anew stops the destination after one try, and nothing is lost", async () => {
  let grants = false;
  const { state, type, server } = vendor(() => grants);
  using _server = server;
  await using rig = await deliveryRig({ types: [type] });
  await rig.use({ type: "vendor", own: {} });
  state.token = 2;
  await rig.test.accept("identify", { userId: "u1", traits: { a: 1 } });
  const running = rig.deliveries.running.get("out");
  await until("it stops", () => running?.gate.stopped !== null);
  expect(running?.gate.stopped).toStartWith("the credentials are refused");
  expect([state.refreshes, server.seen.length, state.taken]).toEqual([1, 1, 0]);
  grants = true;
  running?.pause(false);
  await rig.settled();
  expect(state.taken).toBe(1);
});

test("an answer of 200 that says JSON and breaks off is no acknowledgement", async () => {
  const { state, type, server } = vendor(() => true);
  using _server = server;
  await using rig = await deliveryRig({ types: [type] });
  await rig.use({ type: "vendor", own: {} });
  const headers = { "Content-Type": "application/json; charset=utf-8" };
  server.fail([{ kind: "status", status: 200, headers, body: '{"ok":tr' }]);
  await rig.test.accept("identify", { userId: "u1", traits: { a: 1 } });
  await rig.settled();
  expect([server.seen.length, state.taken]).toEqual([2, 1]);
});
