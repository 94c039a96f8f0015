/**
 * Re-attribution: a link that came late may move anonymous events from one profile to another. States can't be
 * split, so the profiles involved are folded anew from their own events; the old answer stands until the switch,
 * which is one transaction. The journal rows get their new owner and chain, and one row of kind `refold` a profile
 * tells the change log what changed.
 */
import { assert } from "../lib/assert.ts";
import type { Definitions } from "../model/definition.ts";
import { orderKeyOf, type Event, type OrderKey } from "../model/event.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { isClaimed } from "../model/identity.ts";
import { fold } from "../model/fold.ts";
import { attribute, newestUser, rebuildRecord, usersOf, type LinkFact } from "../model/link.ts";
import { emptyState } from "../model/profile.ts";
import type { Restore } from "./accept.ts";
import { appearanceOf, tellSwitch } from "./appearance.ts";
import { identifiersText, type HotProfiles } from "./hot.ts";
import type { HotProfile, LinkEntry } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import type { Memberships } from "./memberships.ts";
import type { Projector } from "./projector.ts";
import {
  instantOf,
  isFoldable,
  parsePrev,
  refusedOf,
  storedEvent,
  tellsSegments,
  type EventRow,
} from "./row.ts";

/** The part of the journal that a re-attribution reads and writes. */
export type RefoldJournal = Pick<Journal, "row" | "sourceName" | "append" | "setProjection">;

export interface RefoldContext {
  readonly journal: RefoldJournal;
  readonly projector: Projector;
  readonly hot: HotProfiles;
  readonly restore: Restore;
  readonly definitions: Definitions;
  readonly memberships: Memberships;
  readonly nextSeq: () => number;
  readonly committedAtMs: number;
}

interface Gathered {
  readonly row: EventRow;
  readonly event: Event;
  readonly key: OrderKey;
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
    const before = new Map(
      [...involved.values()].map((profile) => [profile, appearanceOf(profile, context)] as const),
    );
    link.record = relink(this.anonymousKey, gathered);
    const newest = newestUser(link.record);
    const newHome =
      newest === null
        ? home
        : (projector.profileOf(identifierKey(home.namespace, "user_id", newest)) ?? home);
    projector.place(this.anonymousKey, link, newHome, home);
    const ownerAt = owners(link, newHome, context.projector);
    const moved = rebuildStates(this.anonymousKey, ownerAt, involved, gathered, context);
    for (const profile of involved.values()) relistClaimed(profile, projector);
    rewriteMoved(moved, context);
    for (const [profile, was] of before)
      tellSwitch(
        profile,
        { kind: "refold", was, merged: [], led: [], moved: moved.profiles.has(profile), tellsOld: true },
        context,
      );
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
    this.#rows.set(seq, isFoldable(row) ? gather(row, context) : null);
  }
}

function gather(row: EventRow, context: RefoldContext): Gathered {
  const event = context.restore(storedEvent(row, context.journal.sourceName(row.source)));
  return { row, event, key: orderKeyOf(event) };
}

/** The link record of one anonymousId from the events themselves. */
function relink(
  anonymousKey: IdentifierKey,
  gathered: readonly Gathered[],
): ReturnType<typeof rebuildRecord> {
  const anonymousId = identifierOf(anonymousKey).value;
  const facts: LinkFact[] = [];
  const anonymousKeys: OrderKey[] = [];
  for (const { event, key } of gathered) {
    const links =
      event.anonymousId === anonymousId ||
      (event.type === "alias" && event.previousId === anonymousId && event.userId !== anonymousId);
    if (!links) continue;
    if (event.userId === null) anonymousKeys.push(key);
    else facts.push({ key, user: event.userId });
  }
  return rebuildRecord(facts, anonymousKeys);
}

/** Whose an anonymous event of the linked anonymousId is, by its order key. */
type OwnerAt = (key: OrderKey) => HotProfile | undefined;

function owners(link: LinkEntry, home: HotProfile, projector: Projector): OwnerAt {
  const ofUsers = new Map<string, HotProfile | undefined>();
  return (key) => {
    const user = attribute(link.record, key);
    if (user === null) return home;
    if (!ofUsers.has(user))
      ofUsers.set(user, projector.profileOf(identifierKey(home.namespace, "user_id", user)));
    return ofUsers.get(user);
  };
}

/**
 * Rows that have another owner than before, and the profiles that won or lost one, or got rows of a part that merged in
 * under their own number: what such rows told of segments was the part's.
 */
interface Moved {
  readonly rows: { readonly row: EventRow; readonly owner: HotProfile; readonly prev: number | null }[];
  readonly profiles: Set<HotProfile>;
}

/**
 * Folds every involved profile anew. Only events of the one anonymousId may change hands: those of another one that
 * waits for its own re-attribution stay where they are until then.
 */
function rebuildStates(
  anonymousKey: IdentifierKey,
  ownerAt: OwnerAt,
  involved: ReadonlyMap<number, HotProfile>,
  gathered: readonly Gathered[],
  context: RefoldContext,
): Moved {
  const anonymousId = identifierOf(anonymousKey).value;
  const moved: Moved = { rows: [], profiles: new Set() };
  for (const profile of involved.values()) {
    profile.state = emptyState();
    profile.head = 0;
  }
  for (const { row, event, key } of gathered) {
    const former = row.pid === null ? undefined : context.hot.profile(row.pid);
    const concerned = event.userId === null && event.anonymousId === anonymousId;
    const owner = concerned ? ownerAt(key) : former;
    assert(former !== undefined && owner !== undefined, "a chained event has an owner");
    assert(involved.has(owner.pid), "an event moves among the involved only");
    fold(owner.state, event, { refused: refusedOf(row) }, context.definitions);
    context.memberships.reach(owner, instantOf(row));
    const prev = owner.head === 0 ? null : owner.head;
    if (former === owner) {
      if (row.pid !== owner.pid && tellsSegments(row)) moved.profiles.add(owner);
      rechain(row, owner, prev, context);
    } else {
      moved.rows.push({ row, owner, prev });
      moved.profiles.add(owner).add(former);
    }
    owner.head = row.seq;
  }
  return moved;
}

function rechain(row: EventRow, owner: HotProfile, prev: number | null, context: RefoldContext): void {
  if (row.pid === owner.pid && row.prev === prev) return;
  const { seq, identifiers, diff, extra, flags } = row;
  context.journal.setProjection(seq, owner.pid, prev, identifiers, diff, extra, flags);
}

/** A moved row must not go on telling the identifiers and the old values of the profile it left. */
function rewriteMoved(moved: Moved, context: RefoldContext): void {
  for (const { row, owner, prev } of moved.rows) {
    const { seq, extra, flags } = row;
    context.journal.setProjection(seq, owner.pid, prev, identifiersText(owner), null, extra, flags);
  }
}

/** A claimed identifier is listed with the profile that its newest claim leads to, which may have moved. */
function relistClaimed(profile: HotProfile, projector: Projector): void {
  const claimed = profile.identifiers.filter((key) => isClaimed(identifierOf(key).type));
  for (const key of claimed) projector.relistClaimed(key);
}
