/**
 * A profile as a read at an earlier instant would have given it, with the definitions of today. Everybody's rows who
 * has, or ever had, an identifier in common with it are taken through the same steps as the writer took them, in memory
 * and up to that instant: whose an event is, what merges, what a late link moves, what a segment turns. So what the
 * journal no longer holds is not there (erased is erased), and what came later is not known yet.
 *
 * The rows are collected by the chains of the profiles of today: a row that has left a profile since stands in the
 * chain of another one which is tied to it by an identifier. Collecting is done in slices; a chain that was changed
 * meanwhile is collected anew.
 */
import type { Definitions } from "../model/definition.ts";
import type { Event, Namespace } from "../model/event.ts";
import { identifierKey, identifierOf, type Identifier } from "../model/identifier.ts";
import { claimsOf } from "../model/identity.ts";
import type { Membership } from "../model/membership.ts";
import type { Restore } from "./accept.ts";
import { pairedWith } from "./forbidden.ts";
import type { JournalReader } from "./journalReader.ts";
import { profileIds } from "./profileId.ts";
import type { Lookup, Profiles, StoredProfile } from "./profiles.ts";
import { ReplayedPast } from "./replayedPast.ts";
import { isFoldable, parsePrev, rowKind, storedEvent, type Diff, type EventRow } from "./row.ts";
import { extraAt, extraUntouched } from "./splitText.ts";

/** What is found at an instant. */
export type LookupAt =
  | Lookup
  /** The journal begins later. */
  | { readonly kind: "beforeHistory" }
  /** More events are tied to the profile than a read goes through. */
  | { readonly kind: "tooMany" }
  /** Too many such reads are on their way. */
  | { readonly kind: "busy" };

/** Looks a profile up as of an instant (milliseconds, not in the future). */
export type FindAt = (namespace: Namespace, type: string, value: string, atMs: number) => Promise<LookupAt>;

/** Such reads at once; the largest folds thousands of events. */
const maxReads = 4;

/** Reads of the past, a bounded number at once. */
export function findAtIn(deps: ProfileAtDeps): FindAt {
  let running = 0;
  return async (namespace, type, value, atMs) => {
    if (running >= maxReads) return { kind: "busy" };
    running += 1;
    try {
      return await profileAt(namespace, type, value, atMs, deps);
    } finally {
      running -= 1;
    }
  };
}

export interface ProfileAtDeps {
  readonly profiles: Pick<Profiles, "trail" | "definitions">;
  readonly restore: Restore;
  /** A connection of its own; disposed by the read. */
  readonly openJournal: () => JournalReader;
}

/** Most rows that a read at an instant goes through, later ones included. */
export const maxRowsAt = 5_000;

const rowsAtOnce = 200;
const rowsInATurn = 20;
const maxTries = 3;

async function profileAt(
  namespace: Namespace,
  type: string,
  value: string,
  atMs: number,
  deps: ProfileAtDeps,
): Promise<LookupAt> {
  using journal = deps.openJournal();
  const last = lastSeqAt(journal, atMs);
  if (last === 0) return { kind: "beforeHistory" };
  for (let tries = 1; ; tries += 1) {
    const head = journal.head();
    const collector = new Collector(namespace, atMs, journal, deps);
    const found = await collector.collect({ type, value });
    if (found.kind !== "rows") return found;
    if (tries < maxTries && chainsChanged(journal, head)) continue;
    if (found.events.length === 0) return { kind: "missing" };
    const past = new ReplayedPast({ ...deps, definitions: deps.profiles.definitions, journal });
    const known = found.events.filter(({ row }) => row.seq <= last);
    for (const [index, { row, event }] of known.entries()) {
      past.take(row, event);
      if (index % rowsInATurn === 0) await othersTurn();
    }
    const profile = past.find(namespace, type, value, profileIds(journal.journalId));
    if (profile === undefined) return { kind: "missing" };
    return { kind: "found", profile: { ...profile, membership: membershipThen(profile, journal, last) } };
  }
}

/**
 * What was taken apart by then is replayed as if it had never been one; since when it is in its segments is what was
 * told when it was taken apart.
 */
function membershipThen(
  { pid, membership }: StoredProfile,
  journal: JournalReader,
  last: number,
): Membership | null {
  const undo = membership === null ? null : journal.undoTold(pid, last);
  if (membership === null || undo === null) return membership;
  const told = new Map((JSON.parse(undo.diff ?? "{}") as Diff).members ?? []);
  const sinceOf = (name: string, sinceMs: number) =>
    sinceMs < undo.committed_at_ms ? (told.get(name) ?? sinceMs) : sinceMs;
  const since = [...membership.since].map(([name, sinceMs]) => [name, sinceOf(name, sinceMs)] as const);
  return { ...membership, since: new Map(since) };
}

/** Other requests get their turn. */
function othersTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Seq of the last row that was committed by then; 0: none was. Rows stand in the order in which they were committed. */
function lastSeqAt(journal: JournalReader, atMs: number): number {
  let known = 0;
  let beyond = journal.head() + 1;
  while (beyond - known > 1) {
    const middle = Math.floor((known + beyond) / 2);
    const row = journal.row(middle);
    if (row !== null && row.committed_at_ms > atMs) beyond = middle;
    else known = middle;
  }
  return known;
}

/** Whether rows have come since that rewrite the chains of others: re-attributions and erasures. */
function chainsChanged(journal: JournalReader, head: number): boolean {
  return journal
    .rowsAfter(head, rowsAtOnce)
    .some(({ kind }) => kind === rowKind.refold || kind === rowKind.erase || kind === rowKind.undo);
}

interface Found {
  readonly row: EventRow;
  readonly event: Event;
}

type Collected =
  { readonly kind: "rows"; readonly events: readonly Found[] } | { readonly kind: "rebuilding" | "tooMany" };

class Collector {
  readonly #namespace: Namespace;
  readonly #atMs: number;
  readonly #journal: JournalReader;
  readonly #deps: ProfileAtDeps;
  readonly #definitions: Definitions;
  /** Every seq that was looked at. */
  readonly #seen = new Set<number>();
  readonly #events: Found[] = [];
  readonly #keys = new Set<string>();
  readonly #waiting: number[] = [];

  constructor(namespace: Namespace, atMs: number, journal: JournalReader, deps: ProfileAtDeps) {
    this.#atMs = atMs;
    this.#namespace = namespace;
    this.#journal = journal;
    this.#deps = deps;
    this.#definitions = deps.profiles.definitions;
  }

  /** Everybody's events who is tied to the identifier, in journal order. */
  async collect(identifier: { readonly type: string; readonly value: string }): Promise<Collected> {
    const pending = [identifier];
    const pairs = this.#journal.forbiddenPairs();
    for (let asked = pending.pop(); asked !== undefined; asked = pending.pop()) {
      const trail = this.#deps.profiles.trail(this.#namespace, asked.type, asked.value);
      if (trail.kind !== "found") return trail;
      this.#waiting.push(...trail.heads);
      // Where they were one before an undo, nothing of one leads to the other any more.
      const others = pairedWith(pairs, this.#namespace, asked);
      pending.push(...others.filter((other) => this.#isFresh(keyOf(this.#namespace, other))));
      for (let slice = 1; this.#waiting.length > 0; slice += 1) {
        const keys = this.#takeSlice();
        if (this.#seen.size > maxRowsAt) return { kind: "tooMany" };
        pending.push(...keys.map(identifierOf));
        if (slice % 2 === 0) await othersTurn();
      }
    }
    return { kind: "rows", events: this.#events.sort((left, right) => left.row.seq - right.row.seq) };
  }

  /** Reads some rows; gives the identifiers in them that were not met before. */
  #takeSlice(): string[] {
    const fresh: string[] = [];
    for (let left = rowsAtOnce; left > 0; left -= 1) {
      const seq = this.#waiting.pop();
      if (seq === undefined) break;
      if (seq === 0 || this.#seen.has(seq)) continue;
      this.#seen.add(seq);
      const row = this.#journal.row(seq);
      if (row === null) continue;
      this.#waiting.push(...parsePrev(row.prev));
      if (!isFoldable(row) || row.pid === null) continue;
      const source = this.#journal.sourceName(row.source);
      const extra = extraAt(row, this.#atMs);
      this.#events.push({
        row: { ...row, extra },
        event: this.#deps.restore(storedEvent({ ...row, extra }, source)),
      });
      // What was taken apart since was one then.
      const whole = this.#deps.restore(storedEvent({ ...row, extra: extraUntouched(row) }, source));
      fresh.push(...keysOf(whole, this.#definitions).filter((key) => this.#isFresh(key)));
    }
    return fresh;
  }

  /** True the first time that a key is met. */
  #isFresh(key: string): boolean {
    if (this.#keys.has(key)) return false;
    this.#keys.add(key);
    return true;
  }
}

function keyOf(namespace: Namespace, { type, value }: Identifier): string {
  return identifierKey(namespace, type, value);
}

/** Every identifier that an event names. */
function keysOf(event: Event, { identity }: Definitions): string[] {
  const { namespace, userId, anonymousId, previousId } = event;
  const named = [
    ...[userId, previousId].map((id) => ({ type: "user_id", value: id })),
    ...[anonymousId, previousId].map((id) => ({ type: "anonymous_id", value: id })),
    ...claimsOf(event, identity),
  ];
  return named.flatMap(({ type, value }) => (value === null ? [] : [identifierKey(namespace, type, value)]));
}
