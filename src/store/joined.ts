/** What merges within one event brought along: for the event's chain, its diff and its `merged`. */
import {
  consentChanges,
  type ConsentChanges,
  type HasConsent,
  type ShownConsent,
  shownConsent,
} from "../model/consent.ts";
import type { Turn } from "../model/membership.ts";
import { newChanges, type TraitChanges } from "../model/traitChanges.ts";
import type { HotProfile } from "./hotProfile.ts";
import { formatPrev } from "./row.ts";

export class Joined {
  #pids: number[] = [];
  #heads: number[] = [];
  #changed: TraitChanges | null = null;
  /** Segments that a merged profile was in, since when. */
  former: ReadonlyMap<string, number> | null = null;
  /** What the profile that lives on said of consent before the first merge with one that says anything. */
  #consent: ShownConsent | null = null;

  reset(): void {
    if (this.#pids.length > 0) {
      this.#pids = [];
      this.#heads = [];
    }
    this.#changed = null;
    this.former = null;
    this.#consent = null;
  }

  /** `from` is about to merge into `into`. */
  begin(into: HasConsent, from: HasConsent): void {
    if (from.consent !== undefined) this.#consent ??= shownConsent(into);
  }

  /** What the event changed of consent: by folding it, and by the merges that it made. */
  consent(state: HasConsent, folded: ConsentChanges | undefined): ConsentChanges | null {
    return this.#consent === null ? (folded ?? null) : consentChanges(this.#consent, shownConsent(state));
  }

  /** `from` merged into the event's profile and changed these traits of it. */
  note(from: HotProfile, changed: TraitChanges | null): void {
    this.#pids.push(from.pid);
    this.#heads.push(from.head);
    if (from.membership !== null) this.former = new Map([...from.membership.since, ...(this.former ?? [])]);
    this.#changed = combine(this.#changed, changed);
  }

  /** Nobody merged. */
  get isEmpty(): boolean {
    return this.#pids.length === 0;
  }

  /** The event's `prev`: its profile's newest seq and those of the merged ones, newest first. */
  prev(head: number): number | string | null {
    if (this.#heads.length === 0) return head === 0 ? null : head;
    const heads = new Set([head, ...this.#heads].filter((seq) => seq > 0));
    return formatPrev([...heads].sort((a, b) => b - a));
  }

  /** The event's `diff`: what time had changed before it, what folding it changed, and the segments' turn by it. */
  diff(
    decays: TraitChanges | null,
    folded: TraitChanges | null,
    turn: Turn | null,
    consent: ConsentChanges | null,
  ): string | null {
    const traits = combine(combine(this.#changed, decays), folded);
    if (this.#pids.length === 0 && turn === null && consent === null)
      return traits === null ? null : JSON.stringify({ traits });
    return JSON.stringify({
      ...(traits === null ? {} : { traits }),
      ...(this.#pids.length === 0 ? {} : { merged: this.#pids }),
      ...(turn === null ? {} : { segments: turn }),
      ...(consent === null ? {} : { consent }),
    });
  }
}

/** Two steps as one: the old value of the first, the new value of the last. */
function combine(first: TraitChanges | null, then: TraitChanges | null): TraitChanges | null {
  if (first === null || then === null) return first ?? then;
  const both = Object.assign(newChanges(), first);
  for (const [name, change] of Object.entries(then)) {
    const earlier = Object.hasOwn(first, name) ? first[name] : undefined;
    both[name] = { old: earlier === undefined ? change.old : earlier.old, new: change.new };
  }
  return both;
}
