import { expect, test } from "bun:test";
import { auditDrift } from "../../../src/esp/deliver/drift.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { systemIds } from "../../../src/lib/id.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { Receiver } from "../../support/receiver.ts";

const setting = (origin: string) => ({
  type: "http",
  own: { url: `${origin}/in`, token: "secret-token", maxRows: 500, maxBytes: 1_000_000 },
});

describeDestination({ name: "http", setting, fake: () => new Receiver(), poison: "poison" });

test("a job is followed to its result, row by row, also over a restart", async () => {
  const receiver = new Receiver(true);
  using server = faultServer((request, body) => receiver.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use(setting(server.origin));
  for (const userId of ["u1", "u2", "u3"])
    await rig.test.accept("identify", { userId, traits: { plan: userId === "u2" ? "poison" : "free" } });
  await rig.restart();
  await rig.settled();
  const letters = await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 10);
  expect(letters.map(({ profile, reason }) => [profile, reason])).toEqual([
    [rig.test.find("user_id", "u2")?.profileId ?? "", "no such plan"],
  ]);
  for (const userId of ["u1", "u3"]) {
    const profileId = rig.test.find("user_id", userId)?.profileId ?? "";
    expect(receiver.fields({ userId, email: "", profileId })).toEqual({ plan: "free" });
    const { known } = await rig.ops.ask("deliveryStories", "of", 1, profileId);
    expect(Object.keys(known?.acknowledged ?? {})).toEqual(["f:plan"]);
  }
});

test("what was changed there behind our back is found, told by field, and sent again", async () => {
  const receiver = new Receiver();
  using server = faultServer((request, body) => receiver.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use(setting(server.origin));
  for (let at = 0; at < 10; at += 1)
    await rig.test.accept("identify", { userId: `u${at}`, traits: { plan: "free", visits: at } });
  await rig.settled();
  const idOf = (userId: string) => rig.test.find("user_id", userId)?.profileId ?? "";
  const deliverer = rig.deliveries.running.get("out");
  if (deliverer === undefined) throw new Error("no destination");
  const deps = { ops: rig.ops, profiles: rig.test.store.profiles, clock: systemClock, ids: systemIds };
  const audit = (repair: boolean) => auditDrift(deliverer, deps, { sample: 100, repair, youngestMs: -1 });
  expect(await audit(false)).toMatchObject({ sampled: 10, drifted: 0 });
  // A number that is kept as a text is none.
  receiver.tamper(idOf("u2"), { visits: "2" });
  receiver.tamper(idOf("u3"), { plan: "gold" });
  receiver.tamper(idOf("u5"), null);
  const found = await audit(true);
  expect(found).toMatchObject({ sampled: 10, drifted: 2, fields: { plan: 1, "(profile)": 1 }, repaired: 2 });
  expect(found?.found).toContainEqual({ profileId: idOf("u3"), field: "plan", theirs: "gold", ours: "free" });
  await rig.settled();
  expect(await audit(false)).toMatchObject({ sampled: 10, drifted: 0 });
});
