/** Klaviyo's own client, klaviyo-api, makes the same calls as the destination. */
import { expect, test } from "bun:test";
import {
  ApiKeySession,
  DataPrivacyApi,
  EventsApi,
  ProfilesApi,
  RetryWithExponentialBackoff,
} from "klaviyo-api";
import type { OpenDestination, OutRequest, UpsertRow } from "../../../src/esp/deliver/destination.ts";
import { bothCalls, requestOf } from "../../support/sameCall.ts";

const session = new ApiKeySession("pk_secret", new RetryWithExponentialBackoff({ numRetries: 1 }));

function apis(origin: string) {
  const all = {
    profiles: new ProfilesApi(session),
    events: new EventsApi(session),
    privacy: new DataPrivacyApi(session),
  };
  for (const api of Object.values(all)) api.basePath = origin;
  return all;
}
type Apis = ReturnType<typeof apis>;

const person = (who: string) => ({ profileId: `prf_${who}`, key: { email: `${who}@example.com` } });
const [ann, bob] = [person("ann"), person("bob")];
const upsert = (who: typeof ann): UpsertRow => ({
  ...who,
  isNew: false,
  former: [],
  suppressed: {},
  set: { first_name: "Ann", "location.city": "Ulm", cart_value: 84, tags: ["a", "b"] },
  // Custom properties can't be compared here: the client throws when it is to write what is unset.
  clear: ["last_name"],
  all: {},
  version: 1,
  timestampMs: 0,
});
const at = new Date("2026-11-02T10:20:30.400Z");
const event = (who: typeof ann) => ({
  ...who,
  id: `${who.profileId}/7`,
  type: "track",
  name: "Order Completed",
  properties: { total: 84.5, products: [{ sku: "a-1" }] },
  timestampMs: at.getTime(),
  messageId: "m1",
});
const suppress = (reason: string | null) => ({ ...ann, email: ann.key.email, channel: "email", reason });

const profile = (who: typeof ann) => ({
  type: "profile" as const,
  attributes: {
    email: who.key.email,
    firstName: "Ann",
    lastName: null,
    location: { city: "Ulm" },
    properties: { cart_value: 84, tags: ["a", "b"] },
  },
});
const named = (who: typeof ann) => ({
  data: { type: "profile" as const, attributes: { email: who.key.email } },
});
const happened = (who: typeof ann) => ({
  properties: { total: 84.5, products: [{ sku: "a-1" }] },
  time: at,
  uniqueId: `${who.profileId}/7`,
  metric: { data: { type: "metric" as const, attributes: { name: "Order Completed" } } },
});
const suppressed = { profiles: { data: [named(ann).data] } };
const job = (open: OpenDestination, name: "upsert" | "suppress", id: string): OutRequest => {
  const way = open[name]?.way;
  if (way?.kind !== "http" || way.job === undefined) throw new Error("it follows no jobs");
  return way.job.request(id);
};

const calls: Readonly<
  Record<
    string,
    readonly [ours: (open: OpenDestination) => OutRequest, theirs: (apis: Apis) => Promise<unknown>]
  >
> = {
  "a profile": [
    (open) => requestOf(open.upsert, [upsert(ann)]),
    ({ profiles }) => profiles.createOrUpdateProfile({ data: profile(ann) }),
  ],
  "profiles in bulk": [
    (open) => requestOf(open.upsert, [upsert(ann), upsert(bob)]),
    ({ profiles }) =>
      profiles.bulkImportProfiles({
        data: {
          type: "profile-bulk-import-job",
          attributes: { profiles: { data: [profile(ann), profile(bob)] } },
        },
      }),
  ],
  "a bulk import's result": [
    (open) => job(open, "upsert", "profile-bulk-import-jobs/am9i"),
    ({ profiles }) => profiles.getBulkImportProfilesJob("am9i"),
  ],
  "a suppression": [
    (open) => requestOf(open.suppress, [suppress("bounced")]),
    ({ profiles }) =>
      profiles.bulkSuppressProfiles({
        data: { type: "profile-suppression-bulk-create-job", attributes: suppressed },
      }),
  ],
  "a suppression's result": [
    (open) => job(open, "suppress", "profile-suppression-bulk-create-jobs/am9i"),
    ({ profiles }) => profiles.getBulkSuppressProfilesJob("am9i"),
  ],
  "a suppression that is lifted": [
    (open) => requestOf(open.suppress, [suppress(null)]),
    ({ profiles }) =>
      profiles.bulkUnsuppressProfiles({
        data: { type: "profile-suppression-bulk-delete-job", attributes: suppressed },
      }),
  ],
  "its result": [
    (open) => job(open, "suppress", "profile-suppression-bulk-delete-jobs/am9i"),
    ({ profiles }) => profiles.getBulkUnsuppressProfilesJob("am9i"),
  ],
  "an event": [
    (open) => requestOf(open.event, [event(ann)]),
    ({ events }) =>
      events.createEvent({ data: { type: "event", attributes: { ...happened(ann), profile: named(ann) } } }),
  ],
  "events in bulk": [
    (open) => requestOf(open.event, [event(ann), event(bob)]),
    ({ events }) =>
      events.bulkCreateEvents({
        data: {
          type: "event-bulk-create-job",
          attributes: {
            eventsBulkCreate: {
              data: [ann, bob].map((who) => ({
                type: "event-bulk-create" as const,
                attributes: {
                  profile: named(who),
                  events: { data: [{ type: "event" as const, attributes: happened(who) }] },
                },
              })),
            },
          },
        },
      }),
  ],
  "an erasure": [
    (open) => requestOf(open.erase, [ann]),
    ({ privacy }) =>
      privacy.requestProfileDeletion({
        data: { type: "data-privacy-deletion-job", attributes: { profile: named(ann) } },
      }),
  ],
  "a read-back": [
    (open) => open.readBack?.request(ann.key) ?? { method: "", url: "", headers: {}, body: null },
    ({ profiles }) => profiles.getProfiles({ filter: 'equals(email,"ann@example.com")' }),
  ],
};

test.each(Object.entries(calls))("%s", async (_what, [ours, theirs]) => {
  const both = await bothCalls(
    {
      setting: (origin) => ({ type: "klaviyo", own: { apiKey: "pk_secret", url: origin } }),
      // The client says application/json of its bodies; the description allows application/vnd.api+json alone.
      headers: ["authorization", "revision", "accept"],
    },
    ours,
    (origin) => theirs(apis(origin)),
  );
  expect(both.ours).toEqual(both.theirs);
});
