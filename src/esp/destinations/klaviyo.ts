/**
 * Klaviyo, JSON:API. One profile goes by itself and is answered at once; more go as a bulk job, which is followed to its
 * result: "202" only says that it was put in a queue, and its errors stand in pages of their own. Memberships are custom
 * properties, since a list needs an id and asks for consent. docs/destinations/klaviyo.md
 */
import { z } from "zod";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type {
  Answered,
  Ask,
  Destination,
  EventRow,
  OutRequest,
  ProfileKey,
  ProfileRow,
  Reading,
  SendRow,
  SuppressRow,
  UpsertRow,
} from "../deliver/destination.ts";
import { klaviyoErrors, type ImportFailures } from "./klaviyoErrors.ts";

const settings = z.strictObject({
  /** A private key, `pk_…`. */
  apiKey: z.string().min(1).max(200),
  /** Another address than Klaviyo's; for tests and proxies. */
  url: z
    .string()
    .regex(/^https?:\/\//)
    .max(2_000)
    .default("https://a.klaviyo.com"),
});

type Settings = z.output<typeof settings>;

/** What the requests here were written for; Klaviyo keeps a revision for two years. */
const revision = "2026-07-15";
const maxBytes = 5_000_000;
const maxProfiles = 10_000;
const maxEvents = 1_000;
const maxSuppressed = 100;
/** Of a profile; a value of more would not leave room for the rest. */
const maxValueBytes = 90_000;

/** Attributes that a profile has there by itself; any other name is a custom property. */
const texts: ReadonlySet<string> = new Set([
  "phone_number",
  "external_id",
  "first_name",
  "last_name",
  "organization",
  "locale",
  "title",
  "image",
]);
const places: ReadonlySet<string> = new Set([
  "address1",
  "address2",
  "city",
  "country",
  "region",
  "zip",
  "timezone",
  "ip",
  "latitude",
  "longitude",
]);
const placePrefix = "location.";
const reserved: ReadonlySet<string> = new Set(["email", "id", "_kx", "location", "properties"]);

export const klaviyo: Destination<Settings> = {
  type: "klaviyo",
  title: "Klaviyo",
  settings,
  can: ["upsert", "audience", "suppress", "event", "send", "erase", "readBack"],
  secrets: ({ apiKey }) => [apiKey],
  open: (own) => {
    const importing = {
      maxRows: maxProfiles,
      maxBytes,
      repeat: "idempotent",
    } as const;
    const job = {
      request: (id: string) => call(own, "GET", `/api/${id}`),
      read: (answer: Answered, rows: readonly ProfileRow[]) => readJob(own, answer, rows),
    };
    return {
      // The lowest of those that its reference gives for what is sent here: bulk jobs, 10 a second and 150 a minute.
      limits: {
        windows: [
          { perMs: 1_000, requests: 10 },
          { perMs: 60_000, requests: 150 },
        ],
        connections: 4,
        timeoutMs: 30_000,
      },
      // 409: an identifier belongs to somebody else there; it will tomorrow as well.
      errors: { 409: "split" },
      identify: ({ email }) =>
        email === null ? { kind: "none", missing: "e-mail address" } : { kind: "key", key: { email } },
      probe: call(own, "GET", "/api/profiles?fields[profile]=created&page[size]=1"),
      refuseField,
      channels: ["email"],
      upsert: {
        ...importing,
        way: { kind: "http", request: (rows) => imported(own, rows.map(profileOf)), read: readImport, job },
      },
      audience: {
        ...importing,
        way: {
          kind: "http",
          request: (rows) =>
            imported(
              own,
              rows.map(({ key, audience, isMember }) =>
                profile(key, { properties: { [membershipName(audience)]: isMember } }),
              ),
            ),
          read: readImport,
          job,
        },
      },
      suppress: {
        maxRows: maxSuppressed,
        maxBytes,
        repeat: "idempotent",
        group: ({ reason }) => (reason === null ? "lift" : "suppress"),
        way: { kind: "http", request: (rows) => suppressed(own, rows), read: readQueued, job },
      },
      event: {
        maxRows: maxEvents,
        maxBytes,
        // `unique_id`: Klaviyo drops what it has already.
        repeat: "idempotent",
        way: { kind: "http", request: (rows) => events(own, rows) },
      },
      send: {
        maxRows: 1,
        maxBytes,
        repeat: "idempotent",
        way: { kind: "http", request: (rows) => events(own, rows.map(flowEvent)) },
      },
      erase: {
        maxRows: 1,
        maxBytes,
        repeat: "idempotent",
        way: { kind: "http", request: ([row]) => erasure(own, row?.key ?? {}), read: readErasure },
      },
      readBack: {
        request: ({ email = "" }) =>
          call(
            own,
            "GET",
            `/api/profiles?filter=${encodeURIComponent(`equals(email,${JSON.stringify(email)})`)}`,
          ),
        read: readBack,
      },
    };
  },
};

/** The custom property that says whether somebody is in a segment. */
function membershipName(audience: string): string {
  return `segment_${audience}`;
}

function refuseField(field: string, value: Json): string | null {
  if (reserved.has(field)) return "Klaviyo keeps this name for itself";
  if (Buffer.byteLength(JSON.stringify(value)) > maxValueBytes)
    return `the value is larger than ${maxValueBytes} bytes`;
  if (field === "phone_number" && (typeof value !== "string" || !/^\+[1-9]\d{6,14}$/.test(value)))
    return "a phone number must be in the form +14155552671";
  const place = field.startsWith(placePrefix) ? field.slice(placePrefix.length) : null;
  if (place !== null && !places.has(place)) return "Klaviyo has no such part of a location";
  if ((place !== null || texts.has(field)) && typeof value === "object") return "it must be a text";
  return null;
}

function profileOf({ key, set, clear }: UpsertRow): object {
  const location: Record<string, Json> = {};
  const attributes: Record<string, Json> = {};
  const properties: Record<string, Json> = {};
  const unset = clear.filter((name) => !texts.has(name) && !name.startsWith(placePrefix));
  for (const [name, value] of [...Object.entries(set), ...clear.map((gone) => [gone, null] as const)]) {
    if (texts.has(name)) attributes[name] = value === null ? null : text(value);
    else if (name.startsWith(placePrefix))
      location[name.slice(placePrefix.length)] = value === null ? null : text(value);
    else if (value !== null) properties[name] = value;
  }
  if (Object.keys(location).length > 0) attributes["location"] = location;
  if (Object.keys(properties).length > 0) attributes["properties"] = properties;
  return profile(key, attributes, unset);
}

function text(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function profile(key: ProfileKey, attributes: Readonly<Record<string, Json>>, unset: readonly string[] = []) {
  return {
    type: "profile",
    attributes: { ...key, ...attributes },
    ...(unset.length === 0 ? {} : { meta: { patch_properties: { unset } } }),
  };
}

function imported(own: Settings, profiles: readonly object[]): OutRequest {
  const [first] = profiles;
  if (profiles.length === 1) return call(own, "POST", "/api/profile-import", { data: first });
  return call(own, "POST", "/api/profile-bulk-import-jobs", {
    data: { type: "profile-bulk-import-job", attributes: { profiles: { data: profiles } } },
  });
}

function suppressed(own: Settings, rows: readonly SuppressRow[]): OutRequest {
  const type = `profile-suppression-bulk-${rows[0]?.reason === null ? "delete" : "create"}-job`;
  const data = rows.map(({ key: { email = "" } }) => ({ type: "profile", attributes: { email } }));
  return call(own, "POST", `/api/${type}s`, { data: { type, attributes: { profiles: { data } } } });
}

type Happening = Pick<EventRow, "key" | "id" | "name" | "properties"> & {
  readonly timestampMs: number | null;
};

function events(own: Settings, rows: readonly Happening[]): OutRequest {
  const [first] = rows;
  if (rows.length === 1 && first !== undefined)
    return call(own, "POST", "/api/events", {
      data: {
        type: "event",
        attributes: { ...happening(first), profile: { data: profile(first.key, {}) } },
      },
    });
  const data = rows.map((row) => ({
    type: "event-bulk-create",
    attributes: {
      profile: { data: profile(row.key, {}) },
      events: { data: [{ type: "event", attributes: happening(row) }] },
    },
  }));
  return call(own, "POST", "/api/event-bulk-create-jobs", {
    data: { type: "event-bulk-create-job", attributes: { "events-bulk-create": { data } } },
  });
}

function happening({ id, name, properties, timestampMs }: Happening): object {
  return {
    properties,
    ...(timestampMs === null ? {} : { time: new Date(timestampMs).toISOString() }),
    unique_id: id,
    metric: { data: { type: "metric", attributes: { name } } },
  };
}

/** A message starts a flow: the metric is the template's name, and the flow's mail may show the block by `event.html`. */
function flowEvent({ key, id, message }: SendRow): Happening {
  const { template, data, subject, html, text: plain } = message;
  const shown = Object.entries({ subject, html, text: plain }).filter(([, value]) => value !== null);
  const properties = { ...data, ...Object.fromEntries(shown) };
  return { key, id, name: template ?? "Freshet Message", properties, timestampMs: null };
}

function erasure(own: Settings, { email = "" }: ProfileKey): OutRequest {
  const who = { data: { type: "profile", attributes: { email } } };
  return call(own, "POST", "/api/data-privacy-deletion-jobs", {
    data: { type: "data-privacy-deletion-job", attributes: { profile: who } },
  });
}

function call(
  { apiKey, url }: Settings,
  method: string,
  path: string,
  body: object | null = null,
): OutRequest {
  return {
    method,
    url: `${url.replace(/\/+$/, "")}${path}`,
    headers: {
      Authorization: `Klaviyo-API-Key ${apiKey}`,
      Accept: "application/vnd.api+json",
      revision,
      ...(body === null ? {} : { "Content-Type": "application/vnd.api+json" }),
    },
    body: body === null ? null : JSON.stringify(body),
  };
}

const madeSchema = z.object({
  data: z.object({
    type: z.string().regex(/^[a-z-]{1,80}$/),
    id: z.string().regex(/^[A-Za-z0-9_=.-]{1,500}$/),
  }),
});

function readImport(answer: Answered): Verdict | null {
  if (answer.status !== 202) {
    // Of a profile by itself: it says whom it made or changed.
    if (answer.status < 300) madeSchema.parse(JSON.parse(answer.text));
    return null;
  }
  return readQueued(answer);
}

/** A job is known by its path, such as `profile-bulk-import-jobs/…`. */
function readQueued({ status, text: body }: Answered): Verdict | null {
  if (status >= 300) return null;
  const { type, id } = madeSchema.parse(JSON.parse(body)).data;
  return { kind: "job", id: `${type}s/${encodeURIComponent(id)}`, afterMs: 500 };
}

function readErasure({ status }: Answered): Verdict | null {
  // Nobody there has that address.
  return status === 404 ? { kind: "done" } : null;
}

const jobSchema = z.object({
  data: z.object({
    type: z.string(),
    id: z.string(),
    attributes: z.object({
      status: z.string(),
      failed_count: z.number().nullish(),
    }),
  }),
});

function readJob(
  own: Settings,
  { status, text: body }: Answered,
  rows: readonly ProfileRow[],
): Reading | { readonly kind: "running" } | null {
  if (status !== 200) return null;
  const { type, id, attributes } = jobSchema.parse(JSON.parse(body)).data;
  if (attributes.status === "queued" || attributes.status === "processing") return { kind: "running" };
  if (attributes.status !== "complete")
    return rowsOf(rows.length, { kind: "retry", reason: `the job is ${attributes.status}` });
  const failed = attributes.failed_count ?? 0;
  if (failed === 0) return { kind: "done" };
  const path = `/api/${type}s/${encodeURIComponent(id)}/import-errors?page[size]=100`;
  return askErrors(own, call(own, "GET", path), klaviyoErrors(rows, failed));
}

/** Reads pages of errors until there is none more. */
function askErrors(own: Settings, request: OutRequest, failures: ImportFailures): Ask {
  return {
    kind: "ask",
    request,
    read: ({ status, text: body }) => {
      if (status !== 200) return null;
      const next = failures.take(JSON.parse(body));
      if (next === null) return { kind: "rows", rows: failures.verdicts() };
      // The key goes with it: it must lead to where it came from.
      if (!next.startsWith(`${own.url.replace(/\/+$/, "")}/api/`))
        throw new Error("the next page is elsewhere");
      return askErrors(own, { ...request, url: next }, failures);
    },
  };
}

function rowsOf(count: number, verdict: RowVerdict): Verdict {
  return { kind: "rows", rows: Array.from({ length: count }, () => verdict) };
}

const foundSchema = z.object({
  data: z.array(z.object({ attributes: z.record(z.string(), z.json()) })),
});

function readBack({ status, text: body }: Answered): Readonly<Record<string, Json>> | "missing" | null {
  if (status !== 200) return null;
  const [found] = foundSchema.parse(JSON.parse(body)).data;
  if (found === undefined) return "missing";
  const { properties, location, ...attributes } = found.attributes;
  const place = Object.entries(location ?? {}).map(
    ([name, value]) => [`${placePrefix}${name}`, value] as const,
  );
  return {
    ...attributes,
    ...Object.fromEntries(place),
    ...(properties as Readonly<Record<string, Json>> | null),
  };
}
