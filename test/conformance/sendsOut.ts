/**
 * What every destination must do with messages to people where it can't know a repeat: the same suite for all. A person
 * gets a message once, or nobody knows and a person decides; in the transactional lane it goes out again instead.
 */
import { describe, expect, test } from "bun:test";
import type { SendMaker } from "../../src/esp/deliver/planning.ts";
import { noConsentRules } from "../../src/model/consentRule.ts";
import type { Lane } from "../../src/model/delivery/delivery.ts";
import { noRules } from "../../src/model/rules.ts";
import { deliveryRig, type DeliveryRig, type PartialSetting } from "../support/deliveryRig.ts";
import { faultServer, type Fault, type FaultServer } from "../support/faultServer.ts";
import { until } from "../support/until.ts";

export interface SendsCase {
  readonly name: string;
  readonly setting: (origin: string) => PartialSetting;
  readonly fake: () => SendsFake;
}

export interface SendsFake {
  answer(request: Request, body: string): Promise<Response> | Response;
  /** Every message that it took, also one that came again. */
  readonly mails: readonly object[];
}

const json = { "Content-Type": "application/json" };
const html = { "Content-Type": "text/html" };

/** Nothing of it can have been taken. */
const harmless: readonly (readonly [string, Fault])[] = [
  ["429 without Retry-After", { kind: "status", status: 429 }],
  ["429 with Retry-After", { kind: "status", status: 429, headers: { "Retry-After": "0" } }],
  ["503", { kind: "status", status: 503, headers: html, body: "<html>" }],
];

/** It may have been taken. */
const open: readonly (readonly [string, Fault])[] = [
  ["500", { kind: "status", status: 500, body: "{}" }],
  ["200 with a page of HTML", { kind: "status", status: 200, headers: html, body: "<html>" }],
  ["200 with JSON that breaks off", { kind: "status", status: 200, headers: json, body: '{"id":' }],
  ["a timeout", { kind: "timeout" }],
  ["a reset in the middle of the body", { kind: "reset" }],
  ["a drip", { kind: "drip" }],
];

const message = {
  subject: "Hi",
  html: "<p>Hi</p>",
  text: "Hi",
  template: null,
  data: {},
  topic: null,
  headers: {},
};

interface Scene extends AsyncDisposable {
  readonly rig: DeliveryRig;
  readonly server: FaultServer;
  readonly fake: SendsFake;
  /** What became of messages. */
  readonly heard: readonly string[];
  send(lane?: Lane): Promise<void>;
}

async function scene(one: SendsCase): Promise<Scene> {
  const fake = one.fake();
  const server = faultServer((request, body) => fake.answer(request, body));
  const rules = { ...noRules, consent: { ...noConsentRules, otherwise: "granted" } } as const;
  const rig = await deliveryRig({ rules });
  const heard: string[] = [];
  const maker: SendMaker = {
    prepare: () => Promise.resolve({ kind: "send", channel: "email", topic: null, message }),
    told: (_delivery, outcome) => {
      heard.push(outcome);
      return Promise.resolve();
    },
  };
  rig.deliveries.makeSendsWith(maker);
  const limits = { requestsPerSecond: null, connections: null, batchRows: null, timeoutMs: 400 };
  await rig.use({ limits, ...one.setting(server.origin) });
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  await rig.settled();
  server.seen.length = 0;
  const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
  return {
    rig,
    server,
    fake,
    heard,
    send: (lane = "behavioural") =>
      rig.deliveries.enqueue("out", [
        { profile, kind: "send", item: "m1", lane, seq: 1, atMs: Date.now(), payload: null },
      ]),
    [Symbol.asyncDispose]: async () => {
      server[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

async function lettersOf({ rig }: Scene): Promise<readonly string[]> {
  const letters = await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 10);
  return letters.map(({ why }) => why);
}

/** Runs the suite. */
export function describeSendsOut(one: SendsCase): void {
  describe(`messages through ${one.name}`, () => {
    test.each(harmless)("%s: sent again, and received once", async (_what, fault) => {
      await using s = await scene(one);
      s.server.fail([fault]);
      await s.send();
      await until("it is settled", () => s.heard.length === 1);
      expect([s.heard, s.fake.mails.length, await lettersOf(s)]).toEqual([["sent"], 1, []]);
    });

    test.each(open)("%s: held for a person, and never sent again by itself", async (_what, fault) => {
      await using s = await scene(one);
      s.server.fail([fault], { after: true });
      await s.send();
      await until("it is settled", () => s.heard.length === 1);
      await s.rig.restart();
      expect([s.heard, await lettersOf(s)]).toEqual([["dead"], ["uncertain"]]);
      expect([s.fake.mails.length, s.server.seen.length]).toEqual([1, 1]);
    });

    test.each(open)("%s: in the transactional lane sent again, as the same message", async (_what, fault) => {
      await using s = await scene(one);
      s.server.fail([fault], { after: true });
      await s.send("transactional");
      await until("it is settled", () => s.heard.length === 1);
      expect([s.heard, await lettersOf(s)]).toEqual([["sent"], []]);
      expect(s.fake.mails).toHaveLength(2);
      expect(s.fake.mails[0]).toEqual(s.fake.mails[1] ?? {});
    });

    test.each([401, 403])("%d stops it, and the message waits", async (status) => {
      await using s = await scene(one);
      s.server.failing = { kind: "status", status, body: "{}" };
      await s.send();
      const running = s.rig.deliveries.running.get("out");
      await until("it stops", () => running?.gate.stopped !== null);
      expect(s.heard).toEqual([]);
      s.server.failing = null;
      running?.pause(false);
      await until("it is settled", () => s.heard.length === 1);
      expect([s.heard, s.fake.mails.length]).toEqual([["sent"], 1]);
    });

    test.each([400, 413, 422])("%d makes it a dead letter, which is sent again when told", async (status) => {
      await using s = await scene(one);
      s.server.failing = { kind: "status", status, body: "{}" };
      await s.send();
      await until("it is given up", () => s.heard.length === 1);
      expect([s.heard, await lettersOf(s)]).toEqual([["dead"], ["dropped"]]);
      s.server.failing = null;
      await s.rig.ops.ask("deadLetters", "replay", 1, null, Date.now());
      s.rig.deliveries.nudge();
      await until("it is settled", () => s.heard.length === 2);
      expect([s.heard, s.fake.mails.length]).toEqual([["dead", "sent"], 1]);
    });
  });
}
