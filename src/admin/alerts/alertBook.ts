/**
 * Which alerts are raised. Pure but for its own memory; time is given. Each thing that can be wrong goes round
 *
 *   calm → suspect (wrong, not yet for long) → raised → recovering (well, not yet for long) → calm
 *
 * and back a step when it changes its mind: what flickers neither raises an alert nor clears one.
 */
import type { AlertKind, Condition } from "./condition.ts";

/** How long something must be wrong, or well again, before it is said. */
export interface Patience {
  readonly raiseAfterMs: number;
  readonly clearAfterMs: number;
}

/** An alert as it is shown and sent. */
export interface Alert {
  readonly id: string;
  readonly kind: AlertKind;
  readonly source: string | null;
  readonly sentence: string;
  /** In the unit of the kind: milliseconds (quiet, latency), percent (quarantine), bytes (disk). */
  readonly value: number;
  readonly threshold: number;
  readonly raisedAtMs: number;
  /** Null while it is raised. */
  readonly clearedAtMs: number | null;
}

/** Something to be told. */
export interface Occurrence {
  readonly kind: "raised" | "cleared";
  readonly alert: Alert;
}

type Phase =
  | { readonly kind: "suspect"; readonly sinceMs: number }
  | { readonly kind: "raised"; readonly alert: Alert; readonly wellSinceMs: number | null };

/** Cleared alerts that are remembered. */
const maxHistory = 200;

export class AlertBook {
  readonly #patience: Patience;
  readonly #phases = new Map<string, Phase>();
  #history: Alert[] = [];

  constructor(patience: Patience) {
    this.#patience = patience;
  }

  /** Raised now, the newest first. */
  get current(): readonly Alert[] {
    return [...this.#phases.values()]
      .flatMap((phase) => (phase.kind === "raised" ? [phase.alert] : []))
      .sort((left, right) => right.raisedAtMs - left.raisedAtMs);
  }

  /** Cleared since the start, the newest first. */
  get history(): readonly Alert[] {
    return this.#history;
  }

  /** Takes in what is wrong at `nowMs`; what is not named is well. Gives what is to be told. */
  note(conditions: readonly Condition[], nowMs: number): readonly Occurrence[] {
    const wrong = new Map(conditions.map((condition) => [condition.id, condition]));
    const ids = new Set([...this.#phases.keys(), ...wrong.keys()]);
    return [...ids].flatMap((id) => {
      const condition = wrong.get(id);
      return condition === undefined ? this.#noteWell(id, nowMs) : this.#noteWrong(condition, nowMs);
    });
  }

  #noteWrong(condition: Condition, nowMs: number): Occurrence[] {
    const { id } = condition;
    const phase = this.#phases.get(id) ?? ({ kind: "suspect", sinceMs: nowMs } as const);
    if (phase.kind === "raised") {
      const { raisedAtMs, clearedAtMs } = phase.alert;
      const alert = { ...condition, raisedAtMs, clearedAtMs };
      this.#phases.set(id, { kind: "raised", alert, wellSinceMs: null });
      return [];
    }
    if (nowMs - phase.sinceMs < this.#patience.raiseAfterMs) {
      this.#phases.set(id, phase);
      return [];
    }
    const alert: Alert = { ...condition, raisedAtMs: nowMs, clearedAtMs: null };
    this.#phases.set(id, { kind: "raised", alert, wellSinceMs: null });
    return [{ kind: "raised", alert }];
  }

  #noteWell(id: string, nowMs: number): Occurrence[] {
    const phase = this.#phases.get(id);
    if (phase?.kind !== "raised") {
      this.#phases.delete(id);
      return [];
    }
    const wellSinceMs = phase.wellSinceMs ?? nowMs;
    if (nowMs - wellSinceMs < this.#patience.clearAfterMs) {
      this.#phases.set(id, { ...phase, wellSinceMs });
      return [];
    }
    const alert: Alert = { ...phase.alert, clearedAtMs: nowMs };
    this.#phases.delete(id);
    this.#history = [alert, ...this.#history].slice(0, maxHistory);
    return [{ kind: "cleared", alert }];
  }
}
