/** What each rule asks of a URL. Each check says why it failed, in words for whoever runs the server. */
import { addressesOf, isPublicAddress } from "../../lib/publicAddress.ts";
import type { Called } from "../../lib/httpCall.ts";
import type { Check } from "../vendors/vendor.ts";
import {
  contentIn,
  credentialParams,
  jsonOf,
  namesItself,
  probe,
  probeMany,
  textOf,
  type Patient,
  type Probe,
  type ProbeDeps,
} from "./probe.ts";

export type Finding =
  | { readonly kind: "pass"; readonly why: string }
  | { readonly kind: "fail"; readonly why: string }
  | { readonly kind: "skipped"; readonly why: string };

/** The patient, what the first call brought, and the means to make more. */
export interface Examination {
  readonly patient: Patient;
  readonly first: Probe;
  readonly deps: ProbeDeps;
  readonly isLoopback: boolean;
}

type Kind = Check["kind"];
type CheckOf<Name extends Kind> = Extract<Check, { readonly kind: Name }>;
type Run<Name extends Kind> = (check: CheckOf<Name>, exam: Examination) => Finding | Promise<Finding>;

const pass = (why: string): Finding => ({ kind: "pass", why });
const fail = (why: string): Finding => ({ kind: "fail", why });
const skipped = (why: string): Finding => ({ kind: "skipped", why });
const onThisMachine = skipped("this URL is on this machine; run it again with the public one");
/** Calls under way at the same time in a burst. */
const burstWidth = 20;
const timedCalls = 3;

const checks: { readonly [Name in Kind]: Run<Name> } = {
  https: (_check, { patient, isLoopback }) => {
    if (isLoopback) return onThisMachine;
    return patient.url.protocol === "https:" ? pass("the URL is https") : fail("the URL is http");
  },
  ports: ({ ports }, { patient, isLoopback }) => {
    if (isLoopback) return onThisMachine;
    const { port, protocol } = patient.url;
    const number = port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
    return ports.includes(number) ? pass(`port ${number}`) : fail(`port ${number} is not called`);
  },
  publicHost: async (_check, { patient, isLoopback }) => {
    if (isLoopback) return onThisMachine;
    const addresses = await addressesOf(patient.url.hostname);
    if (addresses.length === 0) return fail("the host's name leads nowhere");
    const hidden = addresses.filter((address) => !isPublicAddress(address));
    return hidden.length === 0
      ? pass(addresses.join(", "))
      : fail(`the host's name leads to ${hidden.join(", ")}, which the ESP can't reach`);
  },
  redirect: (_check, { first: { called } }) => {
    if (called.kind === "failed") return fail(failedWords(called));
    if (called.status < 300 || called.status > 399 || called.status === 304) return pass("it answers itself");
    return fail(`it redirects (${called.status}); give the ESP the address that it leads to`);
  },
  time: async ({ limitMs }, exam) => {
    const times: number[] = [];
    for (let count = 0; count < timedCalls; count += 1) {
      const { called, tookMs } = await probe(exam.patient, exam.deps, { timeoutMs: limitMs });
      if (called.kind === "failed" && called.why === "timeout") return fail(`no answer within ${limitMs} ms`);
      if (called.kind === "failed") return fail(failedWords(called));
      times.push(tookMs);
    }
    const slowest = Math.round(Math.max(...times));
    return slowest <= limitMs
      ? pass(`at most ${slowest} ms of ${limitMs}`)
      : fail(`${slowest} ms, of ${limitMs}`);
  },
  status: (_check, { first: { called } }) => statusFinding(called),
  unknownRecipient: async (_check, { patient, deps }) => {
    if (namesItself(patient.url)) return skipped("the URL names its recipient itself");
    if (patient.id === null && !patient.url.searchParams.has("id")) return skipped("the URL names nobody");
    const { called } = await probe(patient, deps, { id: `user_id:freshet-doctor-${deps.mark}` });
    if (called.kind === "failed") return fail(failedWords(called));
    if (called.status !== 200) return fail(`a recipient whom nobody knows is answered by ${called.status}`);
    return isEmpty(called)
      ? fail("a recipient whom nobody knows gets nothing")
      : pass("it gives the fallback");
  },
  badBlock: async (_check, { patient, deps }) => {
    const path = patient.url.pathname.replace(/[^/.]+((?:\.html|\.txt)?)$/, `freshet-doctor-${deps.mark}$1`);
    const { called } = await probe(patient, deps, { path });
    if (called.kind === "failed") return fail(failedWords(called));
    // A token that names its blocks is refused before anybody looks for one of that name.
    const expected = namesItself(patient.url) ? [401, 403, 404] : [404];
    return expected.includes(called.status)
      ? pass(`${called.status}`)
      : fail(`a block that does not exist is answered by ${called.status}`);
  },
  badCredential: async (_check, { patient, deps }) => {
    const without = await probe(patient, deps, { credential: null });
    const carries = namesItself(patient.url);
    if (!carries && patient.credential === null) {
      return isRefused(without.called)
        ? fail("it refuses the call: give the credential by --key-from or in the URL")
        : fail("anybody can read it: it answers without a credential");
    }
    if (!carries && !isRefused(without.called)) return fail("it answers without the credential too");
    const changed = carries
      ? await probe(patient, deps, { query: changedParam(patient.url) })
      : await probe(patient, deps, { credential: "sk_freshet_doctor_knows_no_key" });
    return isRefused(changed.called)
      ? pass("it refuses what is changed")
      : fail("it answers with a changed credential too");
  },
  contentType: ({ type }, { first: { called } }) => {
    if (called.kind === "failed") return fail(failedWords(called));
    const [found = ""] = (called.headers.get("content-type") ?? "").toLowerCase().split(";");
    return found.trim() === type ? pass(type) : fail(`it is ${found.trim() || "not said"}, not ${type}`);
  },
  charset: (_check, { first: { called } }) => {
    if (called.kind === "failed") return fail(failedWords(called));
    const said = /charset="?([\w-]+)/i.exec(called.headers.get("content-type") ?? "")?.[1]?.toLowerCase();
    if (said === undefined) return fail("Content-Type names no charset");
    if (said !== "utf-8") return fail(`Content-Type says ${said}`);
    return textOf(called) === null ? fail("the body is no UTF-8") : pass("utf-8");
  },
  object: (_check, { first: { called } }) => {
    if (called.kind === "failed") return fail(failedWords(called));
    const json = jsonOf(called);
    if (json === undefined) return fail("the answer is no JSON");
    if (Array.isArray(json)) return fail("the answer is a list, not an object");
    return typeof json === "object" && json !== null ? pass("an object") : fail("the answer is no object");
  },
  notEmpty: (_check, { first: { called } }) =>
    called.kind === "failed"
      ? fail(failedWords(called))
      : isEmpty(called)
        ? fail("there is nothing to send in the answer")
        : pass("there is something to send"),
  size: ({ maxBytes, of }, { first: { called } }) => {
    if (called.kind === "failed") return fail(failedWords(called));
    if (!called.isWhole) return fail(`it goes on beyond ${called.bytes.length} bytes`);
    const bytes = of === "html" ? Buffer.byteLength(contentIn(called) ?? "") : called.bytes.length;
    const what = of === "html" ? "the HTML has" : "the answer has";
    return bytes <= maxBytes ? pass(`${bytes} bytes`) : fail(`${what} ${bytes} bytes, of ${maxBytes}`);
  },
  burst: ({ recipients, limitMs }, exam) => burst(recipients, limitMs, exam),
  cacheKey: (_check, { patient }) => {
    const named =
      patient.id !== null || patient.url.searchParams.has("id") || patient.url.searchParams.has("token");
    return named
      ? pass("the URL is another for each recipient")
      : fail(
          "the URL is the same for all recipients, who would get one another's answers: put id= or token= into it",
        );
  },
  notShared: async (_check, { patient, first: { called }, deps }) => {
    if (called.kind === "failed") return fail(failedWords(called));
    const control = (called.headers.get("cache-control") ?? "").toLowerCase();
    if (/\bpublic\b|\bs-maxage\b/.test(control))
      return fail(`Cache-Control lets caches share it: ${control}`);
    if (!/\bprivate\b|\bno-store\b/.test(control))
      return fail("Cache-Control does not say private: a cache in between may keep the answer for others");
    // Whatever is said: each of our answers has a receipt of its own, and none is older than its call.
    const path = patient.url.pathname.replace(/\.(?:html|txt)$/, "");
    const one = (await probe(patient, deps, { path })).called;
    const other = (await probe(patient, deps, { path })).called;
    const receipt = receiptIn(one);
    const isKept = receipt !== null && receipt === receiptIn(other);
    const ageSeconds = other.kind === "answer" ? Number(other.headers.get("age") ?? 0) : 0;
    return isKept || ageSeconds > 0
      ? fail(
          "a cache in between keeps answers, whatever Cache-Control says: recipients may get one another's",
        )
      : pass(control);
  },
  sharedUrl: (_check, { patient }) =>
    patient.id === null && !patient.url.searchParams.has("id")
      ? pass("the URL names nobody")
      : fail("the URL names one recipient, and everybody would get that answer"),
  repeat: async ({ calls }, { patient, deps }) => {
    const contents = new Set<string | null>();
    for (let count = 0; count < calls; count += 1)
      contents.add(contentIn((await probe(patient, deps)).called));
    return contents.size === 1
      ? pass(`${calls} calls read the same`)
      : fail("the same call reads another way each time");
  },
  noHeader: async (_check, { patient, deps }) => {
    const { called } = await probe(patient, deps, { credential: null });
    if (called.kind === "failed") return fail(failedWords(called));
    return called.status === 200
      ? pass("it answers without a header")
      : fail(
          `without a header it answers ${called.status}: put a token into the URL (freshet content-token)`,
        );
  },
  staticCredential: (_check, { patient: { credential } }) => {
    if (credential === null) return pass("the URL carries it");
    return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(credential)
      ? fail("the credential is a token that expires; use a secret key")
      : pass("it does not expire by itself");
  },
  batch: async (_check, { patient, deps }) => {
    const ids = [0, 1, 2].map((number) => `user_id:freshet-doctor-${deps.mark}-${number}`);
    const called = await probeMany(patient, deps, ids);
    if (called.kind === "failed") return fail(failedWords(called));
    if (called.status !== 200) return fail(`many at once are answered by ${called.status}`);
    const json = jsonOf(called);
    const results = typeof json === "object" && json !== null && "results" in json ? json.results : null;
    const found = Array.isArray(results) ? results.map((one: { id?: unknown }) => one.id) : [];
    return JSON.stringify(found) === JSON.stringify(ids)
      ? pass("in order")
      : fail("many at once do not come back one for each, in order");
  },
  told: () => skipped("a look from outside can't tell"),
};

/** Runs one check; never throws. */
export async function examine(check: Check, exam: Examination): Promise<Finding> {
  // Each entry of the table takes the check of its own name.
  const run = checks[check.kind] as Run<Kind>;
  return run(check, exam);
}

async function burst(recipients: number, limitMs: number, { patient, deps }: Examination): Promise<Finding> {
  const refused: string[] = [];
  let next = 0;
  const one = async () => {
    while (next < recipients) {
      const number = next;
      next += 1;
      const variant = namesItself(patient.url)
        ? { query: { freshet_doctor: String(number) } }
        : patient.id === null && !patient.url.searchParams.has("id")
          ? {}
          : { id: `user_id:freshet-doctor-${deps.mark}-${number}` };
      const { called } = await probe(patient, deps, { ...variant, timeoutMs: limitMs });
      if (called.kind === "failed") refused.push(failedWords(called));
      else if (called.status !== 200) refused.push(`${called.status}`);
    }
  };
  await Promise.all(Array.from({ length: burstWidth }, one));
  const [first] = refused;
  return first === undefined
    ? pass(`${recipients} recipients, ${burstWidth} at a time, none refused or late`)
    : fail(`of ${recipients} recipients ${refused.length} were not answered in time: ${first}`);
}

function statusFinding(called: Called): Finding {
  if (called.kind === "failed") return fail(failedWords(called));
  return called.status === 200 ? pass("200") : fail(`it answers ${called.status}${hintFor(called.status)}`);
}

function hintFor(status: number): string {
  if (status === 401) return ": the credential is missing or not good";
  if (status === 403) return ": the credential does not open this block";
  if (status === 404) return ": there is no such block";
  return status === 421 ? ": the server does not answer for that host (serve --public-url)" : "";
}

function failedWords(called: Extract<Called, { kind: "failed" }>): string {
  return `no answer: ${called.why}`;
}

function isEmpty(called: Called): boolean {
  return (contentIn(called) ?? "").trim() === "";
}

/** The name of the receipt that an answer says it left; null where it says none. */
function receiptIn(called: Called): string | null {
  if (called.kind === "failed") return null;
  const json = jsonOf(called);
  if (typeof json !== "object" || json === null || !("receipt" in json)) return null;
  return typeof json.receipt === "string" ? json.receipt : null;
}

function isRefused(called: Called): boolean {
  return (
    called.kind === "answer" && (called.status === 401 || called.status === 403 || called.status === 429)
  );
}

/** The URL's credential with its first character another. */
function changedParam(url: URL): Readonly<Record<string, string>> {
  const name = credentialParams.find((param) => url.searchParams.has(param)) ?? "token";
  const value = url.searchParams.get(name) ?? "";
  const at = Math.floor(value.length / 2);
  return { [name]: value.slice(0, at) + (value[at] === "A" ? "B" : "A") + value.slice(at + 1) };
}
