/** What people may see of requests and answers: without secrets, and without whom they are about. */
import type { Answer, OutRequest } from "./destination.ts";

/** Hides in a text what must not be seen. */
export type Mask = (text: string) => string;

const hidden = "•••";
const maxLength = 4_000;
/** Headers that say nothing of the credentials. */
const shownHeaders: ReadonlySet<string> = new Set([
  "accept",
  "content-type",
  "idempotency-key",
  "revision",
  "webhook-id",
  "webhook-timestamp",
]);
const email = /([A-Za-z0-9])[A-Za-z0-9._%+-]*@([A-Za-z0-9.-]+\.[A-Za-z]{2,})/g;

/** `secrets`: texts that are never shown, in no encoding that requests use. */
export function maskOf(secrets: readonly string[]): Mask {
  const texts = secrets
    .filter((secret) => secret.length >= 4)
    .flatMap((secret) => [secret, encodeURIComponent(secret), Buffer.from(secret).toString("base64")])
    .sort((left, right) => right.length - left.length);
  return (text) => texts.reduce((masked, secret) => masked.replaceAll(secret, hidden), text);
}

/** A text as a dead letter keeps it: short, and with addresses that only hint at their owners. */
export function forLetter(text: string, mask: Mask): string {
  const masked = mask(text).replace(email, `$1${hidden}@$2`);
  return masked.length > maxLength ? `${masked.slice(0, maxLength)}…` : masked;
}

/** A request as people see it, whole but for what is secret. */
export function shownRequest({ method, url, headers, body }: OutRequest, mask: Mask): string {
  const lines = Object.entries(headers).map(
    ([name, value]) => `${name}: ${shownHeaders.has(name.toLowerCase()) ? mask(value) : hidden}`,
  );
  const text = body === null ? "" : typeof body === "string" ? body : `(${body.length} bytes)`;
  return [`${method} ${mask(url)}`, ...lines, "", mask(text)].join("\n").trimEnd();
}

/** An answer in a line, for people. */
export function shownAnswer(answer: Answer, mask: Mask): string {
  if (answer.kind === "failed") return mask(answer.why);
  const text = mask(answer.text).replace(email, `$1${hidden}@$2`).replace(/\s+/g, " ").trim().slice(0, 300);
  return text === "" ? `${answer.status}` : `${answer.status}: ${text}`;
}
