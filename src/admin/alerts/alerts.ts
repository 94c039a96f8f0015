/** Watches ingest: looks every few seconds, says what began to be wrong and what is well again, in the log and to a webhook. */
import { postJson } from "../../lib/http.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/id.ts";
import type { Log } from "../../lib/log.ts";
import type { Timers } from "../../lib/timers.ts";
import { AlertBook, type Alert, type Patience } from "./alertBook.ts";
import { AlertSender, type Sent } from "./alertSender.ts";
import { conditionsOf, type AlertThresholds, type Reading } from "./condition.ts";

/** What an operator set. */
export interface AlertRules extends AlertThresholds, Patience {
  /** Where alerts are POSTed to; null: they are logged and shown only. It may be in a private network. */
  readonly webhook: string | null;
}

export interface AlertsDeps {
  readonly rules: AlertRules;
  /** How things stand now. */
  readonly read: () => Omit<Reading, "atMs">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
}

const everyMs = 5_000;
/** Readings that make a minute. */
const keptReadings = 13;

export class Alerts implements Disposable {
  readonly #deps: AlertsDeps;
  readonly #book: AlertBook;
  readonly #sender: AlertSender;
  readonly #startedAtMs: number;
  readonly #timer: Disposable;
  readonly #readings: Reading[] = [];

  constructor(deps: AlertsDeps) {
    this.#deps = deps;
    this.#book = new AlertBook(deps.rules);
    this.#sender = new AlertSender({ ...deps, webhook: deps.rules.webhook, post: postJson });
    this.#startedAtMs = deps.clock.nowMs();
    this.#timer = deps.timers.every(everyMs, () => this.#look());
  }

  /** Raised now, the newest first. */
  current(): readonly Alert[] {
    return this.#book.current;
  }

  /** Cleared since the start, the newest first; the last 200. */
  history(): readonly Alert[] {
    return this.#book.history;
  }

  /** Sends a test message to the webhook, once, and says what came of it. */
  test(): Promise<Sent> {
    return this.#sender.test();
  }

  [Symbol.dispose](): void {
    this.#timer[Symbol.dispose]();
    this.#sender[Symbol.dispose]();
  }

  #look(): void {
    const { read, clock, rules, log } = this.#deps;
    const atMs = clock.nowMs();
    this.#readings.push({ ...read(), atMs });
    if (this.#readings.length > keptReadings) this.#readings.shift();
    const conditions = conditionsOf(this.#readings, this.#startedAtMs, rules);
    for (const { kind, alert } of this.#book.note(conditions, atMs)) {
      if (kind === "raised") log.warn("alert raised", { why: alert.sentence });
      else log.info("alert cleared", { why: alert.sentence });
      this.#sender.send({ kind, alert });
    }
  }
}
