/**
 * SendGrid's own client makes the same calls as the destination. @sendgrid/mail makes the whole of a mail; for the rest
 * @sendgrid/client gives host, credentials and headers, and takes path and body as its documentation writes them.
 */
import client from "@sendgrid/client";
import mailer from "@sendgrid/mail";
import { expect, test } from "bun:test";
import type {
  Message,
  OpenDestination,
  OutRequest,
  SendRow,
  UpsertRow,
} from "../../../src/esp/deliver/destination.ts";
import { bothCalls, requestOf } from "../../support/sameCall.ts";

const email = "ann@example.com";
const ann = { profileId: "prf_1", key: { email } };
const suppress = (reason: string | null) => ({ ...ann, email, channel: "email", reason });
const block: Message = {
  subject: "Your cart",
  html: "<p>Hi</p>",
  text: "Hi",
  template: null,
  data: {},
  topic: null,
  headers: { "List-Unsubscribe": "<https://shop.example/u/1>" },
};
const send = (message: Message): SendRow => ({ ...ann, id: "s1", email, message });
const contact: UpsertRow = {
  ...ann,
  isNew: false,
  former: [],
  suppressed: {},
  set: { first_name: "Ann" },
  clear: ["city"],
  all: {},
  version: 1,
  timestampMs: 0,
};
const from = { email: "shop@example.com", name: "Shop" };
const to = { to: email, customArgs: { freshet_id: "s1" } };

function pointAt(origin: string): void {
  client.setApiKey("SG.secret");
  client.setDefaultRequest("baseUrl", origin);
  mailer.setClient(client);
}

type Theirs = () => Promise<unknown>;

const request =
  (method: "GET" | "PUT" | "POST" | "DELETE", url: string, body?: object): Theirs =>
  () =>
    client.request({ method, url, ...(body === undefined ? {} : { body }) });

const calls: Readonly<
  Record<string, readonly [ours: (open: OpenDestination) => OutRequest, theirs: Theirs]>
> = {
  "a mail": [
    (open) => requestOf(open.send, [send(block)]),
    () =>
      mailer.send({
        from,
        personalizations: [to],
        subject: "Your cart",
        text: "Hi",
        html: "<p>Hi</p>",
        headers: { "List-Unsubscribe": "<https://shop.example/u/1>" },
      }),
  ],
  "a mail of a dynamic template": [
    (open) => requestOf(open.send, [send({ ...block, template: "d-1", data: { total: 84.5 }, headers: {} })]),
    () =>
      mailer.send({
        from,
        personalizations: [{ ...to, dynamicTemplateData: { total: 84.5, subject: "Your cart" } }],
        templateId: "d-1",
      }),
  ],
  "a suppression": [
    (open) => requestOf(open.suppress, [suppress("bounced")]),
    request("POST", "/v3/asm/suppressions/global", { recipient_emails: [email] }),
  ],
  "a suppression that is lifted": [
    (open) => requestOf(open.suppress, [suppress(null)]),
    request("DELETE", `/v3/asm/suppressions/global/${encodeURIComponent(email)}`),
  ],
  "a contact": [
    (open) => requestOf(open.upsert, [contact]),
    request("PUT", "/v3/marketing/contacts", { contacts: [{ email, first_name: "Ann", city: "" }] }),
  ],
  "a search": [
    (open) => requestOf(open.erase, [ann]),
    request("POST", "/v3/marketing/contacts/search/emails", { emails: [email] }),
  ],
  "the custom fields": [
    (open) => open.probe ?? { method: "", url: "", headers: {}, body: null },
    request("GET", "/v3/marketing/field_definitions"),
  ],
};

/** The client says of a body that it does not send too what it is of. */
const bodiless: ReadonlySet<string> = new Set(["a suppression that is lifted", "the custom fields"]);

test.each(Object.entries(calls))("%s", async (what, [ours, theirs]) => {
  const both = await bothCalls(
    {
      setting: (origin) => ({
        type: "sendgrid",
        own: {
          apiKey: "SG.secret",
          region: "global",
          from: "shop@example.com",
          fromName: "Shop",
          url: origin,
        },
      }),
      headers: ["authorization", ...(bodiless.has(what) ? [] : ["content-type"])],
    },
    ours,
    (origin) => {
      pointAt(origin);
      return theirs();
    },
  );
  expect(both.ours).toEqual(both.theirs);
});
