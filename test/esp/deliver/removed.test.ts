/** What waits for a destination that is configured no more: it is seen, comes back with it, and goes only when told. */
import { expect, test } from "bun:test";
import { deliveryRig, type DeliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { Receiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

async function scene() {
  const receiver = new Receiver();
  const server = faultServer((request, body) => receiver.answer(request, body));
  const rig = await deliveryRig();
  const own = { url: `${server.origin}/in`, maxRows: 500, maxBytes: 1_000_000 };
  const setting = { type: "http", own, events: ["Seen"] };
  server.failing = { kind: "status", status: 503 };
  await rig.use(setting);
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: "Ann" } });
  await rig.test.accept("track", { userId: "u1", event: "Seen" });
  await until("it waits", async () => {
    const { byLane } = await rig.ops.ask("deliveries", "counts", 1);
    return byLane.behavioural === 2;
  });
  const profileId = rig.test.find("user_id", "u1")?.profileId ?? "";
  return { rig, server, receiver, setting, person: { userId: "u1", email: "", profileId } };
}

async function removedOf(rig: DeliveryRig): Promise<readonly (readonly [string, number])[]> {
  const removed = await rig.deliveries.removed();
  return removed.map(({ name, queue }) => [name, queue.byLane.behavioural] as const);
}

test("it waits on, through restarts, and is sent when the destination comes back", async () => {
  const { rig, server, receiver, setting, person } = await scene();
  using _server = server;
  await using _rig = rig;
  expect(await removedOf(rig)).toEqual([]);
  await rig.use();
  expect(await removedOf(rig)).toEqual([["out", 2]]);
  await rig.restart();
  expect(await removedOf(rig)).toEqual([["out", 2]]);
  server.failing = null;
  await rig.use(setting);
  await rig.settled();
  expect(await removedOf(rig)).toEqual([]);
  expect(receiver.fields(person)).toEqual({ firstName: "Ann" });
  expect(receiver.events(person)).toEqual(["Seen"]);
});

test("it is thrown away when told, never while it is configured, and the destination begins anew after that", async () => {
  const { rig, server, receiver, setting, person } = await scene();
  using _server = server;
  await using _rig = rig;
  const item = `t/${person.profileId}/1`;
  const act = { kind: "setOff", trigger: "t", profile: person.profileId, topic: null, seq: 1 } as const;
  const more = { atMs: Date.now(), destination: 1, lane: "behavioural", oncePerMs: null } as const;
  await rig.use();
  await rig.ops.ask("triggers", "take", 1, 1, [{ ...act, ...more }], Date.now());
  const [gone] = await rig.deliveries.removed();
  if (gone === undefined) throw new Error("it is not seen");
  await rig.use(setting);
  expect(await rig.deliveries.forget(gone)).toBe(false);
  expect(await rig.ops.ask("triggers", "byItem", item)).toMatchObject({ outcome: "queued" });
  await rig.use();
  expect(await rig.deliveries.forget(gone)).toBe(true);
  expect(await removedOf(rig)).toEqual([]);
  expect(await rig.ops.ask("destinations", "list")).toEqual([]);
  expect(await rig.ops.ask("triggers", "byItem", item)).toMatchObject({
    outcome: "skipped",
    reason: "destination_removed",
  });
  server.failing = null;
  await rig.use(setting);
  await rig.settled();
  // As any that is added: everybody as they are, and no event of before.
  expect(receiver.fields(person)).toEqual({ firstName: "Ann" });
  expect(receiver.events(person)).toEqual([]);
});
