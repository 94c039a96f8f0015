/** Sends alerts to a webhook, one after the other in order; what fails is tried again, and for long enough given up. */
import { backoffMs } from "../../lib/backoff.ts";
import type { HttpAnswer } from "../../lib/http.ts";
import type { Ids } from "../../lib/id.ts";
import type { Log } from "../../lib/log.ts";
import type { Timers } from "../../lib/timers.ts";
import type { Alert } from "./alertBook.ts";

/** The body of a webhook. */
export interface AlertMessage {
  readonly kind: "raised" | "cleared" | "test";
  /** Null in a test. */
  readonly alert: Alert | null;
}

/** What came of one message. */
export type Sent =
  | { readonly kind: "sent"; readonly status: number }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "noWebhook" };

export interface AlertSenderDeps {
  /** Null: nothing is sent. */
  readonly webhook: string | null;
  /** lib/http.ts postJson. */
  readonly post: (
    url: string,
    body: string,
    init: {
      readonly headers: Readonly<Record<string, string>>;
      readonly timeoutMs: number;
      readonly signal: AbortSignal;
    },
  ) => Promise<HttpAnswer>;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
}

const timeoutMs = 10_000;
const backoff = { baseMs: 1_000, maxMs: 60_000 };
const maxAttempts = 10;
const maxRetryAfterSeconds = 300;
/** Beyond it the oldest is dropped: who reads them much later is served better by the newest. */
const maxWaiting = 100;

interface Waiting {
  readonly id: string;
  readonly body: string;
  attempts: number;
}

export class AlertSender implements Disposable {
  readonly #deps: AlertSenderDeps;
  readonly #abort = new AbortController();
  readonly #waiting: Waiting[] = [];
  #pause: Disposable | null = null;
  #isSending = false;

  constructor(deps: AlertSenderDeps) {
    this.#deps = deps;
  }

  /** Messages that are not sent yet. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Sends in its turn. */
  send(message: AlertMessage): void {
    if (this.#deps.webhook === null) return;
    if (this.#waiting.length >= maxWaiting) {
      this.#waiting.splice(this.#isSending ? 1 : 0, 1);
      this.#deps.log.error("too many alerts wait for the webhook: the oldest was dropped");
    }
    this.#waiting.push({ id: this.#deps.ids.uuid(), body: bodyOf(message), attempts: 0 });
    if (!this.#isSending && this.#pause === null) this.#next();
  }

  /** Sends a test at once, once. */
  async test(): Promise<Sent> {
    const body = bodyOf({ kind: "test", alert: null });
    return this.#post({ id: this.#deps.ids.uuid(), body, attempts: 0 });
  }

  [Symbol.dispose](): void {
    this.#abort.abort();
    this.#pause?.[Symbol.dispose]();
    this.#waiting.length = 0;
  }

  #next(): void {
    const [first] = this.#waiting;
    if (first === undefined || this.#abort.signal.aborted) return;
    this.#isSending = true;
    this.#post(first).then(
      (sent) => this.#after(first, sent),
      () => this.#after(first, { kind: "failed", why: "unexpected" }),
    );
  }

  #after(message: Waiting, sent: Sent & { readonly waitMs?: number; readonly isFinal?: boolean }): void {
    this.#isSending = false;
    if (this.#abort.signal.aborted) return;
    message.attempts += 1;
    if (sent.kind !== "failed") this.#waiting.shift();
    else if (sent.isFinal === true || message.attempts >= maxAttempts) {
      this.#deps.log.error("an alert could not be sent to the webhook", { why: sent.why });
      this.#waiting.shift();
    } else {
      const waitMs = sent.waitMs ?? backoffMs(message.attempts, backoff, this.#deps.ids.random());
      this.#pause = this.#deps.timers.after(waitMs, () => {
        this.#pause = null;
        this.#next();
      });
      return;
    }
    this.#next();
  }

  async #post({
    id,
    body,
  }: Waiting): Promise<Sent & { readonly waitMs?: number; readonly isFinal?: boolean }> {
    const { webhook, post } = this.#deps;
    if (webhook === null) return { kind: "noWebhook" };
    const headers = { "Idempotency-Key": id };
    const answer = await post(webhook, body, { headers, timeoutMs, signal: this.#abort.signal });
    if (answer.kind === "failed") return answer;
    const { status, retryAfterSeconds } = answer;
    if (status >= 200 && status < 300) return { kind: "sent", status };
    const why = `the webhook answered ${status}`;
    const isFinal = status < 500 && status !== 408 && status !== 425 && status !== 429;
    return retryAfterSeconds === null
      ? { kind: "failed", why, isFinal }
      : {
          kind: "failed",
          why,
          isFinal,
          waitMs: Math.min(retryAfterSeconds, maxRetryAfterSeconds) * 1_000,
        };
  }
}

function bodyOf({ kind, alert }: AlertMessage): string {
  return JSON.stringify({ kind, alert: alert === null ? null : alertView(alert) });
}

/** An alert as the webhook and the admin page see it. */
export function alertView({ raisedAtMs, clearedAtMs, ...alert }: Alert) {
  return {
    ...alert,
    raisedAt: new Date(raisedAtMs).toISOString(),
    clearedAt: clearedAtMs === null ? null : new Date(clearedAtMs).toISOString(),
  };
}
