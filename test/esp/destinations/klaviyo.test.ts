import { expect, test } from "bun:test";
import { Ajv } from "ajv";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { HttpWay } from "../../../src/esp/deliver/destination.ts";
import { klaviyo } from "../../../src/esp/destinations/klaviyo.ts";
import { klaviyoErrors } from "../../../src/esp/destinations/klaviyoErrors.ts";
import type { Json } from "../../../src/model/event.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { KlaviyoFake } from "../../support/vendors/klaviyo.ts";

const own = (url: string) => ({ apiKey: "pk_secret", url });
const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };

describeDestination({
  name: "klaviyo",
  setting: (origin) => ({ type: "klaviyo", own: own(origin) }),
  fake: () => new KlaviyoFake(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
});

test("one profile is answered at once, many are a job that is followed", async () => {
  const fake = new KlaviyoFake();
  using server = faultServer((request, body) => fake.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use({ type: "klaviyo", own: own(server.origin) });
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  await rig.settled();
  expect(fake.made).toEqual([]);
  rig.deliveries.running.get("out")?.pause(true);
  for (const at of [2, 3, 4])
    await rig.test.accept("identify", {
      userId: `u${at}`,
      traits: { email: `u${at}@example.com`, plan: at },
    });
  rig.deliveries.running.get("out")?.pause(false);
  await rig.settled();
  expect(fake.made).toEqual(["profile-bulk-import-job"]);
  expect(fake.fields({ userId: "u4", email: "u4@example.com", profileId: "" })).toEqual({ plan: 4 });
});

test("fields go to where Klaviyo has them; what it can't take is left out", () => {
  const open = klaviyo.open(own("http://127.0.0.1:1"), tools);
  const refused = (field: string, value: Json) => open.refuseField?.(field, value) ?? null;
  expect(refused("phone_number", "0171 123")).toContain("+14155552671");
  expect(refused("phone_number", "+4917112345")).toBeNull();
  expect(refused("email", "ann@example.com")).not.toBeNull();
  expect(refused("location.planet", "Mars")).not.toBeNull();
  expect(refused("location.city", "Rome")).toBeNull();
  expect(refused("shoes", [1, 2])).toBeNull();
  const way = open.upsert?.way;
  if (way?.kind !== "http") throw new Error("no way");
  const row = {
    profileId: "prf_1",
    key: { email: "ann@example.com" },
    isNew: false,
    former: [],
    suppressed: {},
    set: { first_name: "Ann", "location.city": "Rome", shoes: [1, 2] },
    clear: ["last_name", "plan", "location.zip"],
    all: {},
    version: 1,
    timestampMs: 0,
  };
  expect(JSON.parse(String(way.request([row]).body))).toEqual({
    data: {
      type: "profile",
      attributes: {
        email: "ann@example.com",
        first_name: "Ann",
        last_name: null,
        location: { city: "Rome", zip: null },
        properties: { shoes: [1, 2] },
      },
      meta: { patch_properties: { unset: ["plan"] } },
    },
  });
});

test("errors of a job are told apart by whom they name; unnamed ones are tried again", () => {
  const rows = ["a", "b", "c"].map((name) => ({ profileId: name, key: { email: `${name}@example.com` } }));
  const failure = (attributes: object) => ({ data: [{ attributes: { title: "No.", ...attributes } }] });
  const named = klaviyoErrors(rows, 2);
  // By payload even where a row that was erased meanwhile has moved the positions.
  named.take(
    failure({
      original_payload: { email: "B@example.com" },
      source: { pointer: "/data/attributes/profiles/data/2/attributes/email" },
    }),
  );
  named.take(failure({ source: { pointer: "/data/attributes/profiles/data/0/attributes/email" } }));
  expect(named.verdicts().map(({ kind }) => kind)).toEqual(["drop", "drop", "done"]);
  const unnamed = klaviyoErrors(rows, 2);
  unnamed.take(failure({ original_payload: { email: "b@example.com" } }));
  expect(unnamed.verdicts().map(({ kind }) => kind)).toEqual(["retry", "drop", "retry"]);
});

test("reads back what it wrote", async () => {
  const fake = new KlaviyoFake();
  const open = klaviyo.open(own("http://127.0.0.1:1"), tools);
  const way = open.upsert?.way;
  if (way?.kind !== "http" || open.readBack === undefined) throw new Error("no way");
  const key = { email: "ann@example.com" };
  const set = { first_name: "Ann", plan: "pro" };
  const rest = { clear: [], all: {}, version: 1, timestampMs: 0, isNew: true, former: [], suppressed: {} };
  const ask = async ({ url, method, headers, body }: ReturnType<typeof way.request>) => {
    const request = new Request(url, { method, headers });
    const answer = fake.answer(request, String(body));
    return { kind: "answer", status: answer.status, headers: {}, text: await answer.text() } as const;
  };
  const before = await ask(open.readBack.request(key));
  expect(open.readBack.read(before)).toBe("missing");
  await ask(way.request([{ profileId: "p", key, set, ...rest }]));
  expect(open.readBack.read(await ask(open.readBack.request(key)))).toMatchObject(set);
});

const spec = join(import.meta.dir, "../../../../shared/esp-specs/klaviyo.json");
if (!existsSync(spec)) console.warn("skipped: 1 test needs ../shared/esp-specs");

test.skipIf(!existsSync(spec))("every kind of request is what the vendor's own description says", () => {
  const document = JSON.parse(readFileSync(spec, "utf8")) as {
    readonly info: { readonly version: string };
    readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  };
  const ajv = new Ajv({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document, "spec");
  const open = klaviyo.open(own("https://a.klaviyo.com"), tools);
  const of = (at: number) => ({ profileId: `prf_${at}`, key: { email: `u${at}@example.com` } });
  const upsert = (at: number) => ({
    ...of(at),
    isNew: true,
    set: { first_name: "Ann", "location.city": "Ulm", last_cart_value: 84, tags: ["a"], plan: null },
    clear: ["last_name", "title_of_cart"],
    all: {},
    version: 1,
    timestampMs: 0,
  });
  const event = (at: number) => ({
    ...of(at),
    id: `prf_${at}/7`,
    type: "track",
    name: "Order Completed",
    properties: { total: 84 },
    timestampMs: 1_469_918_176_385,
    messageId: "m1",
  });
  const suppress = (reason: string | null) => ({ ...of(1), channel: "email", reason });
  const message = { template: "carts", data: { a: 1 }, subject: "Hi", html: "<p>Hi</p>", text: null };
  const requests: readonly (readonly [
    ability: "upsert" | "audience" | "suppress" | "event" | "send" | "erase",
    rows: readonly object[],
    path: string,
  ])[] = [
    ["upsert", [upsert(1)], "/api/profile-import"],
    ["upsert", [upsert(1), upsert(2)], "/api/profile-bulk-import-jobs"],
    ["audience", [{ ...of(1), audience: "vip", isMember: true }], "/api/profile-import"],
    ["suppress", [suppress("bounced")], "/api/profile-suppression-bulk-create-jobs"],
    ["suppress", [suppress(null)], "/api/profile-suppression-bulk-delete-jobs"],
    ["event", [event(1)], "/api/events"],
    ["event", [event(1), event(2)], "/api/event-bulk-create-jobs"],
    ["send", [{ ...of(1), id: "s1", message }], "/api/events"],
    ["erase", [of(1)], "/api/data-privacy-deletion-jobs"],
  ];
  for (const [ability, rows, path] of requests) {
    const request = (open[ability]?.way as HttpWay<object> | undefined)?.request(rows);
    expect([ability, request?.method, new URL(request?.url ?? "").pathname]).toEqual([ability, "POST", path]);
    expect(request?.headers["revision"]).toBe(document.info.version);
    const pointer = `spec#/paths/${path.replaceAll("/", "~1")}/post/requestBody/content/application~1vnd.api+json/schema`;
    const isValid = ajv.compile({ $ref: pointer });
    const body = JSON.parse(String(request?.body)) as { readonly data: object };
    expect([ability, isValid(body), isValid.errors]).toEqual([ability, true, null]);
    // What is wrong is seen to be wrong.
    expect(isValid({ data: { ...body.data, type: "nonsense" } })).toBe(false);
  }
});
