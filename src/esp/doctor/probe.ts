/** The calls that the doctor makes of a URL, each as the ESP would make it. */
import type { Called } from "../../lib/httpCall.ts";
import type { Vendor } from "../vendors/vendor.ts";

/** What is examined, and with what. */
export interface Patient {
  readonly vendor: Vendor;
  /** As it stands in the ESP, for the recipient. */
  readonly url: URL;
  /** `type:value`; null: the URL names its recipient itself, or nobody. */
  readonly id: string | null;
  /** The secret key or token that the ESP sends in a header; null: none. */
  readonly credential: string | null;
}

/** One answer and how long it took. */
export interface Probe {
  readonly called: Called;
  readonly tookMs: number;
}

export interface ProbeDeps {
  /** Makes one request to the host of the patient. */
  readonly call: (
    url: string,
    init: {
      readonly method?: "GET" | "POST";
      readonly headers: Readonly<Record<string, string>>;
      readonly body?: string;
      readonly timeoutMs: number;
    },
  ) => Promise<Called>;
  /** A monotonic reading. */
  readonly nowMs: () => number;
  /** Tells this examination's invented recipients from another's. */
  readonly mark: string;
}

/** What is changed about the usual call. */
export interface Variant {
  readonly path?: string;
  /** Null takes it away. */
  readonly id?: string | null;
  readonly query?: Readonly<Record<string, string>>;
  /** Null takes it away. */
  readonly credential?: string | null;
  readonly timeoutMs?: number;
}

const usualTimeoutMs = 30_000;
/** Parameters that carry a credential. */
export const credentialParams = ["token", "signature"] as const;

/** True where the URL itself says for whom it is, so that no other recipient can be put into it. */
export function namesItself(url: URL): boolean {
  return credentialParams.some((name) => url.searchParams.has(name));
}

/** The URL of a call. */
function urlOf({ url, id }: Patient, variant: Variant = {}): string {
  const target = new URL(url);
  if (variant.path !== undefined) target.pathname = variant.path;
  const recipient = variant.id === undefined ? id : variant.id;
  if (recipient !== null) target.searchParams.set("id", recipient);
  for (const [name, value] of Object.entries(variant.query ?? {})) target.searchParams.set(name, value);
  return target.href;
}

/** Calls as the ESP does. */
export async function probe(patient: Patient, deps: ProbeDeps, variant: Variant = {}): Promise<Probe> {
  const credential = variant.credential === undefined ? patient.credential : variant.credential;
  const startedMs = deps.nowMs();
  const called = await deps.call(urlOf(patient, variant), {
    headers: { Accept: patient.vendor.accept, ...authorization(credential) },
    timeoutMs: variant.timeoutMs ?? usualTimeoutMs,
  });
  return { called, tookMs: deps.nowMs() - startedMs };
}

/** Asks for several recipients at once. */
export async function probeMany(patient: Patient, deps: ProbeDeps, ids: readonly string[]): Promise<Called> {
  const target = new URL(patient.url);
  target.pathname = target.pathname.replace(/\.(?:html|txt)$/, "");
  target.searchParams.delete("id");
  return deps.call(target.href, {
    method: "POST",
    headers: { "Content-Type": "application/json", ...authorization(patient.credential) },
    body: JSON.stringify({ ids }),
    timeoutMs: usualTimeoutMs,
  });
}

function authorization(credential: string | null): Readonly<Record<string, string>> {
  return credential === null ? {} : { Authorization: `Bearer ${credential}` };
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** The body as text; null where it is no UTF-8. */
export function textOf(called: Extract<Called, { kind: "answer" }>): string | null {
  try {
    return utf8.decode(called.bytes);
  } catch {
    return null;
  }
}

/** The body as JSON; undefined where it is none. */
export function jsonOf(called: Extract<Called, { kind: "answer" }>): unknown {
  try {
    return JSON.parse(textOf(called) ?? "") as unknown;
  } catch {
    return undefined;
  }
}

/** The HTML or text to be sent in an answer; null where there is none. */
export function contentIn(called: Called): string | null {
  if (called.kind !== "answer" || called.status !== 200) return null;
  const json = jsonOf(called);
  if (typeof json !== "object" || json === null) return textOf(called);
  return "html" in json && typeof json.html === "string" ? json.html : null;
}
