/**
 * Mailchimp Transactional (Mandrill): messages of triggers, by a template of its own or as a block made them, and its
 * list of addresses that it rejects. The key goes in the body, and many refusals come as a 500 with a name.
 * docs/destinations/mailchimp-transactional.md
 */
import { z } from "zod";
import type { Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type { Answered, Destination, OutRequest, SendRow, SuppressRow } from "../deliver/destination.ts";

const settings = z.strictObject({
  apiKey: z.string().min(1).max(200),
  /** Who messages are from: an address of a domain that Mailchimp has verified. */
  from: z.email().max(254),
  fromName: z.string().min(1).max(100).optional(),
  /** The language of the templates. */
  mergeLanguage: z.enum(["handlebars", "mailchimp"]).default("handlebars"),
  /** Another address, up to the version; for tests and proxies. */
  url: z
    .string()
    .regex(/^https?:\/\//)
    .max(2_000)
    .default("https://mandrillapp.com/api/1.4"),
});

type Settings = z.output<typeof settings>;

/** 25 MB with all that a mail is wrapped in. */
const maxMailBytes = 20_000_000;
const longestSubject = 998;

export const mailchimpTransactional: Destination<Settings> = {
  type: "mailchimp-transactional",
  title: "Mailchimp Transactional",
  settings,
  can: ["suppress", "send"],
  secrets: ({ apiKey }) => [apiKey],
  open: (own) => ({
    // It tells no rate; what is above an account's quota it queues.
    limits: { windows: [], connections: 4, timeoutMs: 30_000 },
    identify: ({ email }) =>
      email === null ? { kind: "none", missing: "e-mail address" } : { kind: "key", key: { email } },
    probe: call(own, "users/ping2", {}),
    channels: ["email"],
    suppress: {
      maxRows: 1,
      maxBytes: 100_000,
      repeat: "idempotent",
      way: { kind: "http", request: ([row]) => rejected(own, row), read: readRejected },
    },
    send: {
      maxRows: 1,
      maxBytes: maxMailBytes,
      // There is no key by which it would know a repeat.
      repeat: "uncertain",
      refuse: refuseMessage,
      way: { kind: "http", request: ([row]) => mail(own, row), read: readSent },
    },
  }),
};

function rejected(own: Settings, row: SuppressRow | undefined): OutRequest {
  const email = row?.key["email"] ?? "";
  return row?.reason === null
    ? call(own, "rejects/delete", { email })
    : call(own, "rejects/add", { email, comment: `Freshet: ${row?.reason ?? ""}` });
}

const listedSchema = z.object({ added: z.boolean().optional(), deleted: z.boolean().optional() });

function readRejected(answer: Answered, [row]: readonly SuppressRow[]): Verdict | null {
  if (answer.status >= 300) {
    // It was not on the list.
    if (row?.reason === null && notListed.has(errorIn(answer)?.name ?? "")) return { kind: "done" };
    return refused(answer);
  }
  const { added, deleted } = listedSchema.parse(JSON.parse(answer.text));
  if (added === true || deleted !== undefined) return { kind: "done" };
  return {
    kind: "drop",
    reason: "Mailchimp did not add it: the address is on its list of those that are allowed",
  };
}

function refuseMessage({ email, message }: SendRow): string | null {
  if (email === null) return "there is no e-mail address";
  const isEmpty = message.template === null && message.html === null && message.text === null;
  if (isEmpty) return "there is neither a template nor a block to send";
  if (message.template === null && (message.subject ?? "") === "") return "a mail needs a subject";
  return (message.subject ?? "").length > longestSubject
    ? `the subject is longer than ${longestSubject} characters`
    : null;
}

const noMessage = { subject: null, html: null, text: null, template: null, data: {}, headers: {} };

/** A template with its data, or the block as it is. */
function mail(own: Settings, row: SendRow | undefined): OutRequest {
  const { subject, html, text, template, data, headers } = row?.message ?? noMessage;
  const common = {
    from_email: own.from,
    ...(own.fromName === undefined ? {} : { from_name: own.fromName }),
    to: [{ email: row?.email ?? "", type: "to" }],
    ...(subject === null ? {} : { subject: subject.replace(/[\r\n]+/g, " ") }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    metadata: { freshet_id: row?.id ?? "" },
  };
  if (template === null) {
    // What stands in a block like a merge tag is a text.
    const message = { ...common, ...given({ html, text }), merge: false };
    return call(own, "messages/send", { message, async: false });
  }
  const global_merge_vars = Object.entries(data).map(([name, value]) => ({
    name,
    content: own.mergeLanguage === "handlebars" || typeof value === "string" ? value : JSON.stringify(value),
  }));
  return call(own, "messages/send-template", {
    template_name: template,
    template_content: [],
    message: { ...common, merge_language: own.mergeLanguage, global_merge_vars },
    async: false,
  });
}

function given(parts: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parts).flatMap(([name, value]) => (value === null || value === "" ? [] : [[name, value]])),
  );
}

const sentSchema = z
  .array(
    z.object({
      status: z.enum(["sent", "queued", "scheduled", "rejected", "invalid"]),
      reject_reason: z.string().nullish(),
    }),
  )
  .length(1);

/** A 200 says of each recipient what became of the message. */
function readSent(answer: Answered): Verdict | null {
  if (answer.status >= 300) return refused(answer);
  const [result] = sentSchema.parse(JSON.parse(answer.text));
  if (result?.status === "invalid") return { kind: "drop", reason: "Mailchimp takes the address for none" };
  if (result?.status === "rejected")
    return {
      kind: "drop",
      reason: `Mailchimp rejected it: ${result.reject_reason ?? "it does not say why"}`,
    };
  return { kind: "done" };
}

const errorSchema = z.object({ status: z.literal("error"), name: z.string(), message: z.string() });

/** Names of errors that nothing but an operator ends. */
const stopping: ReadonlySet<string> = new Set(["Invalid_Key", "PaymentRequired", "Unknown_Subaccount"]);
/** Of errors that are about this one. */
const dropping: ReadonlySet<string> = new Set(["ValidationError", "Unknown_Template"]);
/** The address is not among those that it rejects. */
const notListed: ReadonlySet<string> = new Set(["Invalid_Reject", "Unknown_Reject"]);

/** What an error means, by its name; null: what its status usually means. */
function refused(answer: Answered): Verdict | null {
  const error = errorIn(answer);
  if (error === null) return null;
  const reason = `${error.name}: ${error.message}`.slice(0, 400);
  if (stopping.has(error.name)) return { kind: "stop", reason };
  return dropping.has(error.name) ? { kind: "drop", reason } : null;
}

function errorIn({ text }: Answered): z.output<typeof errorSchema> | null {
  try {
    return errorSchema.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}

function call({ apiKey, url }: Settings, path: string, body: Readonly<Record<string, Json>>): OutRequest {
  return {
    method: "POST",
    url: `${url.replace(/\/+$/, "")}/${path}`,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ key: apiKey, ...body }),
  };
}
