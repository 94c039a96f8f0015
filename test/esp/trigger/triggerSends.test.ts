/** What one person gets of all triggers together, where several are made at the same moment or the process ends. */
import { expect, test } from "bun:test";
import { z } from "zod";
import type { Destination, SendRow } from "../../../src/esp/deliver/destination.ts";
import { LastGood } from "../../../src/esp/content/lastGood.ts";
import { TriggerSends } from "../../../src/esp/trigger/triggerSends.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { noConsentRules } from "../../../src/model/consentRule.ts";
import type { Verdict } from "../../../src/model/delivery/verdict.ts";
import { noRules } from "../../../src/model/rules.ts";
import type { TriggerCap, TriggerSetting } from "../../../src/model/trigger.ts";
import { deliveryRig, type DeliveryRig, type RigOptions } from "../../support/deliveryRig.ts";
import { until } from "../../support/until.ts";

/** Takes messages over four connections; each waits until it is let through. */
class Mailbox {
  readonly sent: SendRow[] = [];
  readonly waiting: ((verdict: Verdict) => void)[] = [];
  holds = false;

  readonly type: Destination = {
    type: "mailbox",
    title: "Mailbox",
    settings: z.strictObject({}),
    can: ["send"],
    secrets: () => [],
    open: () => ({
      limits: { windows: [], connections: 4 },
      identify: ({ profileId }) => ({ kind: "key", key: { profileId } }),
      probe: null,
      send: {
        maxRows: 1,
        maxBytes: 100_000,
        repeat: "uncertain",
        way: {
          kind: "own",
          describe: () => "",
          perform: ([row]) => {
            if (row !== undefined) this.sent.push(row);
            if (!this.holds) return Promise.resolve({ kind: "done" });
            return new Promise((resolve) => this.waiting.push(resolve));
          },
        },
      },
    }),
  };
}

function trigger(name: string, oncePerMs: number | null, holdout = 0): TriggerSetting {
  return {
    name,
    namespace: "live",
    when: { kind: "event", event: "Bought", where: [] },
    send: {
      kind: "template",
      template: "t",
      traits: [],
      through: "out",
      subject: null,
      channel: "email",
      topic: "news",
    },
    limits: {
      oncePerMs,
      quietHours: null,
      timeZone: "UTC",
      maxLateMs: null,
      holdout,
      requireFresh: false,
    },
    goal: null,
  };
}

const granted = { ...noRules, consent: { ...noConsentRules, otherwise: "granted" } } as const;
const weekMs = 7 * 86_400_000;

async function scene(
  mailbox: Mailbox,
  { triggers, caps = [], ...options }: RigOptions & { triggers: TriggerSetting[]; caps?: TriggerCap[] },
) {
  const rig = await deliveryRig({ types: [mailbox.type], rules: granted, ...options });
  const makes = () =>
    new TriggerSends({
      ops: rig.ops,
      clock: systemClock,
      profiles: rig.test.store.profiles,
      rules: () => ({ triggers, caps }),
      blockOf: () => null,
      receipts: { note: () => "" },
      lastGood: new LastGood(1_000),
      readings: rig.test.store.profiles.memory(1_000),
      memoryOnly: () => false,
    });
  rig.deliveries.makeSendsWith(makes());
  await rig.use({ type: "mailbox", own: {} });
  return { rig, makes };
}

/** Sets a trigger off, as the change log does. */
async function setOff(
  rig: DeliveryRig,
  name: string,
  profile: string,
  options: {
    readonly seq?: number;
    readonly lane?: "behavioural" | "transactional";
    readonly oncePerMs?: number;
  } = {},
): Promise<void> {
  const { seq = 1, lane = "behavioural", oncePerMs = null } = options;
  const act = { kind: "setOff", trigger: name, profile, topic: "news", seq, atMs: Date.now() } as const;
  const destination = rig.deliveries.running.get("out")?.id ?? 0;
  await rig.ops.ask("triggers", "take", 1, seq, [{ ...act, destination, lane, oncePerMs }], Date.now());
}

async function logOf(rig: DeliveryRig, profile: string): Promise<string[]> {
  const entries = await rig.ops.ask("triggers", "log", { profile }, 100);
  return entries.map(({ trigger: name, outcome, reason }) => [name, outcome, reason ?? ""].join(" ")).sort();
}

test("two triggers that one event sets off share the cap, though both are made at once", async () => {
  const mailbox = new Mailbox();
  const caps = [{ most: 1, withinMs: weekMs, topic: null }];
  const { rig } = await scene(mailbox, { triggers: [trigger("a", null), trigger("b", null)], caps });
  await using _rig = rig;
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
  mailbox.holds = true;
  await setOff(rig, "a", profile);
  await setOff(rig, "b", profile);
  rig.deliveries.nudge();
  await until("one is out", () => mailbox.waiting.length > 0);
  // The other one is asked for again while this one is out.
  await Bun.sleep(300);
  expect(mailbox.sent).toHaveLength(1);
  mailbox.holds = false;
  for (const resolve of mailbox.waiting) resolve({ kind: "done" });
  await until("both are settled", async () =>
    (await logOf(rig, profile)).every((line) => !line.includes("queued")),
  );
  expect(mailbox.sent).toHaveLength(1);
  expect((await logOf(rig, profile)).map((line) => line.slice(2))).toEqual(
    expect.arrayContaining(["sent ", "skipped capped"]),
  );
}, 20_000);

test("of a person who was two, both set off, one message is sent", async () => {
  const mailbox = new Mailbox();
  const { rig } = await scene(mailbox, { triggers: [trigger("a", weekMs)] });
  await using _rig = rig;
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  await rig.test.accept("identify", { anonymousId: "dev", traits: { email: "ann@example.com" } });
  const [one, two] = [rig.test.find("user_id", "u1"), rig.test.find("anonymous_id", "dev")].map(
    (profile) => profile?.profileId ?? "",
  );
  await rig.ops.ask("destinations", "pause", 1, true);
  rig.deliveries.running.get("out")?.pause(true);
  await setOff(rig, "a", one ?? "", { seq: 1, oncePerMs: weekMs });
  await setOff(rig, "a", two ?? "", { seq: 2, oncePerMs: weekMs });
  await rig.test.accept("identify", { userId: "u1", anonymousId: "dev" });
  const survivor = rig.test.find("user_id", "u1")?.profileId ?? "";
  expect(rig.test.find("anonymous_id", "dev")?.profileId).toBe(survivor);
  rig.deliveries.running.get("out")?.pause(false);
  await until("both are settled", async () => {
    const lines = await logOf(rig, survivor);
    return lines.length === 2 && lines.every((line) => !line.includes("queued"));
  });
  expect(mailbox.sent).toHaveLength(1);
  expect(await logOf(rig, survivor)).toEqual(["a sent ", "a skipped once_per"]);
}, 20_000);

test.each(["beforeDeliverySent", "afterDeliverySent", "afterDeliverySettled"])(
  "ended at %s, a message is received at most once, and the log says what became of it",
  async (point) => {
    const mailbox = new Mailbox();
    let crashes = 0;
    const crash = (name: string) => {
      if (name !== point || crashes > 0) return;
      crashes += 1;
      throw new Error("the process ended");
    };
    const { rig, makes } = await scene(mailbox, { triggers: [trigger("a", weekMs)], deps: { crash } });
    await using _rig = rig;
    await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
    const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
    await setOff(rig, "a", profile);
    rig.deliveries.nudge();
    await until("it came to that", () => crashes === 1);
    await rig.restart();
    rig.deliveries.makeSendsWith(makes());
    rig.deliveries.nudge();
    await until("it is settled", async () =>
      (await logOf(rig, profile)).every((line) => !line.includes("queued")),
    );
    expect(mailbox.sent.length).toBe(point === "beforeDeliverySent" ? 0 : 1);
    const held = "a uncertain the server ended while it was being sent";
    expect(await logOf(rig, profile)).toEqual([point === "afterDeliverySettled" ? "a sent " : held]);
  },
  20_000,
);

test("in the transactional lane it goes out again, under the same id", async () => {
  const mailbox = new Mailbox();
  let crashes = 0;
  const crash = (name: string) => {
    if (name !== "afterDeliverySent" || crashes > 0) return;
    crashes += 1;
    throw new Error("the process ended");
  };
  const { rig, makes } = await scene(mailbox, { triggers: [trigger("a", null)], deps: { crash } });
  await using _rig = rig;
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
  await setOff(rig, "a", profile, { lane: "transactional" });
  rig.deliveries.nudge();
  await until("it came to that", () => crashes === 1);
  await rig.restart();
  rig.deliveries.makeSendsWith(makes());
  rig.deliveries.nudge();
  await until("it is settled", async () => (await logOf(rig, profile))[0] === "a sent ");
  expect(new Set(mailbox.sent.map(({ id }) => id)).size).toBe(1);
  expect(mailbox.sent).toHaveLength(2);
}, 20_000);

test("who is held out is who would have got it: what keeps a message back keeps it back from both", async () => {
  const mailbox = new Mailbox();
  const { rig } = await scene(mailbox, { triggers: [trigger("a", null, 1)] });
  await using _rig = rig;
  await rig.test.accept("identify", { userId: "no", traits: {} });
  await rig.test.accept("identify", { userId: "yes", traits: { email: "ann@example.com" } });
  const [no, yes] = ["no", "yes"].map((id) => rig.test.find("user_id", id)?.profileId ?? "");
  await setOff(rig, "a", no ?? "");
  await setOff(rig, "a", yes ?? "");
  rig.deliveries.nudge();
  await until("all is settled", async () =>
    [...(await logOf(rig, no ?? "")), ...(await logOf(rig, yes ?? ""))].every(
      (line) => !line.includes("queued"),
    ),
  );
  expect(await logOf(rig, no ?? "")).toEqual(["a skipped no_address"]);
  expect(await logOf(rig, yes ?? "")).toEqual(["a held_out "]);
  expect(mailbox.sent).toEqual([]);
  const [counts] = await rig.ops.ask("triggers", "counts", 0);
  expect(counts?.lift).toEqual({ sent: { people: 0, reached: 0 }, held_out: { people: 1, reached: 0 } });
}, 20_000);

test.each(["behavioural", "transactional"] as const)(
  "in the lane %s, what may have gone out counts in caps and in oncePer, until it is known and after",
  async (lane) => {
    const mailbox = new Mailbox();
    const caps = [{ most: 1, withinMs: weekMs, topic: null }];
    const triggers = [trigger("a", weekMs), trigger("b", null)];
    const { rig } = await scene(mailbox, { triggers, caps });
    await using _rig = rig;
    await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
    const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
    mailbox.holds = true;
    await setOff(rig, "a", profile, { lane, oncePerMs: weekMs });
    rig.deliveries.nudge();
    await until("it is out", () => mailbox.waiting.length === 1);
    // Where it goes out again it is held once more, so that it is not known in between.
    mailbox.waiting.shift()?.({ kind: "unknown", reason: "the connection broke" });
    await until("it is said", async () =>
      (await logOf(rig, profile)).includes("a uncertain the connection broke"),
    );
    await setOff(rig, "b", profile, { seq: 2 });
    await setOff(rig, "a", profile, { seq: 3, lane, oncePerMs: weekMs });
    rig.deliveries.nudge();
    await until("the others are settled", async () =>
      (await logOf(rig, profile)).every((line) => !line.includes("queued")),
    );
    expect(await logOf(rig, profile)).toEqual([
      "a skipped once_per",
      "a uncertain the connection broke",
      "b skipped capped",
    ]);
    for (const resolve of mailbox.waiting) resolve({ kind: "done" });
    expect(new Set(mailbox.sent.map(({ id }) => id)).size).toBe(1);
    const [counts] = await rig.ops.ask("triggers", "counts", 0);
    expect(counts?.lift.sent).toEqual({ people: 1, reached: 0 });
    expect(counts?.reasons).toEqual([{ reason: "once_per", count: 1 }]);
  },
  20_000,
);

test("what was passed over for a message that was not sent after all is taken up", async () => {
  const mailbox = new Mailbox();
  const { rig } = await scene(mailbox, { triggers: [trigger("a", weekMs)] });
  await using _rig = rig;
  rig.deliveries.running.get("out")?.pause(true);
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
  // Looked at while the person was out of the segment, and not settled before they were back and set it off again.
  await setOff(rig, "a", profile, { seq: 1, oncePerMs: weekMs });
  await setOff(rig, "a", profile, { seq: 2, oncePerMs: weekMs });
  await setOff(rig, "a", profile, { seq: 3, oncePerMs: weekMs });
  expect(await logOf(rig, profile)).toEqual(["a queued ", "a skipped once_per", "a skipped once_per"]);
  const ref = { profile, kind: "send", item: `a/${profile}/1`, seq: 1 } as const;
  const note = {
    operation: "send",
    outcome: "skipped",
    status: null,
    reason: "left_segment",
    durationMs: 0,
  } as const;
  const done = { kind: "done", ref, acknowledgement: null, more: false, againAtMs: null, note } as const;
  await rig.ops.ask("deliveries", "settle", rig.deliveries.running.get("out")?.id ?? 0, [done], Date.now());
  rig.deliveries.running.get("out")?.pause(false);
  await until("all is settled", async () =>
    (await logOf(rig, profile)).every((line) => !line.includes("queued")),
  );
  expect(await logOf(rig, profile)).toEqual(["a sent ", "a skipped left_segment", "a skipped once_per"]);
  expect(mailbox.sent.map(({ id }) => id)).toEqual([`a/${profile}/3`]);
}, 20_000);
