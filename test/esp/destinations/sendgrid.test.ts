import { expect, test } from "bun:test";
import { sendgrid } from "../../../src/esp/destinations/sendgrid.ts";
import type { SendRow } from "../../../src/esp/deliver/destination.ts";
import { describeContract } from "../../conformance/contract.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { describeSendsOut } from "../../conformance/sendsOut.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { SendgridFake } from "../../support/vendors/sendgrid.ts";

const own = (url: string) => ({ apiKey: "SG.secret", region: "global" as const, url });

const vendor = {
  name: "sendgrid",
  setting: (origin: string) => ({ type: "sendgrid", own: own(origin) }),
  fake: () => new SendgridFake(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
  cleared: "",
};

describeDestination(vendor);
describeSendsOut({
  ...vendor,
  setting: (origin) => ({
    type: "sendgrid",
    own: { ...own(origin), from: "hello@shop.example" },
  }),
});

describeContract({
  ...vendor,
  setting: (origin) => ({ type: "sendgrid", own: { ...own(origin), from: "shop@example.com" } }),
  descriptions: ["sendgrid-contacts", "sendgrid-mail", "sendgrid-suppressions"],
  sample: {
    set: { first_name: "Ann", city: "Ulm", cart_value: 84 },
    clear: ["last_name", "plan"],
    audience: "pros",
  },
  beyond: [
    {
      operation: "GET /v3/marketing/field_definitions",
      doc: "https://www.twilio.com/docs/sendgrid/api-reference/custom-fields/get-all-field-definitions",
    },
    {
      operation: "GET /files/{file}",
      called: "`errors_url`",
      doc: "https://www.twilio.com/docs/sendgrid/api-reference/contacts/import-contacts-status",
    },
  ],
});

test("a field that SendGrid does not have is left out and named, the others go", async () => {
  const fake = new SendgridFake();
  using server = faultServer((request, body) => fake.answer(request, body));
  await using rig = await deliveryRig();
  await rig.use({ type: "sendgrid", own: own(server.origin) });
  const traits = { email: "ann@example.com", plan: "pro", cart_value: "84.5", shoes: 42 };
  await rig.test.accept("identify", { userId: "u1", traits });
  await rig.settled();
  const person = { userId: "u1", email: "ann@example.com", profileId: "" };
  expect(fake.fields(person)).toEqual({ plan: "pro", cart_value: 84.5 });
  const refuse = rig.deliveries.running.get("out")?.setUp.open.refuseField;
  expect(refuse?.("shoes", 42)).toContain("no custom field");
  expect(refuse?.("cart_value", "many")).toContain("number");
  expect(refuse?.("email", "x@example.com")).not.toBeNull();
  // Looked up once, not for each request.
  await rig.test.accept("identify", { userId: "u1", traits: { plan: "free" } });
  await rig.settled();
  expect(server.seen.filter(({ path }) => path.endsWith("field_definitions")).length).toBe(1);
});

test("an audience whose field is missing stops it with the name of the field", async () => {
  const fake = new SendgridFake();
  const tools = {
    nowMs: () => 0,
    fetch: () =>
      Promise.resolve({ kind: "answer", status: 200, headers: {}, text: '{"custom_fields":[]}' } as const),
  };
  const way = sendgrid.open(own("http://127.0.0.1:1"), tools).audience?.way;
  if (way?.kind !== "http") throw new Error("no way");
  const row = { profileId: "p", key: { email: "a@example.com" }, audience: "big-spenders", isMember: true };
  const verdict = await way.ready?.([row]);
  expect(verdict).toMatchObject({ kind: "stop", reason: expect.stringContaining("segment_big_spenders") });
  expect(fake.mails).toEqual([]);
});

test("a message is a dynamic template with its data, or the block; without either it is refused", () => {
  const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };
  const { send } = sendgrid.open({ ...own("http://127.0.0.1:1"), from: "shop@example.com" }, tools);
  if (send?.way.kind !== "http") throw new Error("no way");
  const message = {
    subject: "Hi",
    html: "<p>Hi</p>",
    text: null,
    template: null,
    data: {},
    topic: null,
    headers: {},
  };
  const row: SendRow = {
    profileId: "p",
    key: { email: "a@example.com" },
    id: "s1",
    email: "a@example.com",
    message,
  };
  expect(JSON.parse(String(send.way.request([row]).body))).toEqual({
    from: { email: "shop@example.com" },
    personalizations: [{ to: [{ email: "a@example.com" }], custom_args: { freshet_id: "s1" } }],
    subject: "Hi",
    content: [{ type: "text/html", value: "<p>Hi</p>" }],
  });
  const filled = { ...message, html: null, template: "d-1", data: { cart: 2 } };
  expect(JSON.parse(String(send.way.request([{ ...row, message: filled }]).body))).toMatchObject({
    template_id: "d-1",
    personalizations: [{ dynamic_template_data: { cart: 2, subject: "Hi" } }],
  });
  expect(send.refuse?.({ ...row, message: { ...message, html: null } })).not.toBeNull();
  expect(send.refuse?.(row)).toBeNull();
});
