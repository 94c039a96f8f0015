/** Erasure, as far as anonymousIds are concerned: one that others used too goes on as if only they had used it. */
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { orderKeyOf, type Event, type OrderKey } from "../model/event.ts";
import { newestUser, rebuildRecord, usersOf, type LinkFact, type LinkRecord } from "../model/link.ts";
import type { Restore } from "./accept.ts";
import type { Folded } from "./folded.ts";
import type { HotProfile, LinkEntry } from "./hot.ts";
import type { Journal } from "./journal.ts";
import { isFoldable, parsePrev, storedEvent, type Redirects } from "./row.ts";

interface UnlinkContext {
  readonly journal: Journal;
  readonly folded: Folded;
  readonly restore: Restore;
}

/** What the others' events say of one anonymousId. */
interface Remainder {
  readonly record: LinkRecord;
  /** An event of theirs carried it as its anonymousId. */
  readonly seen: boolean;
  /** The user of their first fact in the journal: the one whose profile took the anonymous one in. */
  readonly firstUser: string | null;
}

export class Unlink {
  readonly #erased: HotProfile;
  readonly #gone: ReadonlySet<number>;
  readonly #context: UnlinkContext;
  readonly #remainders = new Map<IdentifierKey, Remainder>();

  /** `gone`: seqs of the rows that are being erased. */
  constructor(erased: HotProfile, gone: ReadonlySet<number>, context: UnlinkContext) {
    this.#erased = erased;
    this.#gone = gone;
    this.#context = context;
  }

  /** Takes the person's part out of one anonymousId's links. */
  forget(key: IdentifierKey): void {
    const { projector, hot } = this.#context.folded;
    const home = projector.profileOf(key);
    const link = home && projector.linkOf(home, key);
    if (home === undefined || link === undefined) {
      hot.setId(key, null);
      return;
    }
    hot.touch(home);
    const remainder = this.#remainder(key, home, link);
    this.#remainders.set(key, remainder);
    const newest = newestUser(remainder.record);
    const linked =
      newest === null ? undefined : projector.profileOf(identifierKey(home.namespace, "user_id", newest));
    // Without a user it stays with an anonymous profile of its own, or goes with the erased one.
    const heir = linked ?? (home === this.#erased ? undefined : home);
    if (heir === undefined) {
      home.links.delete(key);
      projector.unlist(home, key);
      hot.setId(key, null);
      return;
    }
    if (!remainder.seen) projector.unlist(heir, key);
    projector.place(key, { record: remainder.record, seen: remainder.seen }, heir, home);
  }

  /**
   * Numbers that led to the erased profile lead nowhere now; but for those whose own first event is somebody else's,
   * which lead where that anonymousId's profile would have gone without the erased person.
   */
  redirect(merged: ReadonlySet<number>): Redirects {
    const redirects: (readonly [number, number])[] = [];
    const { projector, hot } = this.#context.folded;
    for (const pid of merged) {
      const event = this.#gone.has(pid) ? null : this.#event(pid);
      const anonymousId = event?.userId === null ? event.anonymousId : null;
      const key =
        anonymousId === null ? null : identifierKey(this.#erased.namespace, "anonymous_id", anonymousId);
      const user = key === null ? null : (this.#remainders.get(key)?.firstUser ?? null);
      const owner =
        user === null
          ? undefined
          : projector.profileOf(identifierKey(this.#erased.namespace, "user_id", user));
      if (owner === undefined) hot.remove(pid);
      else {
        hot.redirect(pid, owner);
        redirects.push([pid, owner.pid]);
      }
    }
    return redirects;
  }

  #remainder(key: IdentifierKey, home: HotProfile, link: LinkEntry): Remainder {
    const anonymousId = identifierOf(key).value;
    const facts: LinkFact[] = [];
    const anonymous: OrderKey[] = [];
    let seen = false;
    let first: { readonly seq: number; readonly user: string } | null = null;
    for (const [seq, event] of this.#eventsOf(this.#others(home, link))) {
      const carried = event.anonymousId === anonymousId;
      if (!carried && (event.previousId !== anonymousId || event.userId === anonymousId)) continue;
      seen ||= carried;
      if (event.userId === null) anonymous.push(orderKeyOf(event));
      else {
        facts.push({ key: orderKeyOf(event), user: event.userId });
        if (first === null || seq < first.seq) first = { seq, user: event.userId };
      }
    }
    return { record: rebuildRecord(facts, anonymous), seen, firstUser: first?.user ?? null };
  }

  /** Everybody else who was linked to the anonymousId. */
  #others(home: HotProfile, link: LinkEntry): HotProfile[] {
    const { projector } = this.#context.folded;
    const found = new Set([home]);
    for (const user of usersOf(link.record)) {
      const profile = projector.profileOf(identifierKey(home.namespace, "user_id", user));
      if (profile !== undefined) found.add(profile);
    }
    found.delete(this.#erased);
    return [...found];
  }

  *#eventsOf(profiles: readonly HotProfile[]): Iterable<readonly [seq: number, event: Event]> {
    const waiting = profiles.map((profile) => profile.head);
    const seen = new Set<number>();
    for (let seq = waiting.pop(); seq !== undefined; seq = waiting.pop()) {
      if (seq === 0 || seen.has(seq)) continue;
      seen.add(seq);
      const row = this.#context.journal.row(seq);
      if (row === null) continue;
      waiting.push(...parsePrev(row.prev));
      if (isFoldable(row))
        yield [seq, this.#context.restore(storedEvent(row, this.#context.journal.sourceName(row.source)))];
    }
  }

  #event(seq: number): Event | null {
    const row = this.#context.journal.row(seq);
    return row === null || !isFoldable(row)
      ? null
      : this.#context.restore(storedEvent(row, this.#context.journal.sourceName(row.source)));
  }
}
