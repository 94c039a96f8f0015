/**
 * SendGrid Marketing Campaigns and Mail Send. Contacts are taken in by a job ("202" says nothing), which is followed to
 * its result and to the file of its errors; custom fields go by ids, which are looked up by name and kept for a while.
 * docs/destinations/sendgrid.md
 */
import { z } from "zod";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type {
  Answered,
  Destination,
  OutRequest,
  ProfileKey,
  ProfileRow,
  Reading,
  SendRow,
  UpsertRow,
} from "../deliver/destination.ts";
import { asText, SendgridFields } from "./sendgridFields.ts";

const settings = z.strictObject({
  apiKey: z.string().min(1).max(200),
  /** Where subusers of the EU live. */
  region: z.enum(["global", "eu"]).default("global"),
  /** Who messages of triggers are from: an address that SendGrid has verified. */
  from: z.email().max(254).optional(),
  fromName: z.string().min(1).max(100).optional(),
  /** Another address than the region's; for tests and proxies. */
  url: z
    .string()
    .regex(/^https?:\/\//)
    .max(2_000)
    .optional(),
});

type Settings = z.output<typeof settings>;

const hosts = { global: "https://api.sendgrid.com", eu: "https://api.eu.sendgrid.com" } as const;
const maxContacts = 30_000;
const maxContactBytes = 6_000_000;
const maxMailBytes = 20_000_000;
const maxSuppressed = 1_000;

/** Fields that every contact has, with the longest text each may be. */
const ownFields: Readonly<Record<string, number>> = {
  first_name: 50,
  last_name: 50,
  address_line_1: 100,
  address_line_2: 100,
  city: 60,
  state_province_region: 50,
  postal_code: 50,
  country: 50,
};
/** Identifiers, which decide who is who there. */
const reserved: ReadonlySet<string> = new Set([
  "email",
  "alternate_emails",
  "phone_number_id",
  "external_id",
  "anonymous_id",
  "custom_fields",
]);

export const sendgrid: Destination<Settings> = {
  type: "sendgrid",
  title: "SendGrid",
  settings,
  can: ["upsert", "audience", "suppress", "send", "erase", "readBack"],
  secrets: ({ apiKey }) => [apiKey],
  open: (own, tools) => {
    const fields = new SendgridFields({
      nowMs: tools.nowMs,
      fetch: () => tools.fetch(call(own, "GET", "/v3/marketing/field_definitions")),
    });
    const job = {
      request: (id: string) => call(own, "GET", `/v3/marketing/contacts/imports/${encodeURIComponent(id)}`),
      read: readJob,
    };
    const contacts = { maxRows: maxContacts, maxBytes: maxContactBytes, repeat: "idempotent" } as const;
    return {
      // It gives no figure but in the headers of its answers, which are honoured.
      limits: { windows: [], connections: 2, timeoutMs: 30_000 },
      identify: ({ email }) =>
        email === null ? { kind: "none", missing: "e-mail address" } : { kind: "key", key: { email } },
      probe: call(own, "GET", "/v3/marketing/field_definitions"),
      channels: ["email"],
      refuseField: (field, value) => refuseField(field, value, fields),
      upsert: {
        ...contacts,
        way: {
          kind: "http",
          ready: (rows) => fields.ready(rows.flatMap(customNames), "plan again"),
          request: (rows) =>
            call(own, "PUT", "/v3/marketing/contacts", { contacts: rows.map((row) => contact(row, fields)) }),
          read: readMade,
          job,
        },
      },
      audience: {
        ...contacts,
        way: {
          kind: "http",
          ready: (rows) =>
            fields.ready(
              rows.map(({ audience }) => membershipName(audience)),
              "stop",
            ),
          request: (rows) =>
            call(own, "PUT", "/v3/marketing/contacts", {
              contacts: rows.map(({ key, audience, isMember }) => ({
                ...key,
                custom_fields: fields.byId({ [membershipName(audience)]: isMember ? "yes" : "no" }),
              })),
            }),
          read: readMade,
          job,
        },
      },
      suppress: {
        maxRows: maxSuppressed,
        maxBytes: maxContactBytes,
        repeat: "idempotent",
        // Lifted one by one, suppressed together.
        group: ({ reason, key }) => (reason === null ? `lift ${key["email"] ?? ""}` : "suppress"),
        way: {
          kind: "http",
          request: (rows) => suppression(own, rows),
          // It was not suppressed there.
          read: ({ status }, [row]) => (status === 404 && row?.reason === null ? { kind: "done" } : null),
        },
      },
      ...(own.from === undefined
        ? {}
        : {
            send: {
              maxRows: 1,
              maxBytes: maxMailBytes,
              // There is no key by which it would know a repeat.
              repeat: "uncertain",
              refuse: refuseMessage,
              way: { kind: "http", request: ([row]) => mail(own, row) },
            } as const,
          }),
      erase: {
        maxRows: 1,
        maxBytes: maxContactBytes,
        repeat: "idempotent",
        way: {
          kind: "http",
          request: ([row]) => search(own, row?.key ?? {}),
          read: (answer, [row]) => readFound(own, answer, row?.key ?? {}),
        },
      },
      readBack: {
        request: (key) => search(own, key),
        read: (answer) => readBack(answer, fields),
      },
    };
  },
};

/** The custom field that says whether somebody is in a segment; names there have letters, digits and _ alone. */
function membershipName(audience: string): string {
  return `segment_${audience.replace(/[^A-Za-z0-9_]/g, "_")}`;
}

function refuseField(field: string, value: Json, fields: SendgridFields): string | null {
  if (reserved.has(field)) return "SendGrid tells people apart by it";
  const longest = ownFields[field];
  if (longest === undefined) return fields.refuse(field, value);
  if (typeof value === "object") return "it must be a text";
  return String(value).length > longest ? `it is longer than ${longest} characters` : null;
}

function customNames({ set, clear }: UpsertRow): string[] {
  return [...Object.keys(set), ...clear].filter((name) => ownFields[name] === undefined);
}

/** What is left out stays as it was. A text is emptied by the empty text; numbers and dates can't be emptied there. */
function contact({ key, set, clear }: UpsertRow, fields: SendgridFields): object {
  const own: Record<string, Json> = {};
  const custom: Record<string, Json> = {};
  for (const [name, value] of Object.entries(set))
    if (ownFields[name] === undefined) custom[name] = value;
    else own[name] = asText(value);
  for (const name of clear)
    if (ownFields[name] !== undefined) own[name] = "";
    else if (fields.isText(name)) custom[name] = "";
  const byId = fields.byId(custom);
  return { ...key, ...own, ...(Object.keys(byId).length === 0 ? {} : { custom_fields: byId }) };
}

function suppression(
  own: Settings,
  rows: readonly (ProfileRow & { readonly reason: string | null })[],
): OutRequest {
  const emails = rows.map(({ key }) => key["email"] ?? "");
  const [first] = rows;
  return first?.reason === null
    ? call(own, "DELETE", `/v3/asm/suppressions/global/${encodeURIComponent(emails[0] ?? "")}`)
    : call(own, "POST", "/v3/asm/suppressions/global", { recipient_emails: emails });
}

function refuseMessage({ email, message }: SendRow): string | null {
  if (email === null) return "there is no e-mail address";
  const isEmpty = message.template === null && message.html === null && message.text === null;
  if (isEmpty) return "there is neither a template nor a block to send";
  return message.template === null && (message.subject ?? "") === "" ? "a mail needs a subject" : null;
}

/** A dynamic template with its data, or the block as it is. */
function mail(own: Settings, row: SendRow | undefined): OutRequest {
  const {
    template = null,
    data = {},
    subject = null,
    html = null,
    text = null,
    headers = {},
  } = row?.message ?? {};
  const content = [
    ...(text === null || text === "" ? [] : [{ type: "text/plain", value: text }]),
    ...(html === null || html === "" ? [] : [{ type: "text/html", value: html }]),
  ];
  const isTemplate = template !== null;
  return call(own, "POST", "/v3/mail/send", {
    from: { email: own.from ?? "", ...(own.fromName === undefined ? {} : { name: own.fromName }) },
    personalizations: [
      {
        to: [{ email: row?.email ?? "" }],
        custom_args: { freshet_id: row?.id ?? "" },
        ...(isTemplate
          ? { dynamic_template_data: { ...data, ...(subject === null ? {} : { subject }) } }
          : {}),
      },
    ],
    ...(isTemplate
      ? { template_id: template }
      : { subject: (subject ?? "").replace(/[\r\n]+/g, " "), content }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
  });
}

function search(own: Settings, { email = "" }: ProfileKey): OutRequest {
  return call(own, "POST", "/v3/marketing/contacts/search/emails", { emails: [email] });
}

function call(
  { apiKey, region, url }: Settings,
  method: string,
  path: string,
  body: object | null = null,
): OutRequest {
  return {
    method,
    url: `${(url ?? hosts[region]).replace(/\/+$/, "")}${path}`,
    headers: {
      Authorization: `Bearer ${apiKey}`,
      ...(body === null ? {} : { "Content-Type": "application/json" }),
    },
    body: body === null ? null : JSON.stringify(body),
  };
}

const madeSchema = z.object({ job_id: z.string().min(1).max(500) });

function readMade({ status, text }: Answered): Verdict | null {
  if (status >= 300) return null;
  return { kind: "job", id: madeSchema.parse(JSON.parse(text)).job_id, afterMs: 300 };
}

const jobSchema = z.object({
  status: z.string(),
  results: z
    .object({ errored_count: z.number().nullish(), errors_url: z.string().max(4_000).nullish() })
    .nullish(),
});

function readJob(
  { status, text }: Answered,
  rows: readonly ProfileRow[],
): Reading | { readonly kind: "running" } | null {
  if (status !== 200) return null;
  const job = jobSchema.parse(JSON.parse(text));
  const errored = job.results?.errored_count ?? 0;
  const file = job.results?.errors_url ?? "";
  if (job.status === "pending") return { kind: "running" };
  if (job.status === "completed" && errored === 0) return { kind: "done" };
  if (!/^https?:\/\//.test(file)) return { kind: "rows", rows: unnamed(rows, job.status) };
  return {
    kind: "ask",
    // At an address of its own, which is all the credential that it takes.
    request: { method: "GET", url: file, headers: {}, body: null },
    read: (answer) => (answer.status === 200 ? named(rows, answer.text, errored) : null),
  };
}

/** The file holds a line for each contact that failed, with its address and the reason. */
function named(rows: readonly ProfileRow[], file: string, errored: number): Verdict {
  const lines = file.split(/\r?\n/).map((line) => [line.toLowerCase(), line] as const);
  const reasons = rows.map(({ key: { email = "" } }) => lines.find(([low]) => hasAddress(low, email))?.[1]);
  const isWhole = reasons.filter((reason) => reason !== undefined).length >= errored;
  const others: RowVerdict = isWhole
    ? { kind: "done" }
    : { kind: "retry", reason: "the job failed for some, and does not say for whom" };
  return {
    kind: "rows",
    rows: reasons.map((reason) =>
      reason === undefined ? others : { kind: "drop", reason: reason.slice(0, 300) },
    ),
  };
}

/** `ann@example.com` is not in `joann@example.com`. */
function hasAddress(line: string, email: string): boolean {
  const at = line.indexOf(email.toLowerCase());
  if (email === "" || at < 0) return false;
  const isPart = (character: string | undefined) =>
    character !== undefined && /[a-z0-9._%+-]/.test(character);
  return !isPart(line[at - 1]) && !isPart(line[at + email.length]);
}

function unnamed(rows: readonly ProfileRow[], status: string): readonly RowVerdict[] {
  const reason = `the job is ${status}`;
  return rows.map(() => ({ kind: rows.length === 1 ? "drop" : "retry", reason }));
}

const foundSchema = z.object({
  result: z.record(
    z.string(),
    z.object({
      contact: z.looseObject({
        id: z.string(),
        custom_fields: z.record(z.string(), z.json()).nullish(),
      }),
    }),
  ),
});

function contactIn(answer: Answered) {
  const { result } = foundSchema.parse(JSON.parse(answer.text));
  return Object.values(result)[0]?.contact ?? null;
}

/** Contacts are deleted by id, which the address leads to. */
function readFound(own: Settings, answer: Answered, { email = "" }: ProfileKey): Reading | null {
  if (answer.status === 404) return { kind: "done" };
  if (answer.status !== 200) return null;
  const found = foundSchema.parse(JSON.parse(answer.text)).result;
  const ids = Object.entries(found).flatMap(
    ([
      address,
      {
        contact: { id },
      },
    ]) => (address.toLowerCase() === email.toLowerCase() ? [id] : []),
  );
  if (ids.length === 0) return { kind: "done" };
  const path = `/v3/marketing/contacts?ids=${encodeURIComponent(ids.join(","))}`;
  return { kind: "ask", request: call(own, "DELETE", path), read: () => null };
}

function readBack(
  answer: Answered,
  fields: SendgridFields,
): Readonly<Record<string, Json>> | "missing" | null {
  if (answer.status === 404) return "missing";
  if (answer.status !== 200) return null;
  const found = contactIn(answer);
  if (found === null) return "missing";
  const { custom_fields, ...rest } = found;
  const own = Object.entries(rest).flatMap(([name, value]) =>
    ownFields[name] === undefined ? [] : [[name, value as Json] as const],
  );
  return { ...Object.fromEntries(own), ...fields.byName(custom_fields ?? {}) };
}
