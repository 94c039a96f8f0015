import { expect, test } from "bun:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { verdictOf } from "../../../src/esp/deliver/answers.ts";
import type { Answered, HttpWay, Message, SendRow } from "../../../src/esp/deliver/destination.ts";
import { mailchimpTransactional } from "../../../src/esp/destinations/mailchimpTransactional.ts";
import { noConsentRules } from "../../../src/model/consentRule.ts";
import type { Verdict } from "../../../src/model/delivery/verdict.ts";
import { noRules } from "../../../src/model/rules.ts";
import { describeDestination } from "../../conformance/destination.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { faultServer } from "../../support/faultServer.ts";
import { until } from "../../support/until.ts";
import { MailchimpTransactionalFake } from "../../support/vendors/mailchimpTransactional.ts";

const own = (origin: string) => ({
  apiKey: "md-secret-key",
  from: "hello@shop.example",
  fromName: "Shop",
  mergeLanguage: "handlebars" as const,
  url: `${origin}/api/1.4`,
});

describeDestination({
  name: "mailchimp-transactional",
  setting: (origin) => ({ type: "mailchimp-transactional", own: own(origin) }),
  fake: () => new MailchimpTransactionalFake(),
});

const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };
const open = mailchimpTransactional.open(own("https://mandrillapp.com"), tools);
const message: Message = {
  subject: "Your cart",
  html: "<p>*|Hi|*</p>",
  text: "Hi",
  template: null,
  data: { firstName: "Ann" },
  topic: null,
  headers: { "List-Unsubscribe": "<https://shop.example/u/1>" },
};
const row: SendRow = {
  profileId: "prf_1",
  key: { email: "ann@example.com" },
  id: "s1",
  email: "ann@example.com",
  message,
};
const filled: SendRow = { ...row, message: { ...message, template: "cart", html: null, text: null } };

function wayOf<Row>(ability: { readonly way: unknown } | undefined): HttpWay<Row> {
  return ability?.way as HttpWay<Row>;
}

function bodyOf(given: SendRow): unknown {
  return JSON.parse(String(wayOf<SendRow>(open.send).request([given]).body));
}

test("a message is a template with its data, or the block as it is; without either it is refused", () => {
  const common = {
    from_email: "hello@shop.example",
    from_name: "Shop",
    to: [{ email: "ann@example.com", type: "to" }],
    subject: "Your cart",
    headers: message.headers,
    metadata: { freshet_id: "s1" },
  };
  expect(bodyOf(row)).toEqual({
    key: "md-secret-key",
    message: { ...common, html: message.html, text: "Hi", merge: false },
    async: false,
  });
  const vars = [{ name: "firstName", content: "Ann" }];
  expect(bodyOf(filled)).toEqual({
    key: "md-secret-key",
    template_name: "cart",
    template_content: [],
    message: { ...common, merge_language: "handlebars", global_merge_vars: vars },
    async: false,
  });
  expect(open.send?.refuse?.(row)).toBeNull();
  for (const bad of [
    { ...row, email: null },
    { ...row, message: { ...message, subject: null } },
    { ...row, message: { ...message, html: null, text: null } },
    { ...row, message: { ...message, subject: "x".repeat(999) } },
  ])
    expect(open.send?.refuse?.(bad)).not.toBeNull();
});

function verdict(status: number, body: unknown): Verdict {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer: Answered = { kind: "answer", status, headers: {}, text };
  const way = wayOf<SendRow>(open.send);
  return verdictOf(answer, { open, mask: (said) => said, nowMs: () => 0 }, (answered) => {
    const read = way.read?.(answered, [row]) ?? null;
    return read?.kind === "ask" ? null : read;
  });
}

const failed = (name: string) => ({ status: "error", code: -1, name, message: "it says why" });

test.each([
  [200, [{ email: "a", _id: "1", status: "sent" }], "done"],
  [200, [{ email: "a", _id: "1", status: "queued", queued_reason: "hourly-quota-exhausted" }], "done"],
  [200, [{ email: "a", _id: "1", status: "rejected", reject_reason: "unsub" }], "drop"],
  [200, [{ email: "a", _id: "1", status: "invalid" }], "drop"],
  [200, [], "unknown"],
  [200, "<html>", "unknown"],
  [200, '[{"status":"se', "unknown"],
  [401, failed("Invalid_Key"), "stop"],
  [500, failed("Invalid_Key"), "stop"],
  [500, failed("PaymentRequired"), "stop"],
  [500, failed("Unknown_Template"), "drop"],
  [500, failed("ValidationError"), "drop"],
  [500, failed("GeneralError"), "retry"],
  [503, "", "retry"],
  [429, "", "retry"],
] as const)("%d %j means %s", (status, body, kind) => {
  expect(verdict(status, body).kind).toBe(kind);
});

test("a mail goes out once, and what may have gone out is held", async () => {
  const fake = new MailchimpTransactionalFake();
  using server = faultServer((request, body) => fake.answer(request, body));
  const consent = { ...noConsentRules, otherwise: "granted" } as const;
  await using rig = await deliveryRig({ rules: { ...noRules, consent } });
  await rig.use({ type: "mailchimp-transactional", own: own(server.origin), suppressions: false });
  const outcomes: string[] = [];
  rig.deliveries.makeSendsWith({
    prepare: () => Promise.resolve({ kind: "send", channel: "email", topic: "marketing", message }),
    told: (delivery, outcome) => {
      outcomes.push(`${delivery.item} ${outcome}`);
      return Promise.resolve();
    },
  });
  await rig.test.accept("identify", { userId: "u1", traits: { email: "ann@example.com" } });
  const profile = rig.test.find("user_id", "u1")?.profileId ?? "";
  const send = async (item: string, told: number) => {
    const common = { profile, kind: "send", lane: "behavioural", seq: 1, atMs: Date.now() } as const;
    await rig.deliveries.enqueue("out", [{ ...common, item, payload: "{}" }]);
    await until("it is settled", () => outcomes.length === told);
  };
  await send("s1", 1);
  server.fail([{ kind: "reset" }], { after: true });
  await send("s2", 2);
  fake.rejected.add("ann@example.com");
  await send("s3", 3);
  expect(outcomes).toEqual(["s1 sent", "s2 dead", "s3 dead"]);
  expect(fake.mails).toHaveLength(2);
  const letters = await rig.ops.ask("deadLetters", "page", 1, Number.MAX_SAFE_INTEGER, 10);
  expect(letters.map(({ why }) => why).sort()).toEqual(["dropped", "uncertain"]);
  // The key stands in the body.
  expect(JSON.stringify(letters)).not.toContain("md-secret-key");
});

test("an address that is always allowed is said, and one that is not on the list is off it", async () => {
  const fake = new MailchimpTransactionalFake();
  fake.allowed.add("ann@example.com");
  const way = wayOf<object>(open.suppress);
  const ask = async (reason: string | null) => {
    const given = { ...row, channel: "email", reason };
    const { url, method, body } = way.request([given]);
    const sent = String(body);
    const answer = fake.answer(new Request(url, { method, body: sent }), sent);
    const { status } = answer;
    return way.read?.({ kind: "answer", status, headers: {}, text: await answer.text() }, [given]);
  };
  expect(await ask("bounced")).toMatchObject({ kind: "drop", reason: expect.stringContaining("allowed") });
  expect(await ask(null)).toEqual({ kind: "done" });
});

interface Schema {
  additionalProperties?: boolean;
  readonly allOf?: Schema[];
  readonly $ref?: string;
}

const spec = join(import.meta.dir, "../../../../shared/esp-specs/mailchimp-transactional.json");
if (!existsSync(spec)) console.warn("skipped: 1 test needs ../shared/esp-specs");

test.skipIf(!existsSync(spec))("requests are what the vendor's own description says", () => {
  const document = JSON.parse(readFileSync(spec, "utf8")) as {
    readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
  };
  // Each part of a body forbids what the other one demands: held against it without that.
  for (const schema of Object.values(document.components.schemas))
    for (const part of [schema, ...(schema.allOf ?? [])])
      if (schema.allOf !== undefined || schema === document.components.schemas["ApiKey"])
        delete part.additionalProperties;
  const ajv = new Ajv2020({ strict: false, allErrors: true, validateFormats: false });
  ajv.addSchema(document, "spec");
  const suppress = wayOf<object>(open.suppress);
  const asked = [
    ["/messages/send", wayOf<SendRow>(open.send).request([row])],
    ["/messages/send-template", wayOf<SendRow>(open.send).request([filled])],
    ["/rejects/add", suppress.request([{ ...row, channel: "email", reason: "bounced" }])],
    ["/rejects/delete", suppress.request([{ ...row, channel: "email", reason: null }])],
    ["/users/ping2", open.probe],
  ] as const;
  for (const [path, request] of asked) {
    expect([request?.method, request?.url]).toEqual(["POST", `https://mandrillapp.com/api/1.4${path}`]);
    const at = `spec#/paths/${path.replaceAll("/", "~1")}/post/requestBody/content/application~1json/schema`;
    const isValid = ajv.compile({ $ref: at });
    const body = JSON.parse(String(request?.body)) as object;
    expect([path, isValid(body), isValid.errors]).toEqual([path, true, null]);
    // What is wrong is seen to be wrong.
    expect(isValid(Object.fromEntries(Object.keys(body).map((name) => [name, 7])))).toBe(false);
  }
});
