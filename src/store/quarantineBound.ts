/** Keeps the quarantine within its bound; that pieces went for it is said. */
import type { Journal } from "./journal.ts";

/** It is trimmed once in this many refused pieces. */
const trimEvery = 1_000;

export class QuarantineBound {
  readonly #journal: Journal;
  readonly #notice: (level: "warn", message: string) => void;
  #sinceTrim = 0;

  constructor(journal: Journal, notice: (level: "warn", message: string) => void) {
    this.#journal = journal;
    this.#notice = notice;
  }

  grewBy(pieces: number): void {
    this.#sinceTrim += pieces;
    if (this.#sinceTrim < trimEvery) return;
    this.#sinceTrim = 0;
    const dropped = this.#journal.trimQuarantine();
    if (dropped > 0)
      this.#notice("warn", `the quarantine is full: its ${dropped} oldest entries were dropped`);
  }
}
