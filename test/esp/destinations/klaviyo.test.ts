import { expect, test } from "bun:test";
import { klaviyo } from "../../../src/esp/destinations/klaviyo.ts";
import { klaviyoErrors } from "../../../src/esp/destinations/klaviyoErrors.ts";
import type { Json } from "../../../src/model/event.ts";
import { describeContract } from "../../conformance/contract.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { KlaviyoFake } from "../../support/vendors/klaviyo.ts";

const own = (url: string) => ({ apiKey: "pk_secret", url });
const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };

const vendor = {
  name: "klaviyo",
  setting: (origin: string) => ({ type: "klaviyo", own: own(origin) }),
  fake: () => new KlaviyoFake(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
};

describeDestination(vendor);

const reference = "https://developers.klaviyo.com/en/reference";
describeContract({
  ...vendor,
  descriptions: ["klaviyo"],
  sample: {
    set: { first_name: "Ann", "location.city": "Ulm", last_cart_value: 84, tags: ["a"], plan: "pro" },
    clear: ["last_name", "location.zip", "title_of_cart"],
    audience: "pros",
  },
  beyond: [
    {
      operation: "GET /api/profile-suppression-bulk-create-jobs/{id}",
      doc: `${reference}/get_bulk_suppress_profiles_job`,
    },
    {
      operation: "GET /api/profile-suppression-bulk-delete-jobs/{id}",
      doc: `${reference}/get_bulk_unsuppress_profiles_job`,
    },
  ],
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
