import { expect, test } from "bun:test";
import { auditDrift } from "../../../src/esp/deliver/drift.ts";
import { mailchimp } from "../../../src/esp/destinations/mailchimp.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { seededIds } from "../../../src/lib/id.ts";
import type { Json } from "../../../src/model/event.ts";
import { noRules } from "../../../src/model/rules.ts";
import { describeContract } from "../../conformance/contract.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig, type DeliveryRig, type PartialSetting } from "../../support/deliveryRig.ts";
import { faultServer, type FaultServer } from "../../support/faultServer.ts";
import { until } from "../../support/until.ts";
import { MailchimpFake } from "../../support/vendors/mailchimp.ts";

const own = (origin: string) => ({
  apiKey: "secret-us21",
  list: "a1b2c3d4e5",
  status: "subscribed" as const,
  createFields: false,
  url: `${origin}/3.0`,
});

const vendor = {
  name: "mailchimp",
  setting: (origin: string) => ({ type: "mailchimp", own: own(origin) }),
  fake: () => new MailchimpFake(),
  fields: { name: "FNAME", plan: "PLAN" },
  poison: "poison",
  cleared: "",
  eventName: "order_completed",
};

describeDestination(vendor);

describeContract({
  ...vendor,
  setting: (origin) => ({ type: "mailchimp", own: { ...own(origin), createFields: true } }),
  descriptions: ["mailchimp-marketing"],
  sample: {
    set: { FNAME: "Ann", CARTVALUE: 84.5, LASTORDER: "2026-01-31", COLOUR: "red", SHOES: 42 },
    clear: ["PLAN"],
    audience: "pros",
  },
  beyond: [],
});

interface Scene extends AsyncDisposable {
  readonly rig: DeliveryRig;
  readonly fake: MailchimpFake;
  readonly server: FaultServer;
  say(userId: string, traits: Readonly<Record<string, Json>>): Promise<void>;
  suppress(userId: string, suppressed: boolean): Promise<void>;
  /** Says all of it while nothing is sent, so that it goes out together. */
  together(people: readonly string[]): Promise<void>;
  letters(): Promise<readonly string[]>;
  /** Methods and paths below the audience, without the look for merge fields. */
  calls(): readonly string[];
}

const segments = [
  { name: "pros", rule: { kind: "trait", path: ["PLAN"], test: { condition: { is: "pro" } } } },
] as const;

async function scene(
  more: Partial<ReturnType<typeof own>> = {},
  setting: Partial<PartialSetting> = {},
): Promise<Scene> {
  const fake = new MailchimpFake();
  const server = faultServer((request, body) => fake.answer(request, body));
  const rig = await deliveryRig({ rules: { ...noRules, segments: [...segments] } });
  await rig.use({ type: "mailchimp", own: { ...own(server.origin), ...more }, ...setting });
  const say = (userId: string, traits: Readonly<Record<string, Json>>) =>
    rig.test.accept("identify", { userId, traits });
  return {
    rig,
    fake,
    server,
    say,
    together: async (people) => {
      const running = rig.deliveries.running.get("out");
      running?.pause(true);
      for (const name of people) await say(name, { email: `${name}@example.com`, FNAME: name });
      await until("all are queued", async () => {
        const { byLane } = await rig.ops.ask("deliveries", "counts", running?.id ?? 0);
        return byLane.behavioural === people.length;
      });
      running?.pause(false);
      await rig.settled();
    },
    suppress: (userId, suppressed) =>
      rig.test.accept("track", {
        userId,
        event: "Suppression Changed",
        properties: { channel: "email", reason: "manual", suppressed },
      }),
    letters: async () => {
      const letters = await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 100);
      return letters.map(({ reason }) => reason);
    },
    calls: () =>
      server.seen
        .filter(({ path }) => !path.endsWith("/merge-fields"))
        .map(({ method, path }) => `${method} ${path.replace(/^\/3\.0\/lists\/[^/]+/, "").slice(0, 12)}`),
    [Symbol.asyncDispose]: async () => {
      server[Symbol.dispose]();
      await rig[Symbol.asyncDispose]();
    },
  };
}

const oneByOne = {
  limits: { requestsPerSecond: null, connections: 1, batchRows: null, timeoutMs: null },
} as const;

/** Whatever is looked up first is known then. */
async function warmed(s: Scene): Promise<void> {
  await s.say("warm", { email: "warm@example.com", FNAME: "W" });
  await s.rig.settled();
  s.server.seen.length = 0;
}

test("an upsert changes the status of nobody who is there, one by one or many at once", async () => {
  await using s = await scene({}, oneByOne);
  const there = ["unsubscribed", "cleaned", "pending", "transactional", "subscribed"];
  for (const status of there) s.fake.add(`${status}@example.com`, status);
  await s.together([...there, "new1", "new2"]);
  for (const status of there)
    expect(s.fake.of(`${status}@example.com`)).toMatchObject({ status, merged: { FNAME: status } });
  expect(s.fake.of("new1@example.com")).toMatchObject({ status: "subscribed", merged: { FNAME: "new1" } });
  // Together, and only who is there already by themselves.
  expect(s.calls().filter((call) => call === "POST ")).toEqual(["POST "]);
  expect(s.calls().filter((call) => call.startsWith("PUT "))).toHaveLength(there.length);
  expect(
    JSON.parse(s.server.seen.find(({ path }) => path.endsWith("/a1b2c3d4e5"))?.body ?? ""),
  ).toMatchObject({ update_existing: false });
  expect(await s.letters()).toEqual([]);
});

test("who must not be written to is made as such, not subscribed for a moment", async () => {
  await using s = await scene();
  await warmed(s);
  s.rig.deliveries.running.get("out")?.pause(true);
  await s.say("u1", { email: "ann@example.com", FNAME: "Ann" });
  await s.suppress("u1", true);
  s.rig.deliveries.running.get("out")?.pause(false);
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")?.status).toBe("unsubscribed");
  for (const { body } of s.server.seen) expect(body).not.toContain('"subscribed"');
});

test("lifted: back to what members are made as; who ended it themselves is asked to confirm", async () => {
  await using s = await scene();
  await s.say("u1", { email: "ann@example.com", FNAME: "Ann" });
  await s.say("u2", { email: "bob@example.com", FNAME: "Bob" });
  await s.suppress("u1", true);
  await s.suppress("u2", true);
  await s.rig.settled();
  const bob = s.fake.of("bob@example.com");
  if (bob !== undefined) bob.hasEnded = true;
  await s.suppress("u1", false);
  await s.suppress("u2", false);
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")?.status).toBe("subscribed");
  expect(bob?.status).toBe("pending");
  expect(await s.letters()).toEqual([]);
});

test("a suppression of somebody whom Mailchimp writes to no more is one", async () => {
  await using s = await scene();
  s.fake.add("ann@example.com", "cleaned");
  await s.say("u1", { email: "ann@example.com", FNAME: "Ann" });
  await s.suppress("u1", true);
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")?.status).toBe("cleaned");
  expect(await s.letters()).toEqual([]);
});

test("a new address renames the member, and takes back what holds no more", async () => {
  await using s = await scene({}, { audiences: ["pros"] });
  await s.say("u1", { email: "Ann@Example.com", FNAME: "Ann", PLAN: "pro" });
  await s.rig.settled();
  const member = s.fake.of("ann@example.com");
  expect(member?.tags.has("pros")).toBe(true);
  if (member !== undefined) member.status = "pending";
  s.server.fail([{ kind: "status", status: 503 }]);
  await s.say("u1", { email: "ann@new.example", PLAN: "free" });
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")).toBeUndefined();
  expect(s.fake.of("ann@new.example")).toMatchObject({
    status: "pending",
    merged: { FNAME: "Ann", PLAN: "free" },
  });
  expect([...(s.fake.of("ann@new.example")?.tags ?? [])]).toEqual([]);
});

test("where it can't be renamed, the new address is put: nobody is subscribed by that who was not", async () => {
  await using s = await scene();
  for (const name of ["gone", "taken", "ended"])
    await s.say(name, { email: `${name}@example.com`, FNAME: name });
  await s.rig.settled();
  s.fake.members.delete(hash("gone@example.com"));
  s.fake.add("taken@new.example", "subscribed");
  const ended = s.fake.of("ended@example.com");
  Object.assign(ended ?? {}, { status: "unsubscribed", hasEnded: true });
  for (const name of ["gone", "taken", "ended"]) await s.say(name, { email: `${name}@new.example` });
  await s.rig.settled();
  expect(s.fake.of("gone@new.example")).toMatchObject({ status: "subscribed", merged: { FNAME: "gone" } });
  expect(s.fake.of("taken@new.example")).toMatchObject({ status: "subscribed", merged: { FNAME: "taken" } });
  // The old one gets nothing any more.
  expect(s.fake.of("taken@example.com")?.status).toBe("archived");
  expect(s.fake.of("ended@new.example")).toMatchObject({
    status: "transactional",
    merged: { FNAME: "ended" },
  });
  expect(s.fake.of("ended@example.com")?.status).toBe("unsubscribed");
  expect(await s.letters()).toEqual([]);
});

function hash(email: string): string {
  return new Bun.CryptoHasher("md5").update(email).digest("hex");
}

test("merge fields: what there is none of, or can't be taken, is left out and named; the others go", async () => {
  await using s = await scene();
  await s.say("u1", {
    email: "ann@example.com",
    FNAME: "Ann",
    CARTVALUE: "84.5",
    LASTORDER: "2026-11-20T10:00:00.000Z",
    COLOUR: "green",
    SHOES: 42,
    shoeSize: 42,
    HOME: { addr1: "1 Way", city: "Ulm", state: "BW", zip: "89073" },
  });
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")?.merged).toEqual({
    FNAME: "Ann",
    CARTVALUE: 84.5,
    LASTORDER: "2026-11-20",
    HOME: { addr1: "1 Way", city: "Ulm", state: "BW", zip: "89073" },
  });
  const refuse = s.rig.deliveries.running.get("out")?.setUp.open.refuseField;
  expect(refuse?.("SHOES", 42)).toContain("createFields");
  expect(refuse?.("shoeSize", 42)).toContain("capital letters");
  expect(refuse?.("COLOUR", "green")).toContain("choices");
  expect(refuse?.("COLOUR", "red")).toBeNull();
  expect(refuse?.("CARTVALUE", "many")).toContain("number");
  expect(refuse?.("LASTORDER", "soon")).toContain("day");
  expect(refuse?.("FNAME", "é".repeat(128))).toContain("255 bytes");
  expect(refuse?.("HOME", { addr1: "1 Way" })).toContain("city");
  expect(refuse?.("EMAIL", "x@example.com")).not.toBeNull();
  // Looked up once, not for each request.
  await s.say("u1", { FNAME: "Anna" });
  await s.rig.settled();
  expect(s.server.seen.filter(({ path }) => path.endsWith("/merge-fields"))).toHaveLength(1);
});

test("what was sent is no drift; what somebody changed there is, and is repaired", async () => {
  await using s = await scene();
  const traits = { FNAME: "Ann", CARTVALUE: "84.5", LASTORDER: "2026-11-20T10:00:00.000Z" };
  await s.say("u1", { email: "ann@example.com", PLAN: "pro", ...traits });
  await s.say("u1", { PLAN: null });
  await s.rig.settled();
  const running = s.rig.deliveries.running.get("out");
  if (running === undefined) throw new Error("no destination");
  const { ops, test: store } = s.rig;
  const deps = { ops, profiles: store.store.profiles, clock: systemClock, ids: seededIds(1) };
  const audit = (repair: boolean) => auditDrift(running, deps, { sample: 10, repair, youngestMs: 0 });
  expect(await audit(false)).toMatchObject({ sampled: 1, drifted: 0 });
  const member = s.fake.of("ann@example.com");
  if (member !== undefined) Object.assign(member.merged, { FNAME: "Anna", LASTORDER: "2026-11-21" });
  expect(await audit(true)).toMatchObject({ drifted: 1, fields: { FNAME: 1, LASTORDER: 1 }, repaired: 1 });
  await s.rig.settled();
  expect(member?.merged).toMatchObject({ FNAME: "Ann", CARTVALUE: 84.5, LASTORDER: "2026-11-20" });
});

test("createFields makes what is missing, by the kind of the value, and says what could not be made", async () => {
  await using s = await scene({ createFields: true });
  for (let at = s.fake.fieldsThere.length; at < 27; at += 1)
    s.fake.fieldsThere.push({ tag: `OLD${at}`, type: "text" });
  await s.say("u1", { email: "ann@example.com", CITY: "Ulm", SHOES: 42, SINCE: "2026-01-31" });
  await s.rig.settled();
  expect(s.fake.fieldsThere.slice(-3)).toMatchObject([
    { tag: "CITY", type: "text", public: false },
    { tag: "SHOES", type: "number" },
    { tag: "SINCE", type: "date" },
  ] as object[]);
  expect(s.fake.of("ann@example.com")?.merged).toEqual({ CITY: "Ulm", SHOES: 42, SINCE: "2026-01-31" });
  await s.say("u1", { TOOMANY: "x", CITY: "Bonn" });
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")?.merged).toMatchObject({ CITY: "Bonn" });
  const refuse = s.rig.deliveries.running.get("out")?.setUp.open.refuseField;
  expect(refuse?.("TOOMANY", "x")).toContain("only have 30 merge fields");
});

test("whom Mailchimp won't take back is a dead letter in plain words, the others go", async () => {
  await using s = await scene();
  await warmed(s);
  s.fake.forgotten.add(hash("gone@example.com"));
  await s.say("u1", { email: "gone@example.com", FNAME: "Gone" });
  await s.rig.settled();
  expect(await s.letters()).toEqual([expect.stringContaining("deleted this address for good")]);
  s.fake.forgotten.add(hash("gone2@example.com"));
  await s.together(["gone2", "ann"]);
  const letters = await s.letters();
  expect(letters).toHaveLength(2);
  expect(letters.join()).not.toContain("@");
  expect(s.fake.of("ann@example.com")).toBeDefined();
});

test("an address that signed up too often is tried again later, not given up", async () => {
  await using s = await scene();
  await warmed(s);
  await s.say("u1", { email: "ann@crowded.example", FNAME: "Ann" });
  const profileId = s.rig.test.find("user_id", "u1")?.profileId ?? "";
  await until("it is put off", async () => {
    const { queued } = await s.rig.ops.ask("deliveryStories", "of", 1, profileId);
    return queued[0] !== undefined && queued[0].dueMs > Date.now() + 3_000_000;
  });
  expect(await s.letters()).toEqual([]);
});

test("a bare 403 is too many connections and tried again; one with JSON stops it", async () => {
  await using s = await scene();
  await warmed(s);
  s.server.fail([
    { kind: "status", status: 403 },
    { kind: "status", status: 403, headers: { "Content-Type": "text/html" }, body: "<html>Forbidden</html>" },
  ]);
  await s.say("u1", { email: "ann@example.com", FNAME: "Ann" });
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")).toBeDefined();
  const disabled = JSON.stringify({
    title: "User Disabled",
    status: 403,
    detail: "This account is disabled.",
  });
  s.server.failing = { kind: "status", status: 403, body: disabled };
  await s.say("u1", { FNAME: "Anna" });
  const running = s.rig.deliveries.running.get("out");
  await until("it stops", () => running?.gate.stopped !== null);
  expect(running?.gate.stopped).toContain("This account is disabled");
});

test("never more than ten connections at once, and all arrive", async () => {
  const limits = { requestsPerSecond: null, connections: null, batchRows: 1, timeoutMs: null };
  await using s = await scene({}, { limits });
  s.fake.delayMs = 20;
  const people = Array.from({ length: 60 }, (_, at) => `p${at}`);
  await s.together(people);
  for (const name of people) expect(s.fake.of(`${name}@example.com`)?.merged).toEqual({ FNAME: name });
  expect(s.fake.mostAtOnce).toBeGreaterThan(1);
  expect(s.fake.mostAtOnce).toBeLessThanOrEqual(10);
});

test("what breaks off in the middle of many keeps what was taken", async () => {
  await using s = await scene({}, oneByOne);
  await warmed(s);
  const there = ["a", "b", "c"];
  for (const name of there) s.fake.add(`${name}@example.com`, "subscribed");
  let puts = 0;
  const answer = s.fake.answer.bind(s.fake);
  s.fake.answer = (request, body) => {
    if (request.method === "PUT" && (puts += 1) === 2)
      return Promise.resolve(new Response("busy", { status: 503 }));
    return answer(request, body);
  };
  await s.together([...there, "new"]);
  for (const name of [...there, "new"])
    expect(s.fake.of(`${name}@example.com`)?.merged).toEqual({ FNAME: name });
  // One was taken, one was not; that one and the third again.
  expect(puts).toBe(4);
  expect(await s.letters()).toEqual([]);
});

test("an event goes with its time and texts; of somebody who was deleted there it is a dead letter", async () => {
  await using s = await scene({}, { events: ["Order Completed"] });
  await s.say("u1", { email: "ann@example.com", FNAME: "Ann" });
  await s.rig.settled();
  const properties = { total: 84.5, sku: "a-1", items: [{ id: 1 }], note: null };
  const order = { userId: "u1", event: "Order Completed", properties };
  await s.rig.test.accept("track", order);
  await s.rig.settled();
  expect(s.fake.of("ann@example.com")?.events).toEqual([
    {
      name: "order_completed",
      properties: { total: "84.5", sku: "a-1", items: '[{"id":1}]' },
      occurred_at: expect.stringMatching(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\+00:00$/),
    },
  ]);
  s.fake.members.delete(hash("ann@example.com"));
  await s.rig.test.accept("track", order);
  await s.rig.settled();
  expect(await s.letters()).toEqual([expect.stringContaining("drift --repair")]);
});

test("an erasure of somebody who is not there is done, in an audience that is not there it stops", async () => {
  await using s = await scene();
  await s.say("u1", { email: "ann@example.com", FNAME: "Ann" });
  await s.say("u2", { email: "bob@example.com", FNAME: "Bob" });
  await s.rig.settled();
  s.fake.members.delete(hash("ann@example.com"));
  await s.rig.test.store.admin.erase("live", "user_id", "u1");
  await until("it is told", () => s.calls().filter((call) => call.startsWith("POST /members")).length === 1);
  await s.rig.settled();
  expect(await s.letters()).toEqual([]);
  const body = JSON.stringify({ title: "Resource Not Found", detail: "no such list" });
  s.server.failing = { kind: "status", status: 404, body };
  await s.rig.test.store.admin.erase("live", "user_id", "u2");
  const running = s.rig.deliveries.running.get("out");
  await until("it stops", () => running?.gate.stopped !== null);
  expect(running?.gate.stopped).toContain("no audience of that id");
});

test("the key's suffix is the data centre; without one there must be an address", () => {
  const given = { apiKey: "0123456789abcdef0123456789abcdef-us21", list: "a1b2c3d4e5" };
  const parsed = mailchimp.settings.parse(given);
  expect(parsed).toMatchObject({ status: "transactional", createFields: false });
  const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };
  const { probe } = mailchimp.open(parsed, tools);
  expect(probe?.url).toStartWith("https://us21.api.mailchimp.com/3.0/lists/a1b2c3d4e5/merge-fields");
  for (const apiKey of ["0123456789abcdef", "key-us21.evil.example", "key-us21/"])
    expect(mailchimp.settings.safeParse({ ...given, apiKey }).success).toBe(false);
  expect(mailchimp.settings.safeParse({ ...given, apiKey: "k", url: "http://127.0.0.1:1" }).success).toBe(
    true,
  );
});
