/**
 * Re-attribution: a link that came late may move anonymous events from one profile to another. States can't be
 * split, so the profiles involved are folded anew from their own events; the old answer stands until the switch,
 * which is one transaction. The journal rows get their new owner and chain, and one row of kind `refold` a profile
 * tells the change log what changed.
 */
import { orderKeyOf, type Event, type OrderKey } from "../model/event.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { fold } from "../model/fold.ts";
import { newestUser, rebuildRecord, usersOf, type LinkFact } from "../model/link.ts";
import { emptyState } from "../model/profile.ts";
import { readTraits } from "../model/trait.ts";
import type { Restore } from "./accept.ts";
import { refusedOf, storedEvent } from "./catchUp.ts";
import {
  addIdentifier,
  identifiersText,
  removeIdentifier,
  type HotProfile,
  type HotProfiles,
  type LinkEntry,
} from "./hot.ts";
import type { Journal } from "./journal.ts";
import type { Projector } from "./projector.ts";
import { parsePrev, rowFlags, rowKind, type EventRow } from "./row.ts";

export interface RefoldContext {
  readonly journal: Journal;
  readonly projector: Projector;
  readonly hot: HotProfiles;
  readonly restore: Restore;
  readonly nextSeq: () => number;
  readonly committedAtMs: number;
}

interface Gathered {
  readonly row: EventRow;
  readonly event: Event;
}

/**
 * One re-attribution on its way. Gathering the events is done in slices between the writer's groups; the switch, in
 * one transaction, first takes in what has come since.
 */
export class Refold {
  readonly anonymousKey: IdentifierKey;
  readonly #alsoUsers: readonly string[];
  readonly #rows = new Map<number, Gathered | null>();
  #waiting: number[] | null = null;

  /** `alsoUsers`: users to take in beside those that the anonymousId's record names. */
  constructor(anonymousKey: IdentifierKey, alsoUsers: readonly string[]) {
    this.anonymousKey = anonymousKey;
    this.#alsoUsers = alsoUsers;
  }

  /** Reads up to `maxRows` more rows; true when there are no more to read. */
  gather(maxRows: number, context: RefoldContext): boolean {
    this.#waiting ??= this.#heads(context);
    for (let left = maxRows; left > 0; left -= 1) {
      const seq = this.#waiting.pop();
      if (seq === undefined) return true;
      if (seq > 0 && !this.#rows.has(seq)) this.#take(seq, this.#waiting, context);
    }
    return this.#waiting.length === 0;
  }

  /** Attributes the events anew and folds the profiles of everyone involved; inside the writer's transaction. */
  finish(context: RefoldContext): void {
    const { projector, hot } = context;
    this.#waiting = this.#heads(context);
    while (!this.gather(10_000, context)) continue;
    const home = projector.profileOf(this.anonymousKey);
    const link = home && projector.linkOf(home, this.anonymousKey);
    if (home === undefined || link === undefined) return;
    const involved = this.#involved(home, link, context);
    for (const profile of involved.values()) hot.touch(profile);
    const gathered = [...this.#rows.values()]
      .filter((found) => found !== null)
      .sort((a, b) => a.row.seq - b.row.seq);
    link.record = relink(this.anonymousKey, gathered);
    const newest = newestUser(link.record);
    const newHome =
      newest === null
        ? home
        : (projector.profileOf(identifierKey(home.namespace, "user_id", newest)) ?? home);
    projector.place(this.anonymousKey, link, newHome, home);
    const before = new Map([...involved].map(([pid, profile]) => [pid, readTraits(profile.state)] as const));
    const moved = rebuildStates(involved, gathered, context);
    for (const profile of involved.values()) relistEmails(profile, involved, projector);
    for (const profile of involved.values())
      record(profile, before.get(profile.pid) ?? {}, moved.has(profile.pid), context);
  }

  #heads(context: RefoldContext): number[] {
    const home = context.projector.profileOf(this.anonymousKey);
    const link = home && context.projector.linkOf(home, this.anonymousKey);
    if (home === undefined || link === undefined) return [];
    return [...this.#involved(home, link, context).values()].map((profile) => profile.head);
  }

  #involved(home: HotProfile, link: LinkEntry, context: RefoldContext): Map<number, HotProfile> {
    const involved = new Map<number, HotProfile>([[home.pid, home]]);
    for (const user of new Set([...usersOf(link.record), ...this.#alsoUsers])) {
      const profile = context.projector.profileOf(identifierKey(home.namespace, "user_id", user));
      if (profile !== undefined) involved.set(profile.pid, profile);
    }
    return involved;
  }

  #take(seq: number, waiting: number[], context: RefoldContext): void {
    const row = context.journal.row(seq);
    if (row === null) return;
    waiting.push(...parsePrev(row.prev));
    const foldable =
      row.kind === rowKind.event && (row.flags & (rowFlags.erased | rowFlags.foldFailed)) === 0;
    this.#rows.set(
      seq,
      foldable
        ? { row, event: context.restore(storedEvent(row, context.journal.sourceName(row.source))) }
        : null,
    );
  }
}

/** The link record of one anonymousId from the events themselves. */
function relink(
  anonymousKey: IdentifierKey,
  gathered: readonly Gathered[],
): ReturnType<typeof rebuildRecord> {
  const anonymousId = identifierOf(anonymousKey).value;
  const facts: LinkFact[] = [];
  const anonymousKeys: OrderKey[] = [];
  for (const { event } of gathered) {
    const links =
      event.anonymousId === anonymousId ||
      (event.type === "alias" && event.previousId === anonymousId && event.userId !== anonymousId);
    if (!links) continue;
    if (event.userId === null) anonymousKeys.push(orderKeyOf(event));
    else facts.push({ key: orderKeyOf(event), user: event.userId });
  }
  return rebuildRecord(facts, anonymousKeys);
}

/** Folds every involved profile anew; returns those that won or lost an event. */
function rebuildStates(
  involved: ReadonlyMap<number, HotProfile>,
  gathered: readonly Gathered[],
  context: RefoldContext,
): Set<number> {
  const moved = new Set<number>();
  for (const profile of involved.values()) {
    profile.state = emptyState();
    profile.head = 0;
  }
  for (const { row, event } of gathered) {
    const owner = context.projector.attributed(event);
    if (owner === undefined || !involved.has(owner.pid)) continue;
    fold(owner.state, event, { refused: refusedOf(row) });
    const prev = owner.head === 0 ? null : owner.head;
    const former = row.pid === null ? owner.pid : (context.hot.profile(row.pid)?.pid ?? owner.pid);
    if (former !== owner.pid) moved.add(former).add(owner.pid);
    if (row.pid !== owner.pid || row.prev !== prev) {
      context.journal.setProjection(
        row.seq,
        owner.pid,
        prev,
        row.identifiers,
        row.diff,
        row.extra,
        row.flags,
      );
    }
    owner.head = row.seq;
  }
  return moved;
}

/** An e-mail address is listed with the profile that its newest claim leads to, which may have moved. */
function relistEmails(
  profile: HotProfile,
  involved: ReadonlyMap<number, HotProfile>,
  projector: Projector,
): void {
  for (const key of profile.identifiers.filter((candidate) => identifierOf(candidate).type === "email")) {
    const holder = projector.emailHolder(key);
    if (holder === undefined || holder.pid === profile.pid || !involved.has(holder.pid)) continue;
    removeIdentifier(profile, key);
    addIdentifier(holder, key);
  }
}

/** Appends the row that tells the change log, and a later rebuild, what the switch changed; none if it changed nothing. */
function record(
  profile: HotProfile,
  before: Readonly<Record<string, unknown>>,
  moved: boolean,
  context: RefoldContext,
): void {
  const after: Readonly<Record<string, unknown>> = readTraits(profile.state);
  const traits: Record<string, { old: unknown; new: unknown }> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = Object.hasOwn(before, name) ? before[name] : null;
    const is = Object.hasOwn(after, name) ? after[name] : null;
    if (!Bun.deepEquals(was, is)) traits[name] = { old: was, new: is };
  }
  if (!moved && Object.keys(traits).length === 0) return;
  const seq = context.nextSeq();
  profile.version = seq;
  const flags = profile.namespace === "test" ? rowFlags.test : 0;
  const at = context.committedAtMs;
  context.journal.append([
    seq,
    rowKind.refold,
    flags,
    0,
    null,
    null,
    at,
    null,
    0,
    at,
    profile.pid,
    null,
    identifiersText(profile),
    JSON.stringify({ traits }),
    null,
    null,
    null,
  ]);
}
