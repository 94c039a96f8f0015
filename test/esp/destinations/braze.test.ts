import { expect, test } from "bun:test";
import type {
  Answered,
  HttpWay,
  OpenDestination,
  OutRequest,
  ProfileKey,
  Reading,
  SendRow,
  UpsertRow,
} from "../../../src/esp/deliver/destination.ts";
import { braze } from "../../../src/esp/destinations/braze.ts";
import type { Json } from "../../../src/model/event.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { until } from "../../support/until.ts";
import { BrazeFake } from "../../support/vendors/braze.ts";

const settingsOf = (more: object) => braze.settings.parse({ apiKey: "braze-secret", ...more });
const noTools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };
const opened = (more: object = {}): OpenDestination =>
  braze.open(settingsOf({ url: "http://127.0.0.1:1", ...more }), noTools);

describeDestination({
  name: "braze",
  setting: (origin) => ({ type: "braze", own: settingsOf({ url: origin }) }),
  fake: () => new BrazeFake(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
});

test("the cluster or an address is needed, and leads to its host", () => {
  expect(braze.settings.safeParse({ apiKey: "k" }).success).toBe(false);
  expect(braze.settings.safeParse({ apiKey: "k", cluster: "evil.example/" }).success).toBe(false);
  const hostOf = (cluster: string) =>
    braze.open(settingsOf({ cluster }), noTools).probe?.url.replace("/users/export/ids", "");
  expect(hostOf("iad-01")).toBe("https://rest.iad-01.braze.com");
  expect(hostOf("fra-02")).toBe("https://rest.fra-02.braze.eu");
});

test("a change costs the attributes that changed, and nothing that did not", async () => {
  const fake = new BrazeFake();
  using server = faultServer((request, body) => fake.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use({ type: "braze", own: settingsOf({ url: server.origin }) });
  const traits = { email: "ann@example.com", first_name: "Ann", plan: "free", size: 42 };
  await rig.test.accept("identify", { userId: "u1", traits });
  await rig.settled();
  expect(fake.billed).toBe(3);
  await rig.test.accept("identify", { userId: "u1", traits: { ...traits, plan: "pro", size: null } });
  await rig.settled();
  expect(fake.billed).toBe(5);
  expect(JSON.parse(server.seen.at(-1)?.body ?? "{}")).toEqual({
    attributes: [{ external_id: "u1", plan: "pro", size: null }],
  });
});

test.each(["email", "alias"] as const)(
  "somebody known by %s is identified when the userId is known, and is one person there",
  async (unidentified) => {
    const fake = new BrazeFake();
    using server = faultServer((request, body) => fake.answer(request, body));
    await using rig = await deliveryRig();
    const own = settingsOf({ url: server.origin, unidentified });
    await rig.use({ type: "braze", own, events: ["Looked"] });
    const anonymousId = "browser-1";
    const traits = { email: "ann@example.com", first_name: "Ann", plan: "free" };
    await rig.test.accept("identify", { anonymousId, traits });
    await rig.settled();
    await rig.test.accept("track", { anonymousId, event: "Looked", properties: { at: "shoes" } });
    await rig.settled();
    const person = { userId: "u1", email: "ann@example.com", profileId: "" };
    expect(fake.fields(person)).toMatchObject({ first_name: "Ann", plan: "free" });
    // What is answered to an identification may be lost; it is asked for again.
    server.fail([{ kind: "reset" }], { after: true });
    await rig.test.accept("identify", { anonymousId, userId: "u1", traits: { plan: null } });
    await rig.settled();
    expect(server.seen.filter(({ path }) => path === "/users/identify").length).toBe(2);
    expect(fake.size).toBe(1);
    expect(fake.events(person)).toEqual(["Looked"]);
    expect(fake.fields(person)).toMatchObject({ first_name: "Ann" });
    expect(fake.fields(person)).not.toHaveProperty("plan");
    const drift = await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 100);
    expect(drift).toEqual([]);
  },
);

test("many are identified fifty at a time, and only then is anything sent of them", async () => {
  const fake = new BrazeFake();
  const way = wayOf(opened().upsert);
  const rows = Array.from({ length: 75 }, (_, index) => {
    const email = `p${index}@example.com`;
    const row = upsertRow({ external_id: `u${index}` }, { plan: "pro" });
    return { ...row, isNew: true, former: [{ email }, { external_id: `old${index}` }] };
  });
  await sent(fake, way.request(rows.map(({ former: [key = {}] }) => upsertRow(key, { first_name: "Ann" }))));
  const paths: string[] = [];
  let request = way.request(rows);
  let reading: Reading | null | undefined = null;
  let read = (answer: Answered) => way.read?.(answer, rows);
  for (let asks = 0; asks < 5 && (asks === 0 || reading?.kind === "ask"); asks += 1) {
    paths.push(new URL(request.url).pathname);
    reading = read(await sent(fake, request));
    if (reading?.kind === "ask") ({ request, read } = reading);
  }
  expect(reading).toEqual({ kind: "done" });
  expect(paths).toEqual(["/users/identify", "/users/identify", "/users/track"]);
  expect(fake.size).toBe(75);
  expect(fake.fields({ userId: "u74", email: "", profileId: "" })).toMatchObject({
    first_name: "Ann",
    plan: "pro",
  });
  // Where nobody could be identified, nobody is made a second time.
  expect(way.read?.(answered(400, { message: "no" }), rows)).toBeNull();
  expect(way.read?.(answered(500, { message: "no" }), rows)).toBeNull();
});

test("an event of somebody known by an alias alone is kept, though nobody was made before", async () => {
  const fake = new BrazeFake();
  const open = opened({ unidentified: "alias" });
  const key = { alias_name: "prf_1", alias_label: "freshet" };
  const row = { ...base(key), id: "e1", type: "track", name: "Looked", messageId: "m1", timestampMs: 0 };
  const way = wayOf(open.event);
  const request = way.request([
    { ...row, properties: { a: 1 } },
    { ...row, properties: { a: 2 } },
  ]);
  expect(bodyOf(request)).toEqual({
    attributes: [{ user_alias: key, _update_existing_only: false }],
    events: [1, 2].map((a) => ({
      user_alias: key,
      _update_existing_only: false,
      name: "Looked",
      time: "1970-01-01T00:00:00.000Z",
      properties: { a },
    })),
  });
  expect((await sent(fake, request)).status).toBe(201);
  expect(fake.size).toBe(1);
  // All arrays together hold 75 objects.
  expect((open.event?.maxRows ?? 99) * 2).toBeLessThanOrEqual(75);
});

test("whom nobody may write to is never there without it", async () => {
  const fake = new BrazeFake();
  const way = wayOf(opened().upsert);
  const row = upsertRow({ external_id: "u1" }, { email: "ann@example.com" });
  const suppressed = { email: "bounced" };
  expect(bodyOf(way.request([{ ...row, isNew: true, suppressed }]))).toMatchObject({
    attributes: [{ email_subscribe: "unsubscribed" }],
  });
  await sent(fake, way.request([{ ...row, isNew: true, suppressed }]));
  expect(fake.isSuppressed({ userId: "u1", email: "ann@example.com", profileId: "" })).toBe(true);
  // Neither is it said of anybody else, nor said again.
  for (const other of [row, { ...row, suppressed, set: { plan: "pro" } }])
    expect(String(way.request([other]).body)).not.toContain("email_subscribe");
});

test("a suppression is told of the address, or of the person where there is none; lifted as it was set up", () => {
  const open = opened({ lifted: "opted_in" });
  const way = wayOf(open.suppress);
  const row = { ...base({ external_id: "u1" }), channel: "email", email: "a@example.com", reason: "manual" };
  const pathAndBody = (rows: readonly object[]) => {
    const request = way.request(rows);
    return [new URL(request.url).pathname, bodyOf(request)];
  };
  expect(pathAndBody([row])).toEqual([
    "/email/status",
    { email: "a@example.com", subscription_state: "unsubscribed" },
  ]);
  expect(pathAndBody([row, { ...row, email: "b@example.com" }])[1]).toEqual({
    email: ["a@example.com", "b@example.com"],
    subscription_state: "unsubscribed",
  });
  expect(pathAndBody([{ ...row, reason: null }])[1]).toMatchObject({ subscription_state: "opted_in" });
  expect(pathAndBody([{ ...row, email: null }])).toEqual([
    "/users/track",
    { attributes: [{ email_subscribe: "unsubscribed", external_id: "u1" }] },
  ]);
  const groups = [row, { ...row, reason: null }, { ...row, email: null }].map((one) =>
    open.suppress?.group?.(one),
  );
  expect(new Set(groups).size).toBe(3);
});

test("an erasure names people by one kind of name a request", async () => {
  const open = opened();
  const fake = new BrazeFake();
  const alias = { alias_name: "prf_1", alias_label: "freshet" };
  const way = wayOf(open.erase);
  for (const [key, body] of [
    [{ external_id: "u1" }, { external_ids: ["u1"] }],
    [{ email: "a@example.com" }, { email_addresses: ["a@example.com"] }],
    [alias, { user_aliases: [alias] }],
  ] as const) {
    const request = way.request([base(key)]);
    expect(bodyOf(request)).toEqual(body);
    expect(way.read?.(await sent(fake, request), [base(key)])).toEqual({ kind: "done" });
  }
  const groups = [{ external_id: "u1" }, { email: "a@example.com" }, alias].map((key) =>
    open.erase?.group?.(base(key)),
  );
  expect(new Set(groups).size).toBe(3);
});

test("what was refused inside a 201 is told row by row; what can't be placed is found, or left open", () => {
  const rows = [1, 2, 3].map((at) => upsertRow({ external_id: `u${at}` }, { plan: "pro" }));
  const { upsert, event } = opened();
  const read = (way: HttpWay<object>, errors: readonly Json[], of: readonly object[] = rows) =>
    way.read?.(answered(201, { message: "success", errors }), of);
  const named = { index: 1, input_array: "attributes", type: "'email_subscribe' must be one of …" };
  const dropped = { kind: "drop", reason: "Braze: 'email_subscribe' must be one of …" };
  expect(read(wayOf(upsert), [named])).toEqual({
    kind: "rows",
    rows: [{ kind: "done" }, dropped, { kind: "done" }],
  } as Reading);
  expect(read(wayOf(upsert), [named], rows.slice(0, 1))).toEqual(dropped as Reading);
  for (const strange of [{ ...named, index: 7 }, { ...named, input_array: "purchases" }, "something", null])
    expect([strange, read(wayOf(upsert), [strange])?.kind]).toEqual([strange, "split"]);
  // An event that was taken must not go again.
  expect(read(wayOf(event), [{ ...named, input_array: "events" }, "something"])).toMatchObject({
    kind: "rows",
    rows: [{ kind: "unknown" }, { kind: "drop" }, { kind: "unknown" }],
  });
  expect(() => read(wayOf(upsert), [], rows) && wayOf(upsert).read?.(answered(200, []), rows)).toThrow();
  expect(wayOf(upsert).read?.(answered(202, { message: "queued" }), rows)).toEqual({ kind: "done" });
});

test("the rate headers are honoured: nothing goes out before the reset", async () => {
  const fake = new BrazeFake();
  using server = faultServer((request, body) => fake.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use({ type: "braze", own: settingsOf({ url: server.origin }) });
  const reset = String(Math.floor(Date.now() / 1_000) + 3_000);
  const headers = { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": reset };
  server.fail([{ kind: "status", status: 429, headers }]);
  await rig.test.accept("identify", { userId: "u1", traits: { plan: "pro" } });
  await until("it was refused", () => server.seen.length === 1);
  await rig.test.accept("identify", { userId: "u2", traits: { plan: "pro" } });
  await until("the other one waits too", async () => {
    const { byLane } = await rig.ops.ask("deliveries", "counts", 1);
    return byLane.behavioural === 2;
  });
  // Neither waits for itself: without the silence both would have gone out again at once.
  expect(server.seen.length).toBe(1);
});

const refused = [
  ["external_id", "u2", "keeps this name"],
  ["_merge_objects", true, "keeps this name"],
  ["bio", "x", "given this field up"],
  ["push_tokens", [], "never shows"],
  ["n".repeat(256), 1, "name is longer"],
  ["story", "x".repeat(256), "longer than 255"],
  ["sizes", Array.from({ length: 501 }, (_, at) => at), "more than 500"],
  ["matrix", [[1]], "neither lists nor nulls"],
  ["holes", [null], "neither lists nor nulls"],
  ["visits", { inc: 1 }, "take it for a change"],
  ["tags", { add: ["a"], remove: ["b"] }, "take it for a change"],
  ["address", { "post code": "1" }, "no space, dot or $"],
  ["address", { "a.b": "1" }, "no space, dot or $"],
  ["address", { $x: "1" }, "no space, dot or $"],
  ["address", { inner: { street: null } }, "drop the whole"],
  ["address", { inner: ["x".repeat(256)] }, "longer than 255"],
  ["orders", [{ id: null }], "drop the whole"],
  ["big", { list: Array.from({ length: 600 }, () => "x".repeat(200)) }, "larger than"],
  ["email", "no address", "an e-mail address"],
  ["email_subscribe", "yes", "opted_in"],
  ["gender", "male", "M, F, O, N or P"],
  ["dob", "1980", "a date"],
  ["country", "Germany", "two letters"],
  ["time_zone", "Berlin", "a time zone"],
  ["first_name", 7, "a text"],
  ["current_location", { longitude: 1 }, "longitude, latitude"],
] as const satisfies readonly (readonly [string, Json, string])[];

test("what Braze would not take is left out, and it is said why", () => {
  for (const [field, value, reason] of refused)
    expect([field, opened().refuseField?.(field, value)]).toEqual([field, expect.stringContaining(reason)]);
});

test("what Braze takes is not refused", () => {
  const fine: Readonly<Record<string, Json>> = {
    email: "ann@example.com",
    first_name: "x".repeat(255),
    gender: "F",
    dob: "1980-12-21",
    country: "DE",
    time_zone: "Europe/Berlin",
    email_subscribe: "opted_in",
    current_location: { longitude: 13.4, latitude: 52.5 },
    visits: 7,
    isVip: false,
    sizes: [38, "40"],
    address: { street: "x", $time: "2026-01-01", parts: [1, { a: true }] },
    orders: [{ id: 1, inc: 2 }],
    [`n${"n".repeat(254)}`]: "",
  };
  for (const [field, value] of Object.entries(fine))
    expect([field, opened().refuseField?.(field, value)]).toEqual([field, null]);
});

test("an event that Braze would refuse or cut is refused with the reason", () => {
  const { event } = opened();
  const row = { ...base({ external_id: "u1" }), id: "e1", type: "track", messageId: "m1", timestampMs: 0 };
  const refuse = (name: string, properties: Readonly<Record<string, Json>>) =>
    event?.refuse?.({ ...row, name, properties }) ?? null;
  const many = Object.fromEntries(Array.from({ length: 257 }, (_, at) => [`p${at}`, at]));
  expect(refuse("x".repeat(256), {})).toContain("name");
  expect(refuse("Order", { $total: 1 })).toContain("$");
  expect(refuse("Order", { time: 1 })).toContain("time");
  expect(refuse("Order", many)).toContain("256");
  expect(refuse("Order", { text: "x".repeat(100_000) })).toContain("larger");
  expect(refuse("Order", { total: 84, items: [{ id: 1 }] })).toBeNull();
});

const message = {
  subject: null,
  html: null,
  text: null,
  template: "campaign-1",
  data: { cart: 2 },
  topic: null,
};
const sendRow = (key: ProfileKey, more: Partial<SendRow["message"]> = {}): SendRow => ({
  ...base(key),
  id: "snd_1",
  email: "ann@example.com",
  message: { ...message, headers: {}, ...more },
});

test("a message reaches whom Braze did not know yet, by any name; without a campaign it is refused", async () => {
  const fake = new BrazeFake();
  const { send } = opened({ campaign: "campaign-9" });
  const way = wayOf(send);
  const request = way.request([sendRow({ external_id: "u1" })]);
  expect(bodyOf(request)).toEqual({
    campaign_id: "campaign-1",
    recipients: [
      {
        external_user_id: "u1",
        send_to_existing_only: false,
        attributes: { email: "ann@example.com" },
        trigger_properties: { cart: 2 },
      },
    ],
  });
  expect(way.read?.(await sent(fake, request), [])).toEqual({ kind: "done" });
  const block = sendRow({ email: "ann@example.com" }, { template: null, subject: "Hi", html: "<p>Hi</p>" });
  expect(bodyOf(way.request([block]))).toMatchObject({
    campaign_id: "campaign-9",
    recipients: [
      {
        email: "ann@example.com",
        prioritization: ["unidentified", "most_recently_updated"],
        trigger_properties: { cart: 2, subject: "Hi", html: "<p>Hi</p>" },
      },
    ],
  });
  await sent(fake, way.request([block]));
  expect(fake.messages).toEqual([
    { campaign: "campaign-1", to: "ann@example.com" },
    { campaign: "campaign-9", to: "ann@example.com" },
  ]);
  const bare = opened().send;
  expect(bare?.refuse?.(block)).toContain("no template");
  expect(bare?.refuse?.(sendRow({ external_id: "u1" }))).toBeNull();
  // Nothing there knows a repeat.
  expect(bare?.repeat).toBe("uncertain");
  const partly = way.read?.(answered(201, { message: "success", errors: ["unknown recipient"] }), []);
  expect(partly).toEqual({ kind: "drop", reason: "Braze: unknown recipient" });
});

test("a transactional campaign knows a repeat by its id, and is sent once", async () => {
  const fake = new BrazeFake();
  const { send } = opened({ transactional: true });
  const way = wayOf(send);
  const row = { ...sendRow({ external_id: "u1" }), id: "cart-mail:prf 1:7" };
  for (let time = 0; time < 2; time += 1)
    expect(way.read?.(await sent(fake, way.request([row])), [row])).toEqual({ kind: "done" });
  expect(fake.messages).toEqual([{ campaign: "campaign-1", to: "ann@example.com" }]);
  expect(send?.repeat).toBe("idempotent");
  expect(send?.refuse?.(sendRow({ email: "a@example.com" }))).toContain("userId");
  expect(bodyOf(way.request([sendRow({ external_id: "u1" })]))).toMatchObject({ external_send_id: "snd_1" });
});

test("what was sent is read back under the names it has here", async () => {
  const fake = new BrazeFake();
  const { readBack, upsert } = opened();
  const set = {
    first_name: "Ann",
    plan: "pro",
    sizes: [38, 40],
    current_location: { longitude: 13.4, latitude: 52.5 },
  };
  const key = { external_id: "u1" };
  await sent(fake, wayOf(upsert).request([upsertRow(key, set)]));
  if (readBack === undefined) throw new Error("no read-back");
  expect(readBack.read(await sent(fake, readBack.request(key)))).toMatchObject(set);
  expect(readBack.read(await sent(fake, readBack.request({ external_id: "nobody" })))).toBe("missing");
  expect(readBack.read(answered(500, {}))).toBeNull();
});

function base(key: ProfileKey) {
  return { profileId: "prf_1", key };
}

function upsertRow(key: ProfileKey, set: Readonly<Record<string, Json>>): UpsertRow {
  return {
    ...base(key),
    isNew: false,
    former: [],
    suppressed: {},
    set,
    clear: [],
    all: set,
    version: 1,
    timestampMs: 0,
  };
}

function wayOf(ability: { readonly way: unknown } | undefined): HttpWay<object> {
  return ability?.way as HttpWay<object>;
}

function bodyOf({ body }: OutRequest): Readonly<Record<string, Json>> {
  return JSON.parse(String(body)) as Readonly<Record<string, Json>>;
}

function answered(status: number, body: object): Answered {
  return { kind: "answer", status, headers: {}, text: JSON.stringify(body) };
}

/** What the fake answers, without a server between. */
async function sent(fake: BrazeFake, { method, url, headers, body }: OutRequest): Promise<Answered> {
  const response = fake.answer(new Request(url, { method, headers }), String(body));
  return { kind: "answer", status: response.status, headers: {}, text: await response.text() };
}
