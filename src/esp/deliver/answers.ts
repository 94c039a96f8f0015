/** What answers mean: by a destination's own reading, or as they usually do. */
import { retryAfterMs } from "../../model/delivery/backoff.ts";
import { silenceOf } from "../../model/delivery/pacing.ts";
import { errorClass, type RowVerdict, type Verdict } from "../../model/delivery/verdict.ts";
import type { Delivery } from "../../store/ops/deliveries.ts";
import type { Answer, Answered, Ask, OpenDestination, OutRequest, Reading } from "./destination.ts";
import { shownAnswer, type Mask } from "./mask.ts";

/** What reading needs to know. */
export interface ReadingDeps {
  readonly open: Pick<OpenDestination, "errors">;
  readonly mask: Mask;
  readonly nowMs: () => number;
}

/** What came of one request, for counts, breaker and pacing. */
export interface Sent {
  readonly operation: string;
  readonly rows: number;
  readonly kind: Verdict["kind"];
  readonly status: number | null;
  /** Whether the other side shows itself out of order. */
  readonly isFailure: boolean;
  /** It asks for silence. */
  readonly silenceMs: number | null;
  readonly reason: string | null;
  readonly deliveries: readonly Delivery[];
  /** Of an answer that speaks of each row: those that it does not say were taken. */
  readonly refused: ReadonlySet<Delivery>;
}

/** Of an ability whose repeat does harm, an error inside the other side leaves open what it did. */
export function harmful(
  verdict: RowVerdict,
  repeat: "idempotent" | "uncertain",
  answer: Answer | null,
): RowVerdict {
  const isOpen = answer?.kind === "answer" && answer.status >= 500 && answer.status !== 503;
  return repeat === "uncertain" && verdict.kind === "retry" && isOpen
    ? { kind: "unknown", reason: verdict.reason }
    : verdict;
}

/** What a way of its own came to; what it throws leaves open what it did. */
export async function performed(work: () => Promise<Verdict>): Promise<Verdict> {
  try {
    return await work();
  } catch (error) {
    return { kind: "unknown", reason: error instanceof Error ? error.message.slice(0, 300) : "it failed" };
  }
}

/** What an answer means, by the ability's own reading or as usual. */
export function verdictOf(
  answer: Answer,
  deps: ReadingDeps,
  read: (answer: Answered) => Verdict | null,
): Verdict {
  if (answer.kind === "failed")
    return answer.wasSent ? { kind: "unknown", reason: answer.why } : { kind: "retry", reason: answer.why };
  const afterMs = retryAfterMs(answer.headers["retry-after"], deps.nowMs());
  try {
    return read(answer) ?? usual(answer, deps, afterMs);
  } catch {
    return {
      kind: "unknown",
      reason: `the answer is not what was documented (${shownAnswer(answer, deps.mask)})`,
    };
  }
}

/** More questions than any answer should raise. */
const mostAsks = 600;

/** What an answer means once all that had to be asked beside it is answered too; and the last answer. */
export async function verdictAfterAsking(
  first: Answer,
  deps: ReadingDeps,
  read: (answer: Answered) => Reading | null,
  ask: (request: OutRequest) => Promise<Answer>,
): Promise<{ readonly verdict: Verdict; readonly answer: Answer }> {
  let answer = first;
  let readNext = read;
  for (let asks = 0; asks <= mostAsks; asks += 1) {
    const found: Ask[] = [];
    const verdict = verdictOf(answer, deps, (answered) => {
      const reading = readNext(answered);
      if (reading?.kind !== "ask") return reading;
      found.push(reading);
      return { kind: "done" };
    });
    const [next] = found;
    if (next === undefined) return { verdict, answer };
    answer = await ask(next.request);
    readNext = next.read;
  }
  return { verdict: { kind: "retry", reason: "the answer raises more and more questions" }, answer };
}

function usual(answer: Answered, { open, mask }: ReadingDeps, afterMs: number | null): Verdict {
  const reason = shownAnswer(answer, mask);
  const kind = errorClass(answer.status, open.errors);
  if (kind === "retry") return { kind, reason, ...(afterMs === null ? {} : { afterMs }) };
  if (kind !== "done") return { kind, reason };
  // Something in between says 200 as well, to a page of its own or to what it lost the end of.
  const type = answer.status < 300 ? (answer.headers["content-type"] ?? "") : "";
  if (/^text\/html\b/i.test(type)) return { kind: "unknown", reason: "a page of HTML came for an answer" };
  return /\bjson\b/i.test(type) && !isWholeJson(answer.text)
    ? { kind: "unknown", reason: `the answer is no JSON (${reason})` }
    : { kind };
}

/** Long texts are cut: of those nobody can tell. */
function isWholeJson(text: string): boolean {
  if (text.trim() === "" || text.length >= 1_000_000) return true;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** What is told of a request. */
export function sentOf(
  operation: string,
  deliveries: readonly Delivery[],
  verdict: Verdict,
  answer: Answer | null,
  nowMs: number,
): Sent {
  const answered = answer?.kind === "answer" ? answer : null;
  const isBusy = answered?.status === 429;
  const askedMs = isBusy ? retryAfterMs(answered?.headers["retry-after"], nowMs) : null;
  const rows = verdict.kind === "rows" ? verdict.rows : null;
  const isTaken = (at: number) => rows === null || rows[at]?.kind === "done";
  const refusal = rows?.find((row) => row.kind !== "done");
  const silenceMs = answered === null ? null : (askedMs ?? silenceOf(answered.headers, nowMs));
  return {
    operation,
    rows: deliveries.length,
    kind: verdict.kind,
    status: answered?.status ?? null,
    isFailure: !isBusy && (verdict.kind === "retry" || verdict.kind === "unknown"),
    silenceMs,
    reason: "reason" in verdict ? verdict.reason : refusal === undefined ? null : reasonOf(refusal),
    deliveries,
    refused: new Set(rows === null ? [] : deliveries.filter((_delivery, at) => !isTaken(at))),
  };
}

function reasonOf(verdict: RowVerdict): string | null {
  return verdict.kind === "done" ? null : verdict.reason;
}

/** An answer as a dead letter keeps it. */
export function answerText(answer: Answer): string {
  return answer.kind === "failed" ? answer.why : `${answer.status}\n\n${answer.text}`.trimEnd();
}

/** Bytes of a request's body. */
export function sizeOf(body: string | Uint8Array | null): number {
  return body === null ? 0 : typeof body === "string" ? Buffer.byteLength(body) : body.length;
}
