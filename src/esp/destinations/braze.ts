/**
 * Braze. Every attribute that is sent is billed, so it gets what differs and nothing else. People are known by
 * `external_id`, the userId; those without one by their e-mail address, or, if so set, by an alias, until their userId is
 * known: then they are identified, and are the same person there. Memberships are custom attributes, which segments are
 * made of. A "201" takes what it can; which objects it refused stands in `errors`. docs/destinations/braze.md
 */
import { z } from "zod";
import type { Json } from "../../model/event.ts";
import type {
  Answered,
  AudienceRow,
  Destination,
  EraseRow,
  EventRow,
  Identified,
  OutRequest,
  ProfileKey,
  Reading,
  Subject,
  SuppressRow,
  UpsertRow,
} from "../deliver/destination.ts";
import { kindOf, post, readTaken, readTracked, who, type NameKind } from "./brazeCalls.ts";
import { exported, refuseEvent, refuseField } from "./brazeFields.ts";
import { brazeSend } from "./brazeSend.ts";

const settings = z
  .strictObject({
    /** A REST key with the permissions that docs/destinations/braze.md names. */
    apiKey: z.string().min(1).max(200),
    /** As in the address of the REST API, `https://rest.iad-01.braze.com`. */
    cluster: z
      .string()
      .regex(/^[a-z]{2,4}-\d{2}$/)
      .optional(),
    /** Another address than the cluster's; for tests and proxies. */
    url: z
      .string()
      .regex(/^https?:\/\//)
      .max(2_000)
      .optional(),
    /** What people without a userId are known by: their e-mail address, or an alias that is their profileId. */
    unidentified: z.enum(["email", "alias"]).default("email"),
    /** What an address becomes whose suppression is lifted. */
    lifted: z.enum(["subscribed", "opted_in"]).default("subscribed"),
    /** The campaign that shows blocks. */
    campaign: z.string().min(1).max(100).optional(),
    /** Whether campaigns are Transactional Email, which not every contract has. */
    transactional: z.boolean().default(false),
  })
  .refine(({ cluster, url }) => cluster !== undefined || url !== undefined, {
    error: "is needed, such as iad-01, or else `url`",
    path: ["cluster"],
  });

type Settings = z.output<typeof settings>;

/** Objects of one request, all arrays together. */
const maxObjects = 75;
/** People of a request of the other operations. */
const maxPeople = 50;
/** Its documentation gives no figure. */
const maxBytes = 1_000_000;
const aliasLabel = "freshet";

export const braze: Destination<Settings> = {
  type: "braze",
  title: "Braze",
  settings,
  can: ["upsert", "audience", "suppress", "event", "send", "erase", "readBack"],
  secrets: ({ apiKey }) => [apiKey],
  open: (own) => {
    const tracked = { maxRows: maxObjects, maxBytes, repeat: "idempotent" } as const;
    const named = { maxRows: maxPeople, maxBytes, repeat: "idempotent" } as const;
    return {
      // Of /users/track; where another operation has less, its headers say so.
      limits: { windows: [{ perMs: 3_000, requests: 3_000 }], connections: 8, timeoutMs: 30_000 },
      identify: (subject) => identify(own, subject),
      // Asks for somebody who is not there.
      probe: exportOf(own, { external_ids: ["freshet-probe"] }),
      refuseField,
      channels: ["email"],
      renames: true,
      upsert: {
        ...tracked,
        group: (row) => (unidentified(row).length > 0 ? "identify" : ""),
        way: {
          kind: "http",
          request: (rows) => first(upserts(own, rows)),
          read: (answer, rows) => readUpserts(answer, rows, upserts(own, rows)),
        },
      },
      audience: {
        ...tracked,
        way: {
          kind: "http",
          request: (rows) => track(own, { attributes: rows.map(membership) }),
          read: (answer, rows) => readTracked(answer, rows.length, "attributes"),
        },
      },
      suppress: {
        ...named,
        group: ({ email, reason }) => `${email === null ? "person" : "address"} ${stateOf(own, reason)}`,
        way: {
          kind: "http",
          request: (rows) => suppression(own, rows),
          read: (answer, rows) =>
            rows[0]?.email === null ? readTracked(answer, rows.length, "attributes") : readTaken(answer),
        },
      },
      event: {
        // Somebody known by an alias may take two objects.
        maxRows: own.unidentified === "alias" ? Math.floor(maxObjects / 2) : maxObjects,
        maxBytes,
        // Each is one more to Braze, even if it is the same.
        repeat: "uncertain",
        refuse: ({ name, properties }) => refuseEvent(name, properties),
        way: {
          kind: "http",
          request: (rows) => track(own, events(rows)),
          read: (answer, rows) => readTracked(answer, rows.length, "events"),
        },
      },
      send: brazeSend(own),
      erase: {
        ...named,
        group: ({ key }) => kindOf(key),
        way: { kind: "http", request: (rows) => erasure(own, rows), read: readErasure },
      },
      readBack: { request: (key) => exportOf(own, asked(key)), read: readBack },
    };
  },
};

function identify({ unidentified: by }: Settings, { profileId, userId, email }: Subject): Identified {
  if (userId !== null) return { kind: "key", key: { external_id: userId } };
  if (by === "alias") return { kind: "key", key: { alias_name: profileId, alias_label: aliasLabel } };
  return email === null
    ? { kind: "none", missing: "userId or e-mail address" }
    : { kind: "key", key: { email } };
}

/** What somebody with a userId was called before it was known. */
function unidentified({ key, former }: UpsertRow): readonly ProfileKey[] {
  return kindOf(key) === "external_id" ? former.filter((one) => kindOf(one) !== "external_id") : [];
}

/** All requests for rows: whoever came to be known is identified first, so that what Braze has of them stays with them. */
function upserts(own: Settings, rows: readonly UpsertRow[]): readonly OutRequest[] {
  const known = rows.flatMap(({ key, ...row }) =>
    unidentified({ key, ...row }).map((was) => ({ external_id: key["external_id"], was })),
  );
  const requests: OutRequest[] = [];
  for (let at = 0; at < known.length; at += maxPeople) {
    const some = known.slice(at, at + maxPeople);
    const emails = some.flatMap(({ external_id, was: { email } }) =>
      email === undefined
        ? []
        : [{ external_id, email, prioritization: ["unidentified", "most_recently_updated"] }],
    );
    const aliases = some.flatMap(({ external_id, was }) =>
      kindOf(was) === "user_alias" ? [{ external_id, user_alias: was }] : [],
    );
    requests.push(
      post(own, "/users/identify", {
        ...(aliases.length === 0 ? {} : { aliases_to_identify: aliases }),
        ...(emails.length === 0 ? {} : { emails_to_identify: emails }),
      }),
    );
  }
  return [...requests, track(own, { attributes: rows.map(attributesOf) })];
}

function first([request]: readonly OutRequest[]): OutRequest {
  if (request === undefined) throw new Error("there are no rows");
  return request;
}

function readUpserts(
  answer: Answered,
  rows: readonly UpsertRow[],
  [, ...rest]: readonly OutRequest[],
): Reading | null {
  const [next] = rest;
  if (next === undefined) return readTracked(answer, rows.length, "attributes");
  // Who is not there any more, or was identified before an answer was lost, stands in its `errors`; that is no harm.
  if (answer.status >= 300) return null;
  z.looseObject({ message: z.string() }).parse(JSON.parse(answer.text));
  return { kind: "ask", request: next, read: (following) => readUpserts(following, rows, rest) };
}

/** What is null has no value any more. */
function attributesOf({ key, isNew, set, clear, suppressed }: UpsertRow): object {
  // An address comes with its state, so that there is no moment in which a campaign would reach it.
  const isUnwanted = suppressed["email"] !== undefined && (isNew || Object.hasOwn(set, "email"));
  return {
    ...set,
    ...Object.fromEntries(clear.map((name) => [name, null])),
    ...(isUnwanted ? { email_subscribe: "unsubscribed" } : {}),
    ...who(key),
  };
}

/** The custom attribute that says whether somebody is in a segment. */
function membership({ key, audience, isMember }: AudienceRow): object {
  return { [`segment_${audience}`]: isMember, ...who(key) };
}

function stateOf({ lifted }: Settings, reason: string | null): string {
  return reason === null ? lifted : "unsubscribed";
}

/** The address is told, wherever it stands; of somebody who has none, the person. */
function suppression(own: Settings, rows: readonly SuppressRow[]): OutRequest {
  const state = stateOf(own, rows[0]?.reason ?? null);
  const emails = rows.flatMap(({ email }) => (email === null ? [] : [email]));
  if (emails.length === 0)
    return track(own, { attributes: rows.map(({ key }) => ({ email_subscribe: state, ...who(key) })) });
  const [email] = emails;
  return post(own, "/email/status", {
    email: emails.length === 1 ? email : emails,
    subscription_state: state,
  });
}

/** An event makes nobody who has but an alias; they are made beside it, which Braze does first. */
function events(rows: readonly EventRow[]): object {
  const aliases = new Map(
    rows.flatMap(({ key }) => (kindOf(key) === "user_alias" ? [[key["alias_name"], who(key)] as const] : [])),
  );
  return {
    ...(aliases.size === 0 ? {} : { attributes: [...aliases.values()] }),
    events: rows.map(({ key, name, properties, timestampMs }) => ({
      ...who(key),
      name,
      time: new Date(timestampMs).toISOString(),
      properties,
    })),
  };
}

function track(own: Settings, body: object): OutRequest {
  return post(own, "/users/track", body);
}

const lists: Readonly<Record<NameKind, string>> = {
  external_id: "external_ids",
  email: "email_addresses",
  user_alias: "user_aliases",
};

function erasure(own: Settings, rows: readonly EraseRow[]): OutRequest {
  const kind = kindOf(rows[0]?.key ?? {});
  const names = rows.map(({ key }) => (kind === "user_alias" ? key : key[kind]));
  return post(own, "/users/delete", { [lists[kind]]: names });
}

/** Whom it does not know it does not count. */
function readErasure({ status, text }: Answered): Reading | null {
  if (status >= 300) return null;
  z.looseObject({ deleted: z.int().min(0) }).parse(JSON.parse(text));
  return { kind: "done" };
}

function asked(key: ProfileKey): object {
  const kind = kindOf(key);
  if (kind === "email") return { email_address: key[kind] };
  return { [lists[kind]]: [kind === "user_alias" ? key : key[kind]] };
}

function exportOf(own: Settings, whom: object): OutRequest {
  const fields_to_export = ["external_id", ...exported, "last_coordinates", "custom_attributes"];
  return post(own, "/users/export/ids", { ...whom, fields_to_export });
}

const foundSchema = z.object({
  message: z.string(),
  users: z.array(
    z.looseObject({
      external_id: z.string().nullish(),
      last_coordinates: z.tuple([z.number(), z.number()]).nullish(),
      custom_attributes: z.record(z.string(), z.json()).nullish(),
    }),
  ),
});

function readBack({ status, text }: Answered): Readonly<Record<string, Json>> | "missing" | null {
  if (status >= 300) return null;
  const { users } = foundSchema.parse(JSON.parse(text));
  // Of several with an address, whoever has no userId is the one that is known by it.
  const found = users.find(({ external_id }) => (external_id ?? null) === null) ?? users[0];
  if (found === undefined) return "missing";
  const own = exported.map((name) => [name, (found[name] ?? null) as Json] as const);
  const [longitude, latitude] = found.last_coordinates ?? [];
  return {
    ...found.custom_attributes,
    ...Object.fromEntries(own),
    ...(longitude === undefined || latitude === undefined
      ? {}
      : { current_location: { longitude, latitude } }),
  };
}
