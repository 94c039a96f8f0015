import { expect, test } from "bun:test";
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
