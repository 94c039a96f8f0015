/** Braze's requests, held against a description of its API. */
import { braze } from "../../../src/esp/destinations/braze.ts";
import type { OpenDestination } from "../../../src/esp/deliver/destination.ts";
import type { Json } from "../../../src/model/event.ts";
import { describeContract } from "../../conformance/contract.ts";
import { requestOf } from "../../support/sameCall.ts";
import { BrazeFake, exportedFields } from "../../support/vendors/braze.ts";

const own = (more: object) => braze.settings.parse({ apiKey: "braze-secret", ...more });
const tools = { nowMs: () => 0, fetch: () => Promise.reject(new Error("no requests")) };
const opened = (more: object = {}): OpenDestination =>
  braze.open(own({ url: "http://127.0.0.1:1", ...more }), tools);

const email = "ann@example.com";
const alias = { alias_name: "prf_1", alias_label: "freshet" };
const row = { profileId: "prf_1", key: { external_id: "u1" } };
const set: Readonly<Record<string, Json>> = { email, first_name: "Ann", sizes: [38] };
const upsert = {
  ...row,
  isNew: false,
  former: [],
  suppressed: {},
  set,
  clear: ["last_name"],
  all: set,
  version: 1,
  timestampMs: 0,
};
const data = { cart: 2 };
const message = { subject: null, html: null, text: null, template: "c-1", data, topic: null, headers: {} };
const send = { ...row, id: "snd_1", email, message };

const reference = "https://www.braze.com/docs/api/endpoints";
const exporting = {
  operation: "POST /users/export/ids",
  doc: `${reference}/export/user_data/post_users_identifier/`,
};
const exported = (body: object) => ({
  ...exporting,
  body: {
    ...body,
    fields_to_export: exportedFields,
  },
});
const several = (subscription_state: string) => ({
  operation: "POST /email/status",
  doc: `${reference}/email/post_email_subscription_status/`,
  called: "/email/status",
  body: { email: [email, "bob@example.com"], subscription_state },
});
const transactional = opened({ transactional: true });

describeContract({
  name: "braze",
  setting: (url: string) => ({ type: "braze", own: own({ url, campaign: "c-1" }) }),
  fake: () => new BrazeFake(),
  fields: { name: "first_name", plan: "plan" },
  poison: "poison",
  descriptions: ["braze"],
  sample: {
    set: { email, first_name: "Ann", cart_value: 84.5, sizes: [38], address: { city: "Ulm" }, isVip: true },
    clear: ["last_name", "plan"],
    audience: "pros",
  },
  beyond: [["freshet-probe"], ["ann"], ["bob"]].map((external_ids) => exported({ external_ids })),
  otherwise: [
    several("unsubscribed"),
    several("subscribed"),
    {
      operation: "POST /transactional/v1/campaigns/{campaign_id}/send",
      doc: `${reference}/messaging/send_messages/post_send_transactional_message/`,
      body: {
        external_send_id: "snd_1",
        trigger_properties: { cart: 2 },
        recipient: { external_user_id: "u1", attributes: { email } },
      },
    },
  ],
  more: [
    requestOf(opened().upsert, [{ ...upsert, isNew: true, former: [alias] }]),
    requestOf(opened().upsert, [{ ...upsert, key: { email } }]),
    requestOf(opened().upsert, [{ ...upsert, key: alias }]),
    requestOf(opened().suppress, [{ ...row, channel: "email", email: null, reason: "bounced" }]),
    requestOf(opened().erase, [{ ...row, key: alias }]),
    requestOf(opened().send, [{ ...send, key: { email } }]),
    requestOf(opened().send, [{ ...send, key: alias }]),
    requestOf(transactional.send, [send]),
  ],
});
