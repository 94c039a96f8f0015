/** Says to the operator that a profile would have had too many identifiers: at once, then at most once a minute. */
import type { Clock } from "../lib/clock.ts";
import type { Ignored } from "../model/guard.ts";
import { profileIds, type ProfileIds } from "./profileId.ts";

const pauseMs = 60_000;

export class LimitNotice {
  readonly #notice: (level: "warn", message: string) => void;
  readonly #clock: Clock;
  readonly #profileIds: ProfileIds;
  #saidAtMs = Number.NEGATIVE_INFINITY;
  #unsaid = 0;

  constructor(notice: (level: "warn", message: string) => void, clock: Clock, journalId: string) {
    this.#notice = notice;
    this.#clock = clock;
    this.#profileIds = profileIds(journalId);
  }

  /** A link, an alias or a claim of an event of that profile doesn't count. */
  note(pid: number, overLimit: Ignored): void {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#saidAtMs < pauseMs) {
      this.#unsaid += 1;
      return;
    }
    const types = [...new Set(Object.keys(overLimit).map(typeOf))].join(" and ");
    const before = this.#unsaid === 0 ? "" : ` (${this.#unsaid} more since the last time this was said)`;
    this.#notice(
      "warn",
      `${this.#profileIds.encode(pid)} has as many identifiers as it may: another ${types} was not added${before}; a shared device or a test account, or identity limits that are too low`,
    );
    this.#saidAtMs = nowMs;
    this.#unsaid = 0;
  }
}

/** The type alone: the log must not hold the value. */
function typeOf(name: string): string {
  return name.split(":")[0] ?? name;
}
