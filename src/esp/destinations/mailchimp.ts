/**
 * Mailchimp Marketing: members of one audience, known by the MD5 of their address, with merge fields, tags and events.
 * docs/destinations/mailchimp.md
 */
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type {
  Answered,
  AudienceRow,
  Destination,
  EventRow,
  OutRequest,
  Reading,
  SuppressRow,
} from "../deliver/destination.ts";
import {
  call,
  credentials,
  lenient,
  member,
  readMember,
  readNothing,
  settings,
  type Settings,
} from "./mailchimpCalls.ts";
import { refusalOf, saidBy } from "./mailchimpErrors.ts";
import { MailchimpFields } from "./mailchimpFields.ts";
import { upsert } from "./mailchimpUpsert.ts";

const single = { maxRows: 1, maxBytes: 1_000_000, repeat: "idempotent" } as const;
const gone =
  "it is not in the audience any more (somebody deleted it there): `drift --repair` brings it back";

export const mailchimp: Destination<Settings> = {
  type: "mailchimp",
  title: "Mailchimp",
  settings,
  can: ["upsert", "audience", "suppress", "event", "erase", "readBack"],
  secrets: ({ apiKey }) => [apiKey, credentials(apiKey)],
  open: (own, tools) => {
    const fields = new MailchimpFields({
      nowMs: tools.nowMs,
      list: () => tools.fetch(call(own, "GET", `${mergeFields}?count=1000&fields=${fieldsRead}`)),
      create: own.createFields
        ? ({ tag, type }) =>
            tools.fetch(call(own, "POST", mergeFields, { tag, name: tag, type, public: false }))
        : null,
    });
    return {
      // Ten at once are allowed; the audit of drift and tests of the connection want one each. It gives no rate.
      limits: { windows: [], connections: 8, timeoutMs: 60_000 },
      identify: ({ email }) =>
        email === null ? { kind: "none", missing: "e-mail address" } : { kind: "key", key: { email } },
      probe: call(own, "GET", `${mergeFields}?count=1&fields=list_id`),
      channels: ["email"],
      refuseField: (tag, value) => fields.refuse(tag, value),
      renames: true,
      upsert: upsert(own, fields),
      audience: {
        ...single,
        refuse: ({ audience }) => (audience.length > 100 ? "a tag has at most 100 characters" : null),
        way: { kind: "http", request: ([row]) => tagged(own, row), read: readTagged },
      },
      suppress: {
        ...single,
        way: {
          kind: "http",
          request: ([row]) => suppressed(own, row),
          read: (answer, [row]) => readSuppressed(own, answer, row),
        },
      },
      event: {
        ...single,
        // There is no key by which it would know a repeat.
        repeat: "uncertain",
        refuse: ({ name }) => (eventName(name).length < 2 ? "an event's name needs letters or digits" : null),
        way: { kind: "http", request: ([row]) => happened(own, row), read: readHappened },
      },
      erase: {
        ...single,
        way: {
          kind: "http",
          request: ([row]) => call(own, "POST", `${member(row?.key)}/actions/delete-permanent`),
          read: (answer) => readErased(own, answer),
        },
      },
      readBack: {
        request: (key) => call(own, "GET", `${member(key)}?fields=email_address,status,merge_fields`),
        read: (answer) => readBack(answer, fields),
      },
    };
  },
};

const mergeFields = "/merge-fields";
const fieldsRead = "merge_fields.tag,merge_fields.type,merge_fields.options";

function tagged(own: Settings, row: AudienceRow | undefined): OutRequest {
  return call(own, "POST", `${member(row?.key)}/tags`, {
    tags: [{ name: row?.audience ?? "", status: row?.isMember === true ? "active" : "inactive" }],
  });
}

function readTagged(answer: Answered, [row]: readonly AudienceRow[]): Verdict | null {
  if (answer.status === 404)
    return row?.isMember === false ? { kind: "done" } : { kind: "drop", reason: gone };
  return readNothing(answer);
}

function suppressed(own: Settings, row: SuppressRow | undefined, lifted: string = own.status): OutRequest {
  const status = row?.reason === null ? lifted : "unsubscribed";
  const email = row?.key["email"] ?? "";
  return call(own, "PUT", `${member(row?.key)}?${lenient}`, {
    email_address: email,
    status_if_new: status,
    status,
  });
}

/** Who ended it themselves comes back by a confirmation that Mailchimp asks them for. */
function readSuppressed(own: Settings, answer: Answered, row: SuppressRow | undefined): Reading | null {
  const kind = answer.status === 400 ? refusalOf(saidBy(answer)) : "other";
  const isStopped = kind === "compliance" || kind === "forgotten";
  // Nobody writes to them from there.
  if (isStopped && row?.reason !== null) return { kind: "done" };
  if (kind === "compliance" && own.status === "subscribed")
    return { kind: "ask", request: suppressed(own, row, "pending"), read: readMember };
  return readMember(answer);
}

/** As Mailchimp takes it: 2 to 30 letters, digits and _. */
function eventName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_+|_+$/g, "")
    .slice(0, 30);
}

function happened(own: Settings, row: EventRow | undefined): OutRequest {
  const properties = Object.entries(row?.properties ?? {}).flatMap(([name, value]) =>
    value === null ? [] : [[name, typeof value === "string" ? value : JSON.stringify(value)] as const],
  );
  return call(own, "POST", `${member(row?.key)}/events`, {
    name: eventName(row?.name ?? ""),
    ...(properties.length === 0 ? {} : { properties: Object.fromEntries(properties) }),
    occurred_at: `${new Date(row?.timestampMs ?? 0).toISOString().slice(0, 19)}+00:00`,
  });
}

function readHappened(answer: Answered): Verdict | null {
  return answer.status === 404 ? { kind: "drop", reason: gone } : readNothing(answer);
}

/** Nobody there has that address, as long as there is the audience at all. */
function readErased(own: Settings, answer: Answered): Reading | null {
  if (answer.status === 405) return { kind: "drop", reason: `Mailchimp won't delete it: ${saidBy(answer)}` };
  if (answer.status !== 404) return readNothing(answer);
  const request = call(own, "GET", `${mergeFields}?count=1&fields=list_id`);
  return { kind: "ask", request, read: readNothing };
}

const foundSchema = z.object({ merge_fields: z.record(z.string(), z.json()).nullish() });

function readBack(
  { status, text }: Answered,
  fields: MailchimpFields,
): Readonly<Record<string, Json>> | "missing" | null {
  if (status === 404) return "missing";
  if (status !== 200) return null;
  return fields.valuesFrom(foundSchema.parse(JSON.parse(text)).merge_fields ?? {});
}
