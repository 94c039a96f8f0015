/**
 * What every destination must do, whatever its API: the same suite for all, over what each declares. A destination
 * brings a fake of its vendor and gets all of it.
 */
import { describe, expect, test } from "bun:test";
import type { OpenDestination } from "../../src/esp/deliver/destination.ts";
import type { SetUp } from "../../src/esp/deliver/deliverer.ts";
import { setUpOf } from "../../src/esp/deliver/deliveries.ts";
import { destinationTypes } from "../../src/esp/destinations/catalogue.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { errorClass } from "../../src/model/delivery/verdict.ts";
import { noRules } from "../../src/model/rules.ts";
import type { Json } from "../../src/model/event.ts";
import { deliveryRig, type DeliveryRig, type PartialSetting } from "../support/deliveryRig.ts";
import { faultServer, type Fault, type FaultServer } from "../support/faultServer.ts";
import { until } from "../support/until.ts";

/** Who somebody is, for a fake that knows them by one of these. */
export interface Person {
  readonly userId: string;
  readonly email: string;
  readonly profileId: string;
}

/** A vendor as far as the suite asks; what a destination does not declare its fake need not have. */
export interface DestinationFake {
  /** Answers as the vendor would, and keeps what it was sent. */
  answer(request: Request, body: string): Promise<Response> | Response;
  /** What the vendor has of a person; null: nothing. */
  fields(person: Person): Readonly<Record<string, Json>> | null;
  /** Names of the events of a person, each once however often it was sent. */
  events?(person: Person): readonly string[];
  isMember?(person: Person, audience: string): boolean;
  isSuppressed?(person: Person): boolean;
  /** Whether the vendor was told to erase the person. */
  isErased?(person: Person): boolean;
}

export interface DestinationCase {
  readonly name: string;
  readonly setting: (origin: string) => PartialSetting;
  readonly fake: () => DestinationFake;
  /** Fields as the suite sets them: `name` and `plan`, by what the destination calls them. */
  readonly fields?: { readonly name: string; readonly plan: string };
  /** A value of `plan` that the fake refuses, as its vendor would refuse a row. */
  readonly poison?: string;
  /** What a cleared field is there, besides not being there. */
  readonly cleared?: Json;
  /** What `Order Completed` is called there, where names are bound to a form. */
  readonly eventName?: string;
}

const ann = { userId: "u1", email: "ann@example.com" };
const bob = { userId: "u2", email: "bob@example.com" };

interface Scene extends AsyncDisposable {
  readonly rig: DeliveryRig;
  readonly fake: DestinationFake;
  readonly server: FaultServer;
  readonly open: OpenDestination;
  readonly name: string;
  readonly plan: string;
  identify(who: typeof ann, traits: Readonly<Record<string, Json>>): Promise<void>;
  person(who: typeof ann): Person;
  fieldsOf(who: typeof ann): Readonly<Record<string, Json>> | null;
  letters(): Promise<number>;
}

/** Runs the suite. */
export function describeDestination(one: DestinationCase): void {
  const declared = setUpFor(one, "http://127.0.0.1:9").open;
  describe(`destination ${one.name}`, () => {
    if (declared.upsert !== undefined) {
      testUpserts(one);
      testFailures(one, declared);
    }
    if (declared.event !== undefined) testEvents(one);
    if (declared.audience !== undefined) testAudiences(one);
    if (declared.suppress !== undefined) testSuppression(one);
    if (declared.erase !== undefined) testErasure(one);
  });
}

/** The destination with its settings, without a loop. */
export function setUpFor({ setting }: Pick<DestinationCase, "setting">, origin: string): SetUp {
  const bare = { name: "out", namespace: "live", map: null, audiences: [], events: [] } as const;
  const limits = { requestsPerSecond: null, connections: null, batchRows: null, timeoutMs: null };
  const whole = { ...bare, suppressions: true, privateNetwork: true, ...setting(origin), limits };
  return setUpOf(whole, { types: destinationTypes, clock: systemClock, resolve: () => Promise.resolve([]) });
}

async function scene(one: DestinationCase, more: Partial<PartialSetting> = {}): Promise<Scene> {
  const fake = one.fake();
  const server = faultServer((request, body) => fake.answer(request, body));
  const segments = [
    { name: "pros", rule: { kind: "trait", path: ["plan"], test: { condition: { is: "pro" } } } },
  ] as const;
  const rig = await deliveryRig({ rules: { ...noRules, segments: [...segments] } });
  const { name = "name", plan = "plan" } = one.fields ?? {};
  const map = [
    { field: name, from: { kind: "path", text: "firstName" }, type: null },
    { field: plan, from: { kind: "path", text: "plan" }, type: null },
  ] as const;
  const limits = { requestsPerSecond: null, connections: null, batchRows: null, timeoutMs: 400 };
  await rig.use({ map, limits, ...one.setting(server.origin), ...more });
  const running = rig.deliveries.running.get("out");
  if (running === undefined) throw new Error("no destination");
  const person = (who: typeof ann): Person => ({
    ...who,
    profileId: rig.test.find("user_id", who.userId)?.profileId ?? "",
  });
  return {
    rig,
    fake,
    server,
    name,
    plan,
    open: running.setUp.open,
    person,
    identify: async (who, traits) => {
      const { userId, email } = who;
      await rig.test.accept(
        "identify",
        { userId, traits: { email, ...traits } },
        { receivedAtMs: Date.now() },
      );
    },
    fieldsOf: (who) => fake.fields(person(who)),
    letters: async () => (await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 100)).length,
    [Symbol.asyncDispose]: async () => {
      server[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

function testUpserts(one: DestinationCase): void {
  test("creates, updates what differs, sends nothing for what does not, and clears", async () => {
    await using s = await scene(one);
    await s.identify(ann, { firstName: "Ann", plan: "free" });
    await s.rig.settled();
    expect(s.fieldsOf(ann)).toMatchObject({ [s.name]: "Ann", [s.plan]: "free" });

    await s.identify(ann, { plan: "plus" });
    await s.rig.settled();
    expect(s.fieldsOf(ann)).toMatchObject({ [s.name]: "Ann", [s.plan]: "plus" });

    const before = s.server.seen.length;
    await s.identify(ann, { plan: "plus", shoeSize: 42 });
    await s.rig.settled();
    expect(s.server.seen.length).toBe(before);

    await s.identify(ann, { plan: null });
    await s.rig.settled();
    expect(s.fieldsOf(ann)?.[s.plan] ?? one.cleared ?? null).toBe(one.cleared ?? null);
    expect(s.fieldsOf(ann)?.[s.name]).toBe("Ann");
  });

  test("coalesces: the newest state wins, whatever came between", async () => {
    await using s = await scene(one);
    s.server.failing = { kind: "status", status: 503 };
    for (let at = 0; at < 20; at += 1) await s.identify(ann, { firstName: `Ann ${at}` });
    s.server.failing = null;
    await s.rig.settled();
    expect(s.fieldsOf(ann)).toMatchObject({ [s.name]: "Ann 19" });
  });

  test("sends everybody to a destination that is added, and nothing twice after a restart", async () => {
    await using s = await scene(one);
    await s.rig.use();
    for (let at = 0; at < 30; at += 1)
      await s.identify({ userId: `f${at}`, email: `f${at}@example.com` }, { firstName: `F${at}` });
    const map = [{ field: s.name, from: { kind: "path", text: "firstName" }, type: null }] as const;
    await s.rig.use({ name: "second", ...one.setting(s.server.origin), map });
    await s.rig.settled();
    for (let at = 0; at < 30; at += 1)
      expect(s.fieldsOf({ userId: `f${at}`, email: `f${at}@example.com` })).toMatchObject({
        [s.name]: `F${at}`,
      });
    const before = s.server.seen.length;
    await s.rig.restart();
    await s.rig.settled();
    expect(s.server.seen.length).toBe(before);
  });

  test("never gets a profile of a test key", async () => {
    await using s = await scene(one);
    await s.rig.test.accept(
      "identify",
      { userId: "t1", traits: { firstName: "Tess", email: "t@example.com" } },
      {
        namespace: "test",
      },
    );
    await s.identify(ann, { firstName: "Ann" });
    await s.rig.settled();
    expect(s.server.seen.every(({ body }) => !body.includes("Tess"))).toBe(true);
    expect(s.fieldsOf(ann)).not.toBeNull();
  });

  if (one.poison !== undefined)
    test("one row that is refused becomes a dead letter, and the others are taken", async () => {
      await using s = await scene(one);
      s.rig.deliveries.running.get("out")?.pause(true);
      for (let at = 0; at < 6; at += 1)
        await s.identify(
          { userId: `p${at}`, email: `p${at}@example.com` },
          { firstName: `P${at}`, plan: at === 3 ? (one.poison ?? "") : "free" },
        );
      s.rig.deliveries.running.get("out")?.pause(false);
      await s.rig.settled();
      expect(await s.letters()).toBe(1);
      for (const at of [0, 1, 2, 4, 5])
        expect(s.fieldsOf({ userId: `p${at}`, email: `p${at}@example.com` })).toMatchObject({
          [s.name]: `P${at}`,
        });
      // Mended by a later change, the letter is of no concern any more.
      await s.identify({ userId: "p3", email: "p3@example.com" }, { plan: "free" });
      await s.rig.settled();
      expect(s.fieldsOf({ userId: "p3", email: "p3@example.com" })).toMatchObject({ [s.plan]: "free" });
      expect(await s.letters()).toBe(0);
    });
}

const passing: readonly (readonly [string, Fault])[] = [
  ["429 without Retry-After", { kind: "status", status: 429 }],
  ["429 with Retry-After", { kind: "status", status: 429, headers: { "Retry-After": "0" } }],
  ["500", { kind: "status", status: 500, body: "{}" }],
  [
    "503 with a page of HTML",
    { kind: "status", status: 503, headers: { "Content-Type": "text/html" }, body: "<html>" },
  ],
  [
    "200 with a page of HTML",
    { kind: "status", status: 200, headers: { "Content-Type": "text/html" }, body: "<html>" },
  ],
  [
    "200 with JSON that breaks off",
    { kind: "status", status: 200, headers: { "Content-Type": "application/json" }, body: '{"results":[' },
  ],
  ["a timeout", { kind: "timeout" }],
  ["a reset in the middle of the body", { kind: "reset" }],
  ["a drip", { kind: "drip" }],
];

function testFailures(one: DestinationCase, declared: OpenDestination): void {
  test.each(passing)("%s: tried again until it is taken", async (_what, fault) => {
    await using s = await scene(one);
    s.server.fail([fault]);
    await s.identify(ann, { firstName: "Ann" });
    await s.rig.settled();
    expect(s.server.left).toBe(0);
    expect(s.fieldsOf(ann)).toMatchObject({ [s.name]: "Ann" });
    expect(await s.letters()).toBe(0);
  });

  test("an answer that is lost after it was taken: the repeat does no harm", async () => {
    await using s = await scene(one);
    s.server.fail([{ kind: "reset" }, { kind: "timeout" }], { after: true });
    await s.identify(ann, { firstName: "Ann" });
    await s.rig.settled();
    expect(s.fieldsOf(ann)).toMatchObject({ [s.name]: "Ann" });
  });

  test.each([
    { before: null, back: null },
    { before: "free", back: "free" },
  ])(
    "what was taken without our knowing does not stay when it changes back to $back",
    async ({ before, back }) => {
      await using s = await scene(one);
      // Whatever is looked up before a field can be written is known by then.
      await s.identify(bob, { plan: "free" });
      await s.identify(ann, before === null ? { firstName: "Ann" } : { firstName: "Ann", plan: before });
      await s.rig.settled();
      s.server.fail([{ kind: "reset" }], { after: true });
      s.server.failing = { kind: "status", status: 503 };
      await s.identify(ann, { plan: "plus" });
      await until("it was taken", () => s.fieldsOf(ann)?.[s.plan] === "plus");
      await s.identify(ann, { plan: back });
      s.server.failing = null;
      await s.rig.settled();
      expect(s.fieldsOf(ann)?.[s.plan] ?? one.cleared ?? null).toBe(back ?? one.cleared ?? null);
    },
  );

  test("Retry-After is honoured: nothing goes out before", async () => {
    await using s = await scene(one);
    s.server.fail([{ kind: "status", status: 429, headers: { "Retry-After": "3600" } }]);
    await s.identify(ann, { firstName: "Ann" });
    const { profileId } = s.person(ann);
    await until("it is put off", async () => {
      const { queued } = await s.rig.ops.ask("deliveryStories", "of", 1, profileId);
      return queued[0] !== undefined && queued[0].dueMs > Date.now() + 3_000_000;
    });
    await s.identify(bob, { firstName: "Bob" });
    await until("the other one waits too", async () => {
      const { byLane } = await s.rig.ops.ask("deliveries", "counts", 1);
      return byLane.behavioural === 2;
    });
    expect(s.server.seen.length).toBe(1);
  });

  const statuses = [401, 403, 404, 409, 413, 422] as const;
  test.each(statuses)("%d means what the destination says it means", async (status) => {
    await using s = await scene(one);
    const meaning = errorClass(status, declared.errors);
    s.server.failing = { kind: "status", status, body: "{}" };
    await s.identify(ann, { firstName: "Ann" });
    const running = s.rig.deliveries.running.get("out");
    if (meaning === "stop" || meaning === "refresh") {
      await until("it stops", () => running?.gate.stopped !== null);
      s.server.failing = null;
      running?.pause(false);
    } else if (meaning === "split" || meaning === "drop") {
      await until("it is a dead letter", async () => (await s.letters()) === 1);
      s.server.failing = null;
      await s.rig.ops.ask("deadLetters", "replay", 1, null, Date.now());
      running?.nudge();
    } else {
      await until("it was tried", () => s.server.seen.length > 0);
      s.server.failing = null;
    }
    await s.rig.settled();
    if (meaning !== "done") expect(s.fieldsOf(ann)).toMatchObject({ [s.name]: "Ann" });
    expect(await s.letters()).toBe(0);
  });
}

function testEvents(one: DestinationCase): void {
  test("forwards events, each known again at a repeat", async () => {
    await using s = await scene(one, { events: ["Order Completed"] });
    await s.identify(ann, { firstName: "Ann" });
    await s.rig.settled();
    s.server.fail([{ kind: "reset" }], { after: true });
    const properties = { total: 84 };
    await s.rig.test.accept("track", { userId: ann.userId, event: "Order Completed", properties });
    await s.rig.test.accept("track", { userId: ann.userId, event: "Seen" });
    await s.rig.settled();
    const isHarmless = s.open.event?.repeat === "idempotent";
    expect(s.fake.events?.(s.person(ann))).toEqual([one.eventName ?? "Order Completed"]);
    expect(await s.letters()).toBe(isHarmless ? 0 : 1);
  });
}

function testAudiences(one: DestinationCase): void {
  test("tells who comes into an audience and who leaves it", async () => {
    await using s = await scene(one, { audiences: ["pros"] });
    await s.identify(ann, { firstName: "Ann", plan: "pro" });
    await s.rig.settled();
    expect(s.fake.isMember?.(s.person(ann), "pros")).toBe(true);
    await s.identify(ann, { plan: "free" });
    await s.rig.settled();
    expect(s.fake.isMember?.(s.person(ann), "pros")).toBe(false);
  });
}

function testSuppression(one: DestinationCase): void {
  test("tells who must not be written to, and who may be again", async () => {
    await using s = await scene(one);
    await s.identify(ann, { firstName: "Ann" });
    await s.rig.test.accept("track", {
      userId: ann.userId,
      event: "Suppression Changed",
      properties: { channel: "email", reason: "manual", suppressed: true },
    });
    await s.rig.settled();
    expect(s.fake.isSuppressed?.(s.person(ann))).toBe(true);
    await s.rig.test.accept("track", {
      userId: ann.userId,
      event: "Suppression Changed",
      properties: { channel: "email", reason: "manual", suppressed: false },
    });
    await s.rig.settled();
    expect(s.fake.isSuppressed?.(s.person(ann))).toBe(false);
  });
}

function testErasure(one: DestinationCase): void {
  test("an erasure reaches it, and nothing of the person is left here", async () => {
    await using s = await scene(one);
    await s.identify(ann, { firstName: "Ann" });
    await s.identify(bob, { firstName: "Bob" });
    await s.rig.settled();
    const person = s.person(ann);
    await s.rig.test.store.admin.erase("live", "user_id", ann.userId);
    await until("it is told", () => s.fake.isErased?.(person) === true);
    await s.rig.settled();
    expect(s.fake.isErased?.(s.person(bob))).toBe(false);
    const story = await s.rig.ops.ask("deliveryStories", "of", 1, person.profileId);
    expect(story).toEqual({ known: null, queued: [], attempts: expect.anything() });
  });
}
