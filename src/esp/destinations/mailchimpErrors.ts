/** What Mailchimp's refusals mean: whom they are about, whether they pass, and in plain words why. */
import { z } from "zod";
import { errorClass, type RowVerdict, type Verdict } from "../../model/delivery/verdict.ts";
import type { Answered } from "../deliver/destination.ts";

const problemSchema = z.object({
  title: z.string().optional(),
  detail: z.string().optional(),
  errors: z.array(z.object({ field: z.string().nullish(), message: z.string().nullish() })).nullish(),
});

/** What a refusal is about, as far as it changes what is done. */
export type Refusal = "exists" | "forgotten" | "compliance" | "crowded" | "other";

const told: readonly (readonly [Refusal, RegExp, string | null])[] = [
  ["exists", /\bmember exists\b|already a list member|ERROR_CONTACT_EXISTS/i, null],
  [
    "forgotten",
    /forgotten email|permanently deleted/i,
    "Mailchimp deleted this address for good, and takes it back only through a sign-up form of its own",
  ],
  [
    "compliance",
    /compliance state/i,
    "Mailchimp holds this address in a compliance state (it unsubscribed, bounced or is under review): only the person can come back, through a sign-up form",
  ],
  [
    "crowded",
    /signed up to a lot of lists|too many recent sign-?up/i,
    "Mailchimp takes no more sign-ups of this address for now",
  ],
  ["other", /api key invalid/i, "Mailchimp refuses the API key"],
  ["other", /wrong ?data ?cent/i, "the API key belongs to another data centre than its suffix says"],
];

/** Sign-ups of one address to many lists are forgotten after a while. */
const crowdedMs = 3_600_000;

/** What a text of Mailchimp's says. */
export function refusalOf(said: string): Refusal {
  return told.find(([, pattern]) => pattern.test(said))?.[0] ?? "other";
}

/** What becomes of a row about which Mailchimp says so. */
function rowRefused(said: string): RowVerdict {
  const kind = refusalOf(said);
  const reason = told.find(([, pattern]) => pattern.test(said))?.[2] ?? said;
  return kind === "crowded"
    ? { kind: "retry", reason, afterMs: crowdedMs }
    : { kind: "drop", reason: reason.slice(0, 400) };
}

/** The problem document of an answer as a sentence; where there is none, the status. */
export function saidBy({ status, text }: Answered): string {
  const problem = problemSchema.safeParse(jsonOf(text));
  if (!problem.success) return `it answered ${status}`;
  const { title = "", detail = "", errors } = problem.data;
  const fields = (errors ?? []).map(({ field, message }) =>
    [field, message].filter((part) => (part ?? "") !== "").join(": "),
  );
  const parts = [title, detail, fields.join("; ")].filter((part) => part !== "");
  return parts.length === 0 ? `it answered ${status}` : withoutAddress(parts.join(": "));
}

/** Reasons are kept and shown; whom they are about is not theirs to say. */
function withoutAddress(text: string): string {
  return text.replace(/[^\s"'<>(),;:]+@[^\s"'<>(),;:]+/g, "the address");
}

/**
 * What an answer that is no success means; null: what its status usually means. A 403 without JSON comes from in front
 * of the API, where too many connections are open; one with JSON is about the account.
 */
export function refused(answer: Answered): Verdict | null {
  const { status, text } = answer;
  if (status < 300) return null;
  if (status === 403 && !isObject(jsonOf(text)))
    return { kind: "retry", reason: "more connections at once than Mailchimp allows (403)" };
  const kind = errorClass(status);
  if (kind === "retry" || kind === "done") return null;
  const said = saidBy(answer);
  if (kind === "stop" && status === 404)
    return { kind, reason: `Mailchimp has no audience of that id: ${said}` };
  const row = rowRefused(said);
  // A request for many does not say for whom; alone it is a dead letter.
  if (kind === "split" && row.kind !== "retry") return { kind, reason: reasonOf(row) };
  return kind === "split" ? row : { kind, reason: reasonOf(row) };
}

function reasonOf(verdict: RowVerdict): string {
  return verdict.kind === "done" ? "" : verdict.reason;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

const listedSchema = z.object({
  new_members: z.array(z.object({ email_address: z.string() })),
  updated_members: z.array(z.object({ email_address: z.string() })),
  errors: z.array(
    z.object({
      email_address: z.string(),
      error: z.string().nullish(),
      error_code: z.string().nullish(),
      field: z.string().nullish(),
      field_message: z.string().nullish(),
    }),
  ),
});

/** What became of each address of a request for many; `exists`: it is there already, and was left as it is. */
export function listedIn(text: string): ReadonlyMap<string, RowVerdict | "exists"> {
  const { new_members, updated_members, errors } = listedSchema.parse(JSON.parse(text));
  const found = new Map<string, RowVerdict | "exists">();
  for (const { email_address } of [...new_members, ...updated_members])
    found.set(plain(email_address), { kind: "done" });
  for (const { email_address, error, error_code, field, field_message } of errors) {
    const parts = [error, field, field_message].filter((part) => (part ?? "") !== "");
    const said = withoutAddress(parts.join(": "));
    const isThere = refusalOf(`${error_code ?? ""} ${said}`) === "exists";
    const verdict = rowRefused(said === "" ? "Mailchimp refuses it, and does not say why" : said);
    found.set(plain(email_address), isThere ? "exists" : verdict);
  }
  return found;
}

/** Among errors an address may come in quotation marks. */
function plain(email: string): string {
  return email.replace(/[\\"\s]/g, "").toLowerCase();
}
