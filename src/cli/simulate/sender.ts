/** Sends batches to a Freshet and keeps count of what became of them. What is refused for now is sent again as it was. */
import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import type { Clock } from "../../lib/clock.ts";
import { postJson, type HttpAnswer } from "../../lib/http.ts";
import type { Outgoing } from "./traffic.ts";

export interface SenderOptions {
  /** `http://127.0.0.1:8787` */
  readonly origin: string;
  readonly writeKey: string;
  readonly clock: Clock;
  /** Aborting it gives up what is not answered yet. */
  readonly signal: AbortSignal;
}

/** What became of all events so far; `sent` is the sum of the first four. */
export interface Tally {
  readonly sent: number;
  /** Accepted for the first time. */
  readonly accepted: number;
  /** Sent a second time on purpose, and accepted without effect. */
  readonly repeated: number;
  /** Refused for good, now in the quarantine. */
  readonly rejected: number;
  /** Not answered before the end: they may have arrived or not. */
  readonly unanswered: number;
  /** Of those accepted, how many came out of order. */
  readonly late: number;
  /** Requests that were sent again. */
  readonly retries: number;
  /** Requests that were answered. */
  readonly requests: number;
}

/** Sending makes no sense: wrong key, wrong address. */
export class SendFailed extends Error {}

const timeoutMs = 30_000;
const maxTries = 12;
/** Where nobody has answered yet, the address is more likely wrong than the server busy. */
const maxFirstTries = 3;
const longestWaitMs = 60_000;
const firstBackoffMs = 100;

export class Sender {
  readonly #options: SenderOptions;
  readonly #latencies: RecordableHistogram = createHistogram();
  readonly #counts = {
    sent: 0,
    accepted: 0,
    repeated: 0,
    rejected: 0,
    unanswered: 0,
    late: 0,
    retries: 0,
    requests: 0,
  };

  constructor(options: SenderOptions) {
    this.#options = options;
  }

  get tally(): Tally {
    return { ...this.#counts };
  }

  /** Milliseconds in which this share (50, 95, 99, 100) of the requests was answered; null before the first. */
  latencyMs(percent: number): number | null {
    return this.#counts.requests === 0 ? null : this.#latencies.percentile(percent) / 1_000;
  }

  /** Sends until there is an answer that lasts. Throws SendFailed. */
  async send(events: readonly Outgoing[]): Promise<void> {
    const body = `{"batch":[${events.map(({ json }) => json).join(",")}]}`;
    this.#counts.sent += events.length;
    for (let tries = 1; ; tries += 1) {
      const answer = await this.#post(body);
      if (this.#options.signal.aborted && answer.kind === "failed") {
        this.#counts.unanswered += events.length;
        return;
      }
      if (answer.kind === "answer" && !isForLater(answer.status)) {
        this.#count(events, answer);
        return;
      }
      if (tries >= this.#triesFor(answer)) throw new SendFailed(giveUpSentence(answer));
      this.#counts.retries += 1;
      await wait(waitMs(answer, tries), this.#options.signal);
    }
  }

  #triesFor({ kind }: HttpAnswer): number {
    return kind === "failed" && this.#counts.requests === 0 ? maxFirstTries : maxTries;
  }

  async #post(body: string): Promise<HttpAnswer> {
    const { origin, writeKey, clock, signal } = this.#options;
    const startedMs = clock.monotonicMs();
    const answer = await postJson(`${origin}/v1/batch`, body, {
      headers: { "X-Write-Key": writeKey },
      timeoutMs,
      signal,
    });
    if (answer.kind === "answer") {
      this.#counts.requests += 1;
      this.#latencies.record(Math.max(1, Math.round((clock.monotonicMs() - startedMs) * 1_000)));
    }
    return answer;
  }

  #count(events: readonly Outgoing[], answer: Extract<HttpAnswer, { kind: "answer" }>): void {
    const rejected = rejectedIndexes(answer, events.length);
    if (rejected === null) throw new SendFailed(refusalSentence(answer));
    for (const [index, { isRepeat, isLate }] of events.entries()) {
      if (rejected.has(index)) this.#counts.rejected += 1;
      else if (isRepeat) this.#counts.repeated += 1;
      else this.#counts.accepted += 1;
      if (isLate && !rejected.has(index)) this.#counts.late += 1;
    }
  }
}

function isForLater(status: number): boolean {
  return status === 429 || status === 503 || status === 502 || status === 504;
}

/** Which events were rejected; null where the request as a whole was. */
function rejectedIndexes(
  { status, text }: { status: number; text: string },
  sent: number,
): Set<number> | null {
  const body = parsed(text);
  const listed = Array.isArray(body["rejected"]) ? (body["rejected"] as { index: number }[]) : [];
  if (status === 200) return new Set(listed.map(({ index }) => index));
  return status === 400 && listed.length > 0
    ? new Set(Array.from({ length: sent }, (_, index) => index))
    : null;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

function waitMs(answer: HttpAnswer, tries: number): number {
  const asked = answer.kind === "answer" ? answer.retryAfterSeconds : null;
  return Math.min(longestWaitMs, asked === null ? firstBackoffMs * 2 ** (tries - 1) : asked * 1_000);
}

/** Waits, or until the signal. */
async function wait(durationMs: number, signal: AbortSignal): Promise<void> {
  const over = Promise.withResolvers<void>();
  const end = () => over.resolve();
  signal.addEventListener("abort", end, { once: true });
  await Promise.race([Bun.sleep(durationMs), over.promise]);
  signal.removeEventListener("abort", end);
}

function giveUpSentence(answer: HttpAnswer): string {
  return answer.kind === "answer"
    ? `the server still answers ${answer.status} after ${maxTries} tries`
    : `the server can't be reached (${answer.why}); is it running, and is --url right?`;
}

function refusalSentence({ status, text }: { status: number; text: string }): string {
  const error = parsed(text)["error"];
  const message =
    typeof error === "object" && error !== null && "message" in error ? String(error.message) : "";
  if (status === 401 || status === 403) return `the server refuses the write key: ${message}`;
  return `the server answers ${status}${message === "" ? "; is --url the address of a Freshet?" : `: ${message}`}`;
}
