/**
 * Membership as the writer keeps it: decided when a row touches a profile or its time comes, recorded in that row, and
 * repeated from the record by a rebuild. Where nothing is segmented it costs nothing.
 */
import type { Definitions } from "../model/definition.ts";
import type { ComputedTrait } from "../model/evidencePlan.ts";
import {
  decaysBetween,
  dueAtMs,
  nextDecayMs,
  noMembership,
  turnBetween,
  turned,
  windowsInUse,
  type Turn,
} from "../model/membership.ts";
import { segmentsAt } from "../model/segment.ts";
import type { TraitChanges } from "../model/traitChanges.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Diff, ToldMembership } from "./row.ts";

/** What passing time did to a profile. */
export interface Passed {
  readonly turn: Turn | null;
  readonly decays: TraitChanges | null;
}

export class Memberships {
  readonly #definitions: Definitions;
  readonly #windows: readonly ComputedTrait[];
  /** True where nothing is told when time passes: no segments, and no trait of a window that is passed on. */
  readonly isEmpty: boolean;

  constructor(definitions: Definitions) {
    this.#definitions = definitions;
    this.#windows = windowsInUse(definitions);
    this.isEmpty = definitions.segments.size === 0 && this.#windows.length === 0;
  }

  /** The decays since the profile's last row, to be told with the next one; before that one is folded. */
  decays(profile: HotProfile, committedAtMs: number): TraitChanges | null {
    const { atMs, decaysAtMs } = profile.membership ?? noMembership;
    const nowMs = Math.max(atMs, committedAtMs);
    return decaysAtMs === null || decaysAtMs > nowMs
      ? null
      : decaysBetween(profile, this.#windows, atMs, nowMs);
  }

  /** Decides the membership of a profile that a row touched; null: it is what it was. `former`: of profiles that merged in. */
  settle(
    profile: HotProfile,
    committedAtMs: number,
    former: ReadonlyMap<string, number> | null = null,
  ): Turn | null {
    if (this.isEmpty) return null;
    const membership = profile.membership ?? noMembership;
    const atMs = Math.max(membership.atMs, committedAtMs);
    const { members, nextAtMs } = segmentsAt(profile, this.#definitions, atMs);
    const turn = asOf(turnBetween(membership.since, members, former), atMs, committedAtMs);
    profile.membership = {
      atMs,
      since: turned(membership.since, turn, atMs),
      turnsAtMs: nextAtMs,
      decaysAtMs: nextDecayMs(profile, this.#windows, atMs),
      toldAtMs: membership.toldAtMs,
    };
    profile.hasStaleDue = false;
    return turn;
  }

  /** A profile has an event committed at that instant, perhaps another's before: a rebuild never goes back behind it. */
  reach(profile: HotProfile, instantMs: number): void {
    const membership = profile.membership ?? noMembership;
    if (!this.isEmpty && membership.atMs < instantMs) profile.membership = { ...membership, atMs: instantMs };
  }

  /**
   * Decides the membership of a profile whose events changed hands, for a row that says all of it: rows before may tell
   * of other parts, and when decays were told last is forgotten with them. `atMs`: its instant, where the clock went back.
   */
  settleWhole(
    profile: HotProfile,
    committedAtMs: number,
  ): { readonly turn: Turn | null; readonly whole: Pick<Diff, "members" | "atMs"> } {
    const turn = this.settle(profile, committedAtMs);
    if (this.isEmpty || profile.membership === null) return { turn, whole: {} };
    const { since, atMs } = profile.membership;
    profile.membership = { ...profile.membership, toldAtMs: 0 };
    return { turn, whole: { members: [...since], ...(atMs === committedAtMs ? {} : { atMs }) } };
  }

  /** Nothing that segments are decided on is another, and nothing falls due by then: true, and it stays what it is. */
  rest(profile: HotProfile, committedAtMs: number): boolean {
    const { membership } = profile;
    if (membership === null || profile.hasStaleDue) return membership === null && this.isEmpty;
    const atMs = Math.max(membership.atMs, committedAtMs);
    const { turnsAtMs, decaysAtMs } = membership;
    if ((turnsAtMs !== null && turnsAtMs <= atMs) || (decaysAtMs !== null && decaysAtMs <= atMs))
      return false;
    profile.membership = { ...membership, atMs };
    return true;
  }

  /** Lets a profile's time pass up to its due time. */
  pass(profile: HotProfile, dueMs: number): Passed {
    const membership = profile.membership ?? noMembership;
    const { atMs, turnsAtMs, decaysAtMs } = membership;
    const decayed = decaysAtMs !== null && decaysAtMs <= dueMs;
    const decays = decayed ? decaysBetween(profile, this.#windows, atMs, dueMs) : null;
    const now =
      turnsAtMs === null || turnsAtMs > dueMs
        ? { members: [...membership.since.keys()], nextAtMs: turnsAtMs }
        : segmentsAt(profile, this.#definitions, dueMs);
    const turn = turnBetween(membership.since, now.members, null);
    profile.membership = {
      atMs: dueMs,
      since: turned(membership.since, turn, dueMs),
      turnsAtMs: now.nextAtMs,
      decaysAtMs: decayed ? nextDecayMs(profile, this.#windows, dueMs) : decaysAtMs,
      toldAtMs: decays === null ? membership.toldAtMs : dueMs,
    };
    return { turn, decays };
  }

  /** Repeats what a row told; when the profile next falls due is left for `refresh`. */
  replay(profile: HotProfile, instantMs: number, told: ToldMembership): void {
    if (this.isEmpty) return;
    const membership = profile.membership ?? noMembership;
    const { members } = told;
    // Where the clock went back, the instant of a row that says all may come from events that are another's since.
    const atMs = Math.max(membership.atMs, instantMs, told.atMs ?? 0);
    const since = members === null ? turned(membership.since, told.turn, atMs) : new Map(members);
    const toldAtMs = told.tellsDecays ? instantMs : members === null ? membership.toldAtMs : 0;
    profile.membership = {
      ...membership,
      atMs,
      since: told.decides.size === 0 ? since : this.#decided(profile, since, told.decides, atMs),
      toldAtMs,
    };
    profile.hasStaleDue = true;
  }

  /** The membership with some segments decided as of an instant. */
  #decided(
    profile: HotProfile,
    since: ReadonlyMap<string, number>,
    names: ReadonlySet<string>,
    atMs: number,
  ): ReadonlyMap<string, number> {
    const { members } = segmentsAt(profile, this.#definitions, atMs);
    const others = [...since.keys()].filter((name) => !names.has(name));
    const next = [...others, ...members.filter((name) => names.has(name))];
    return turned(since, turnBetween(since, next, null), atMs);
  }

  /** Says when a profile falls due whose rows were repeated. */
  refresh(profile: HotProfile): void {
    const { membership } = profile;
    if (!profile.hasStaleDue || membership === null) return;
    const { atMs, since } = membership;
    const { members, nextAtMs } = segmentsAt(profile, this.#definitions, atMs);
    const turnsAtMs = turnsAt(since, members, atMs, nextAtMs);
    const decaysAtMs = nextDecayMs(profile, this.#windows, atMs);
    profile.membership = { ...membership, turnsAtMs, decaysAtMs };
    profile.hasStaleDue = false;
  }

  /** Decides some segments for the first time, as of the instant at which they were defined; true if anything is new. */
  define(profile: HotProfile, names: ReadonlySet<string>, definedAtMs: number): boolean {
    const membership = profile.membership ?? noMembership;
    const atMs = Math.max(membership.atMs, definedAtMs);
    const { members, nextAtMs } = segmentsAt(profile, this.#definitions, atMs);
    const since = new Map([...membership.since].filter(([name]) => !names.has(name)));
    for (const name of members) if (names.has(name)) since.set(name, atMs);
    const decaysAtMs = nextDecayMs(profile, this.#windows, atMs);
    if (since.size === 0 && membership.since.size === 0 && nextAtMs === null && decaysAtMs === null)
      return false;
    const sorted = new Map([...since].sort(([left], [right]) => (left < right ? -1 : 1)));
    const turnsAtMs = turnsAt(since, members, atMs, nextAtMs);
    profile.membership = { ...membership, atMs, since: sorted, turnsAtMs, decaysAtMs };
    profile.hasStaleDue = false;
    return true;
  }

  /** `from` merged into `into`: time never goes back for the one that lives on. */
  join(into: HotProfile, from: HotProfile): void {
    if (from.membership === null) return;
    const membership = into.membership ?? noMembership;
    const { atMs, toldAtMs } = from.membership;
    into.membership = {
      ...membership,
      atMs: Math.max(membership.atMs, atMs),
      toldAtMs: Math.max(membership.toldAtMs, toldAtMs),
    };
  }

  /** When something will have to be told of a profile that nothing happens to, past what falls due in vain; null: never. */
  tellsAtMs(profile: HotProfile): number | null {
    const trial: HotProfile = { ...profile };
    for (let looks = 0; looks < maxLooks; looks += 1) {
      const dueMs = dueAtMs(trial.membership ?? noMembership);
      if (dueMs === null) return null;
      const { turn, decays } = this.pass(trial, dueMs);
      if (turn !== null || decays !== null || looks + 1 === maxLooks) return dueMs;
    }
    return null;
  }
}

/** Where the clock went back, the turn's instant is not the row's own, and has to be told. */
function asOf(turn: Turn | null, atMs: number, committedAtMs: number): Turn | null {
  if (turn === null || atMs === committedAtMs || turn.entered.length === 0) return turn;
  return {
    ...turn,
    since: { ...Object.fromEntries(turn.entered.map((name) => [name, atMs])), ...turn.since },
  };
}

/** When a segment next turns; one that has turned without being told is due at once. */
function turnsAt(
  since: ReadonlyMap<string, number>,
  members: readonly string[],
  atMs: number,
  nextAtMs: number | null,
): number | null {
  return turnBetween(since, members, null) === null ? nextAtMs : atMs + 1;
}

/** Vain due times that a comparison looks behind. */
const maxLooks = 256;
