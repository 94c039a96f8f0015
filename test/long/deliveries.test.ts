import { expect, test } from "bun:test";
import { deliveryCrashPoints } from "../../src/lib/crashPoint.ts";
import { DeliveryChaos } from "../proof/deliveryChaos.ts";
import { Random } from "../support/random.ts";
import { newSeed, progress } from "./progress.ts";

const lives = 5;
const kills = 12;

test(`destinations failing at random and dead, the server killed ${lives * kills} times: each live one ends with everybody's last state, and each trigger wrote at most once`, async () => {
  const random = new Random(newSeed("the kills"));
  const told = progress();
  const total = { kills: 0, people: 0, erasures: 0, mails: 0, steady: 0, flaky: 0 };
  for (let life = 0; life < lives; life += 1) {
    await using chaos = await DeliveryChaos.begin(random);
    for (let kill = 0; kill < kills; kill += 1) {
      const point = random.chance(0.3) ? `${random.pick(deliveryCrashPoints)}:${1 + random.below(20)}` : null;
      await chaos.start(point, { moved: random.chance(0.5) });
      if (point === null) {
        await chaos.live(20 + random.below(150));
        await Bun.sleep(random.below(3_000));
        await chaos.kill();
      } else await chaos.untilCrashed();
      total.kills += 1;
      told.step(() => `${total.kills} of ${lives * kills} kills`);
    }
    await chaos.start();
    await chaos.heal();
    const { wanted, got } = await chaos.compare();
    expect(got).toEqual({ steady: wanted, flaky: wanted });
    expect(chaos.leftOver()).toEqual([]);
    expect(await chaos.wrongMails()).toEqual([]);
    total.mails += chaos.mails;
    total.people += Object.keys(wanted).length;
    total.erasures += chaos.erasures;
    total.steady += chaos.requests.steady;
    total.flaky += chaos.requests.flaky;
  }
  expect(total.people).toBeGreaterThan(lives * 5);
  told.last(
    `${total.kills} kills: ${total.people} people compared at each of two destinations, ${total.erasures} erased, ${total.mails} mails, ${total.steady} requests to the steady one, ${total.flaky} to the one that fails`,
  );
});
