/** braze-api, a client by Braze's community, makes the same calls as the destination. */
import { expect, test } from "bun:test";
import { Braze } from "braze-api";
import type { OpenDestination, OutRequest } from "../../../src/esp/deliver/destination.ts";
import { braze } from "../../../src/esp/destinations/braze.ts";
import { bothCalls, requestOf } from "../../support/sameCall.ts";
import { exportedFields } from "../../support/vendors/braze.ts";

const own = (more: object) => braze.settings.parse({ apiKey: "braze-secret", ...more });

const email = "ann@example.com";
const alias = { alias_name: "prf_1", alias_label: "freshet" };
const row = { profileId: "prf_1", key: { external_id: "u1" } };
const set = { email, first_name: "Ann", sizes: [38] };
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

const prioritization = ["unidentified" as const, "most_recently_updated" as const];
const reached = { send_to_existing_only: false, attributes: { email }, trigger_properties: data };
const time = "2016-07-30T23:56:16.385Z";
const ordered = { ...row, id: "e1", type: "track", name: "Order Completed", messageId: "m1" };
const event = { ...ordered, properties: { total: 84 }, timestampMs: Date.parse(time) };

type Theirs = (client: Braze) => Promise<unknown>;

// What the client's types do not allow, though Braze's reference does, is cast.
const calls: readonly (readonly [string, (open: OpenDestination) => OutRequest, Theirs])[] = [
  [
    "attributes",
    (open) => requestOf(open.upsert, [upsert]),
    (client) =>
      client.users.track({
        attributes: [{ email, first_name: "Ann", sizes: [38], last_name: null as never, external_id: "u1" }],
      }),
  ],
  [
    "attributes of an alias",
    (open) => requestOf(open.audience, [{ ...row, key: alias, audience: "pros", isMember: true }]),
    (client) =>
      client.users.track({
        attributes: [{ user_alias: alias, _update_existing_only: false, segment_pros: true }],
      }),
  ],
  [
    "an event",
    (open) => requestOf(open.event, [event]),
    (client) =>
      client.users.track({
        events: [{ external_id: "u1", name: "Order Completed", time, properties: { total: 84 } }],
      }),
  ],
  [
    "who was known by an alias",
    (open) => requestOf(open.upsert, [{ ...upsert, isNew: true, former: [alias] }]),
    (client) => client.users.identify({ aliases_to_identify: [{ external_id: "u1", user_alias: alias }] }),
  ],
  [
    "who was known by an address",
    (open) => requestOf(open.upsert, [{ ...upsert, isNew: true, former: [{ email }] }]),
    (client) => client.users.identify({ emails_to_identify: [{ external_id: "u1", email, prioritization }] }),
  ],
  [
    "an erasure",
    (open) => requestOf(open.erase, [row]),
    (client) => client.users.delete({ external_ids: ["u1"] }),
  ],
  [
    "an erasure of an alias",
    (open) => requestOf(open.erase, [{ ...row, key: alias }]),
    (client) => client.users.delete({ user_aliases: [alias] }),
  ],
  [
    "a message",
    (open) => requestOf(open.send, [send]),
    (client) =>
      client.campaigns.trigger.send({
        campaign_id: "c-1",
        recipients: [{ external_user_id: "u1", ...reached }],
      }),
  ],
  [
    "a message to an address",
    (open) => requestOf(open.send, [{ ...send, key: { email } }]),
    (client) =>
      client.campaigns.trigger.send({
        campaign_id: "c-1",
        recipients: [{ email, prioritization, ...reached }],
      }),
  ],
  [
    "a transactional message",
    (open) => requestOf(open.send, [send]),
    (client) =>
      client.transactional.v1.campaigns.send("c-1", {
        external_send_id: "snd_1",
        trigger_properties: data,
        recipient: { external_user_id: "u1", attributes: { email } } as never,
      }),
  ],
  [
    "a read-back",
    (open) => open.readBack?.request(row.key) ?? requestOf(undefined, []),
    (client) =>
      client.users.export.ids({
        external_ids: ["u1"],
        fields_to_export: [...exportedFields],
      }),
  ],
];

test.each(calls)("%s: the same call as by its client", async (what, ours, theirs) => {
  const compared = await bothCalls(
    {
      setting: (url) => ({ type: "braze", own: own({ url, transactional: what.includes("transactional") }) }),
      headers: ["authorization", "content-type"],
      answer: { message: "success" },
    },
    ours,
    (origin) => theirs(new Braze(origin, "braze-secret")),
  );
  expect(compared.ours).toEqual(compared.theirs);
});
