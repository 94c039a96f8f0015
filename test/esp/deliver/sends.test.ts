/** Messages that must not go out twice: what may or may not have gone out is held, or goes out under the same id. */
import { expect, test } from "bun:test";
import { z } from "zod";
import type { Destination, SendRow } from "../../../src/esp/deliver/destination.ts";
import type { Prepared, SendMaker } from "../../../src/esp/deliver/planning.ts";
import type { Lane } from "../../../src/model/delivery/delivery.ts";
import type { Verdict } from "../../../src/model/delivery/verdict.ts";
import { noConsentRules } from "../../../src/model/consentRule.ts";
import { noRules } from "../../../src/model/rules.ts";
import { deliveryRig, type DeliveryRig } from "../../support/deliveryRig.ts";
import { until } from "../../support/until.ts";

/** A way out without idempotency, such as mail; `answers` decide what comes of each message in turn. */
class Mailbox {
  readonly sent: SendRow[] = [];
  answers: Verdict[] = [];

  readonly type: Destination = {
    type: "mailbox",
    title: "Mailbox",
    settings: z.strictObject({}),
    can: ["send"],
    secrets: () => [],
    open: () => ({
      limits: { windows: [], connections: 1 },
      identify: ({ email }) =>
        email === null ? { kind: "none", missing: "e-mail address" } : { kind: "key", key: { email } },
      probe: null,
      send: {
        maxRows: 1,
        maxBytes: 100_000,
        repeat: "uncertain",
        way: {
          kind: "own",
          describe: ([row]) => `to ${row?.email ?? ""}`,
          perform: ([row]) => {
            if (row !== undefined) this.sent.push(row);
            return Promise.resolve(this.answers.shift() ?? { kind: "done" });
          },
        },
      },
    }),
  };
}

class Maker implements SendMaker {
  readonly heard: string[] = [];
  prepared: Prepared[] = [];

  prepare(): Promise<Prepared> {
    const message = {
      subject: "Hi",
      html: "<p>Hi</p>",
      text: "Hi",
      template: null,
      data: {},
      topic: null,
      headers: {},
    };
    const usual = { kind: "send", channel: "email", topic: "marketing", message } as const;
    return Promise.resolve(this.prepared.shift() ?? usual);
  }

  told({ item }: { readonly item: string }, outcome: string, reason: string | null): Promise<void> {
    this.heard.push(`${item} ${outcome}${reason === null ? "" : `: ${reason}`}`);
    return Promise.resolve();
  }
}

const granted = { ...noRules, consent: { ...noConsentRules, otherwise: "granted" } } as const;

async function scene(mailbox: Mailbox, options: Parameters<typeof deliveryRig>[0] = {}) {
  const rig = await deliveryRig({ types: [mailbox.type], rules: granted, ...options });
  const maker = new Maker();
  rig.deliveries.makeSendsWith(maker);
  await rig.use({ type: "mailbox", own: {} });
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  return { rig, maker };
}

async function send(rig: DeliveryRig, item: string, lane: Lane): Promise<void> {
  const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
  const row = { profile, kind: "send", item, lane, seq: 1, atMs: Date.now(), payload: "{}" } as const;
  await rig.deliveries.enqueue("out", [row]);
}

async function letters(rig: DeliveryRig) {
  return rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 10);
}

test("a message of unknown outcome is held for a person, and goes out again only by name", async () => {
  const mailbox = new Mailbox();
  const { rig, maker } = await scene(mailbox);
  await using _rig = rig;
  mailbox.answers = [{ kind: "unknown", reason: "the connection broke" }];
  await send(rig, "m1", "behavioural");
  await until("it is held", async () => (await letters(rig)).length === 1);
  const [letter] = await letters(rig);
  expect(letter).toMatchObject({ why: "uncertain", item: "m1", reason: "the connection broke" });
  expect(await rig.ops.ask("deadLetters", "replay", 1, null, Date.now())).toMatchObject({ count: 0 });
  await rig.restart();
  rig.deliveries.makeSendsWith(maker);
  expect(mailbox.sent.length).toBe(1);
  await rig.ops.ask("deadLetters", "replay", 1, [letter?.id ?? 0], Date.now());
  rig.deliveries.nudge();
  await until("it went out again", () => mailbox.sent.length === 2);
  expect(mailbox.sent.map(({ id }) => id)).toEqual(["m1", "m1"]);
});

test("in the transactional lane it goes out again under the same id, until it is known", async () => {
  const mailbox = new Mailbox();
  const { rig, maker } = await scene(mailbox);
  await using _rig = rig;
  mailbox.answers = [
    { kind: "unknown", reason: "x" },
    { kind: "unknown", reason: "x" },
  ];
  await send(rig, "receipt-1", "transactional");
  await until("it is known", () => maker.heard.length === 1);
  expect(mailbox.sent.map(({ id }) => id)).toEqual(["receipt-1", "receipt-1", "receipt-1"]);
  expect(maker.heard).toEqual(["receipt-1 sent"]);
});

test("ended between send and answer, it is uncertain at the next start; in the transactional lane it is sent again", async () => {
  const mailbox = new Mailbox();
  let crashes = 0;
  const crash = (name: string) => {
    if (name !== "afterDeliverySent" || crashes >= 2) return;
    crashes += 1;
    throw new Error("the process ended");
  };
  const { rig, maker } = await scene(mailbox, { deps: { crash } });
  await using _rig = rig;
  await send(rig, "m1", "behavioural");
  await until("it was sent", () => crashes === 1);
  await send(rig, "t1", "transactional");
  await until("both were sent", () => crashes === 2);
  await rig.restart();
  rig.deliveries.makeSendsWith(maker);
  rig.deliveries.nudge();
  await until("the receipt went out again", () => mailbox.sent.length === 3);
  expect(mailbox.sent.map(({ id }) => id)).toEqual(["m1", "t1", "t1"]);
  expect((await letters(rig)).map(({ item, why }) => [item, why])).toEqual([["m1", "uncertain"]]);
});

test("a repeat of the same item while it waits is one message; who may not be written to gets none", async () => {
  const mailbox = new Mailbox();
  const { rig, maker } = await scene(mailbox, { rules: noRules });
  await using _rig = rig;
  await send(rig, "m1", "behavioural");
  await until("it is told", () => maker.heard.length === 1);
  expect(maker.heard).toEqual(["m1 skipped: consent_unknown"]);
  await rig.test.accept("track", {
    userId: "u1",
    event: "Consent Changed",
    properties: { channel: "email", topic: "marketing", status: "granted" },
  });
  rig.deliveries.running.get("out")?.pause(true);
  await send(rig, "m2", "behavioural");
  await send(rig, "m2", "behavioural");
  maker.prepared = [{ kind: "skip", reason: "no longer a member" }];
  await send(rig, "m3", "transactional");
  rig.deliveries.running.get("out")?.pause(false);
  await until("all is told", () => maker.heard.length === 3);
  expect(maker.heard.slice(1)).toEqual(["m3 skipped: no longer a member", "m2 sent"]);
  expect(mailbox.sent.map(({ id, email }) => [id, email])).toEqual([["m2", "ann@example.com"]]);
});
