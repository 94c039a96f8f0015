import { expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sendgrid } from "../../../src/esp/destinations/sendgrid.ts";
import type { HttpWay, SendRow } from "../../../src/esp/deliver/destination.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { SendgridFake } from "../../support/vendors/sendgrid.ts";

const own = (url: string) => ({ apiKey: "SG.secret", region: "global" as const, url });

describeDestination({
  name: "sendgrid",
  setting: (origin) => ({ type: "sendgrid", own: own(origin) }),
  fake: () => new SendgridFake(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
  cleared: "",
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

const specs = join(import.meta.dir, "../../../../shared/esp-specs");
if (!existsSync(specs)) console.warn("skipped: 1 test needs ../shared/esp-specs");

type Ability = "upsert" | "audience" | "suppress" | "send" | "erase";

test.skipIf(!existsSync(specs))("requests are what the vendor's own descriptions say", async () => {
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  for (const name of ["contacts", "mail", "suppressions"])
    ajv.addSchema(JSON.parse(readFileSync(join(specs, `sendgrid-${name}.json`), "utf8")) as object, name);
  const fake = new SendgridFake();
  using server = faultServer((request, body) => fake.answer(request, body));
  const open = sendgrid.open(
    { ...own(server.origin), from: "shop@example.com" },
    {
      nowMs: () => 0,
      fetch: async ({ url, headers }) => {
        const answer = await fetch(url, { headers });
        return { kind: "answer", status: answer.status, headers: {}, text: await answer.text() };
      },
    },
  );
  const email = "ann@example.com";
  const row = { profileId: "prf_1", key: { email }, email };
  const message = {
    subject: "Hi",
    html: "<p>Hi</p>",
    text: "Hi",
    template: null,
    data: { a: 1 },
    headers: {},
  };
  const upsert = { ...row, set: { first_name: "Ann", plan: "pro", cart_value: 84 }, clear: ["last_name"] };
  const contacts = "contacts#/paths/~1v3~1marketing~1contacts";
  const mail = "mail#/components/requestBodies/PostMailSend";
  const asked: readonly (readonly [ability: Ability, row: object, request: string, body: string])[] = [
    ["upsert", upsert, "PUT /v3/marketing/contacts", `${contacts}/put/requestBody`],
    [
      "audience",
      { ...row, audience: "pros", isMember: true },
      "PUT /v3/marketing/contacts",
      `${contacts}/put/requestBody`,
    ],
    [
      "suppress",
      { ...row, reason: "bounced" },
      "POST /v3/asm/suppressions/global",
      "suppressions#/components/requestBodies/PostSuppressions",
    ],
    ["send", { ...row, id: "s1", message }, "POST /v3/mail/send", mail],
    ["send", { ...row, id: "s1", message: { ...message, template: "d-1" } }, "POST /v3/mail/send", mail],
    [
      "erase",
      row,
      "POST /v3/marketing/contacts/search/emails",
      `${contacts}~1search~1emails/post/requestBody`,
    ],
  ];
  for (const [ability, given, expected, at] of asked) {
    const way = open[ability]?.way as HttpWay<object> | undefined;
    expect((await way?.ready?.([given])) ?? null).toBeNull();
    const request = way?.request([given]);
    expect(`${request?.method} ${new URL(request?.url ?? "").pathname}`).toBe(expected);
    const isValid = ajv.compile({ $ref: `${at}/content/application~1json/schema` });
    const body = JSON.parse(String(request?.body)) as object;
    expect([ability, isValid(body), isValid.errors]).toEqual([ability, true, null]);
    // What is wrong is seen to be wrong.
    expect(isValid(Object.fromEntries(Object.keys(body).map((name) => [name, 7])))).toBe(false);
  }
});
