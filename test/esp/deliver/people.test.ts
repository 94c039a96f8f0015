/** Who merges and who is erased, as destinations come to know of it. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { noRules } from "../../../src/model/rules.ts";
import { deliveryRig, type DeliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { Receiver } from "../../support/receiver.ts";
import { until } from "../../support/until.ts";

const own = (origin: string) => ({ url: `${origin}/in`, maxRows: 500, maxBytes: 1_000_000 });

function idOf(rig: DeliveryRig, type: string, value: string): string {
  return rig.test.find(type, value)?.profileId ?? "";
}

const person = (profileId: string) => ({ userId: "", email: "", profileId });

async function merged(rig: DeliveryRig): Promise<{ readonly visitor: string; readonly user: string }> {
  await rig.test.accept("identify", { anonymousId: "a1", traits: { seen: "shoes" } });
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: "Ann" } });
  await rig.settled();
  const visitor = idOf(rig, "anonymous_id", "a1");
  const user = idOf(rig, "user_id", "u1");
  expect(visitor).not.toBe(user);
  await rig.test.accept("identify", { userId: "u1", anonymousId: "a1" });
  await rig.test.store.admin.settle();
  await rig.settled();
  return { visitor, user };
}

test("after a merge the survivor has all of it, and an erasure reaches every name it had there", async () => {
  const receiver = new Receiver();
  using server = faultServer((request, body) => receiver.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use({ type: "http", own: own(server.origin) });
  const { visitor, user } = await merged(rig);
  const survivor = idOf(rig, "user_id", "u1");
  expect(receiver.fields(person(survivor))).toEqual({ firstName: "Ann", seen: "shoes" });
  await rig.test.store.admin.erase("live", "user_id", "u1");
  await until("both are erased there", () => [visitor, user].every((id) => receiver.isErased(person(id))));
  await rig.settled();
  for (const id of [visitor, user])
    expect(await rig.ops.ask("deliveryStories", "of", 1, id)).toMatchObject({ known: null, queued: [] });
});

test("merged and erased while no destination ran, every name is erased at the next start", async () => {
  const receiver = new Receiver();
  using server = faultServer((request, body) => receiver.answer(request, body));
  await using rig = await deliveryRig();
  const setting = { type: "http", own: own(server.origin) };
  await rig.use(setting);
  await rig.test.accept("identify", { anonymousId: "a1", traits: { seen: "shoes" } });
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: "Ann" } });
  await rig.settled();
  const ids = [idOf(rig, "anonymous_id", "a1"), idOf(rig, "user_id", "u1")];
  await rig.deliveries.close();
  await rig.test.accept("identify", { userId: "u1", anonymousId: "a1" });
  await rig.test.store.admin.settle();
  await rig.test.store.admin.erase("live", "user_id", "u1");
  await rig.restart();
  await until("both are erased there", () => ids.every((id) => receiver.isErased(person(id))));
  expect(rig.test.changes().at(-1)).toMatchObject({ cause: "erase" });
});

test("erased while it was being sent: what came there is taken away again", async () => {
  const receiver = new Receiver();
  const held = Promise.withResolvers<void>();
  let isHeld = false;
  using server = faultServer(async (request, body) => {
    if (request.url.endsWith("/profiles") && !isHeld) {
      isHeld = true;
      await held.promise;
    }
    return receiver.answer(request, body);
  });
  await using rig = await deliveryRig();
  await rig.use({ type: "http", own: own(server.origin) });
  await rig.test.accept("identify", { userId: "u1", traits: { firstName: "Ann" } });
  const profileId = idOf(rig, "user_id", "u1");
  await until("it is on its way", () => isHeld);
  await rig.test.store.admin.erase("live", "user_id", "u1");
  await until("the erasure is taken in", async () => {
    const { known } = await rig.ops.ask("deliveryStories", "of", 1, profileId);
    return known === null;
  });
  held.resolve();
  await until("it is erased there", () => receiver.isErased(person(profileId)));
  await rig.settled();
  expect(receiver.fields(person(profileId))).toBeNull();
});

test("a computed trait that changes by itself is sent when it does", async () => {
  const receiver = new Receiver();
  using server = faultServer((request, body) => receiver.answer(request, body));
  let offsetMs = 0;
  const clock = { nowMs: () => Date.now() + offsetMs, monotonicMs: () => Bun.nanoseconds() / 1e6 };
  const computed = [{ name: "seen1h", aggregate: "count", event: "Seen", windowMs: 3_600_000 }] as const;
  await using rig = await deliveryRig({ deps: { clock }, rules: { ...noRules, computed } });
  await rig.use({ type: "http", own: own(server.origin) });
  const timestamp = new Date().toISOString();
  await rig.test.accept("track", { userId: "u1", event: "Seen", timestamp }, { receivedAtMs: Date.now() });
  await rig.settled();
  const profileId = idOf(rig, "user_id", "u1");
  expect(receiver.fields(person(profileId))).toEqual({ seen1h: 1 });
  offsetMs = 3_700_000;
  rig.deliveries.nudge();
  await until("the window ran out there too", () => receiver.fields(person(profileId))?.["seen1h"] === 0);
});

test("once a person is erased there, no file here keeps what they were called there", async () => {
  using server = faultServer(() => Response.json({}));
  await using rig = await deliveryRig();
  const keys = { siteId: "s", apiKey: "secret-key", region: "us", identifyBy: "userId", url: server.origin };
  await rig.use({ type: "customerio", own: keys });
  await rig.test.accept("identify", { userId: "zebedee", traits: { email: "zebedee@x.example" } });
  await rig.settled();
  const filesWith = (text: string) =>
    readdirSync(rig.test.folder)
      .filter((name) => name.startsWith("ops.db"))
      .filter((name) => readFileSync(join(rig.test.folder, name)).toString("latin1").includes(text));
  expect(filesWith("zebedee")).not.toEqual([]);
  server.failing = { kind: "status", status: 503 };
  await rig.test.store.admin.erase("live", "user_id", "zebedee");
  await until("it is tried", () => server.seen.some(({ body }) => body.includes('"delete"')));
  // Whom to erase must be known until it is done.
  expect(filesWith("zebedee")).not.toEqual([]);
  server.failing = null;
  await rig.settled();
  expect(filesWith("zebedee")).toEqual([]);
});
