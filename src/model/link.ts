/**
 * Links: whose is an anonymous event?
 *
 * A fact (key, user) says that one event carried this anonymousId together with that userId. An event that carried
 * the anonymousId alone, at key k, belongs to the newest fact with key ≤ k, else to the oldest fact; without any fact
 * to the anonymous profile itself. A record holds all facts of one anonymousId, pressed into runs: sorted by key, a
 * row of facts about one user is its first and last key. That is enough to place every new fact, but one: a fact
 * strictly inside the run of another user cuts it in two, and where the second half begins was pressed away. Then the
 * record says `conflict`, stays as it is, and the caller builds a new one from all facts (`rebuildRecord`).
 */
import { compareOrderKeys, type OrderKey } from "./event.ts";

/** Facts about one user with none about another between them. Keys are those of the oldest and the newest. */
export type Run = [user: string, firstKey: OrderKey, lastKey: OrderKey];

export interface LinkRecord {
  /** By key; neighbours differ in user. */
  runs: Run[];
  /** Bounds of the times of events that carried only the anonymousId, at most a minute too wide; null: there are none. */
  minMs: number | null;
  maxMs: number | null;
}

/** One event that carried the anonymousId and a userId. */
export interface LinkFact {
  readonly key: OrderKey;
  readonly user: string;
}

export type LinkVerdict =
  /** The record is as it was; nothing to store. */
  | { readonly kind: "same" }
  /** The record changed, but no event's owner. */
  | { readonly kind: "run" }
  /** The first fact: everything of the anonymous profile is this user's now, what is still to come too. */
  | { readonly kind: "first"; readonly to: string }
  /** Events that carried only the anonymousId may have gone over from some users to another: attribute them anew. */
  | { readonly kind: "moved"; readonly from: readonly string[]; readonly to: string }
  /** The record is as it was and can't take the fact: build a new one; then events may go over as with `moved`. */
  | { readonly kind: "conflict"; readonly from: readonly string[]; readonly to: string };

/** Bounds are kept in steps of this width, so that a visitor's record is not stored anew for every event. */
const boundStepMs = 60_000;

const same: LinkVerdict = { kind: "same" };
const run: LinkVerdict = { kind: "run" };

/** The record of an anonymousId that nothing is known of. */
export function emptyRecord(): LinkRecord {
  return { runs: [], minMs: null, maxMs: null };
}

/** The userId that an anonymous event at this key belongs to; null: the anonymous profile itself. */
export function attribute(record: LinkRecord, key: OrderKey): string | null {
  for (let at = record.runs.length - 1; at > 0; at -= 1) {
    const candidate = record.runs[at];
    if (candidate !== undefined && compareOrderKeys(candidate[1], key) <= 0) return candidate[0];
  }
  return record.runs[0]?.[0] ?? null;
}

/** Notes an event that carried only the anonymousId. True when the record changed and must be stored. */
export function noteAnonymous(record: LinkRecord, key: OrderKey): boolean {
  const floorMs = Math.floor(key[0] / boundStepMs) * boundStepMs;
  const ceilMs = floorMs + boundStepMs;
  const within =
    record.minMs !== null && record.maxMs !== null && record.minMs <= floorMs && record.maxMs >= ceilMs;
  if (within) return false;
  record.minMs = Math.min(record.minMs ?? floorMs, floorMs);
  record.maxMs = Math.max(record.maxMs ?? ceilMs, ceilMs);
  return true;
}

/** Takes a fact into the record, in place, and says what it did to the attribution of anonymous events. */
export function addLink(record: LinkRecord, key: OrderKey, user: string): LinkVerdict {
  const runs = record.runs;
  let at = runs.length - 1;
  while (at >= 0 && startsAfter(runs[at], key, user)) at -= 1;
  const before = runs[at];
  const next = runs[at + 1];
  if (before === undefined)
    return next === undefined ? firstRun(record, key, user) : addBeforeAll(record, next, key, user);
  const inside = compareFacts(key, user, before[2], before[0]) <= 0;
  if (before[0] === user) {
    if (inside) return same;
    before[2] = key;
    return run;
  }
  if (inside) return { kind: "conflict", from: [before[0]], to: user };
  if (next !== undefined && next[0] === user) {
    const oldFirstMs = next[1][0];
    next[1] = key;
    return moved(record, key[0], oldFirstMs, before[0], user);
  }
  runs.splice(at + 1, 0, [user, key, key]);
  return moved(record, key[0], next === undefined ? null : next[1][0], before[0], user);
}

function firstRun(record: LinkRecord, key: OrderKey, user: string): LinkVerdict {
  record.runs.push([user, key, key]);
  return { kind: "first", to: user };
}

/** A fact older than all others: its user takes over everything before what was the oldest fact. */
function addBeforeAll(record: LinkRecord, oldest: Run, key: OrderKey, user: string): LinkVerdict {
  if (oldest[0] === user) {
    oldest[1] = key;
    return run;
  }
  record.runs.unshift([user, key, key]);
  return moved(record, null, oldest[1][0], oldest[0], user);
}

/** Times from `fromMs` to `toMs` (null: open) went over from one user to another: `moved` if an event may lie there. */
function moved(
  record: LinkRecord,
  fromMs: number | null,
  toMs: number | null,
  loser: string,
  to: string,
): LinkVerdict {
  if (record.minMs === null || record.maxMs === null) return run;
  if (fromMs !== null && record.maxMs < fromMs) return run;
  if (toMs !== null && record.minMs > toMs) return run;
  return { kind: "moved", from: [loser], to };
}

function startsAfter(candidate: Run | undefined, key: OrderKey, user: string): boolean {
  return candidate !== undefined && compareFacts(candidate[1], candidate[0], key, user) > 0;
}

/** By key, then by user: two sources may use one messageId, and the order must be total. */
function compareFacts(leftKey: OrderKey, leftUser: string, rightKey: OrderKey, rightUser: string): number {
  const byKey = compareOrderKeys(leftKey, rightKey);
  if (byKey !== 0 || leftUser === rightUser) return byKey;
  return leftUser < rightUser ? -1 : 1;
}

/** The record that any order of these facts and anonymous events gives. Neither list needs to be sorted. */
export function rebuildRecord(facts: readonly LinkFact[], anonymousKeys: readonly OrderKey[]): LinkRecord {
  const record = emptyRecord();
  for (const fact of facts.toSorted((left, right) =>
    compareFacts(left.key, left.user, right.key, right.user),
  )) {
    addLink(record, fact.key, fact.user);
  }
  for (const key of anonymousKeys) noteAnonymous(record, key);
  return record;
}

/** The user of the newest fact: whom events belong to from now on; null when there is no fact. */
export function newestUser(record: LinkRecord): string | null {
  return record.runs.at(-1)?.[0] ?? null;
}

/** Every user that a fact names, each once. */
export function usersOf(record: LinkRecord): string[] {
  return [...new Set(record.runs.map(([user]) => user))];
}
