/** Erasure, as far as anonymousIds are concerned: one that others used too goes on as if only they had used it. */
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { orderKeyOf, type Event, type OrderKey } from "../model/event.ts";
import { newestUser, rebuildRecord, usersOf, type LinkFact, type LinkRecord } from "../model/link.ts";
import type { Restore } from "./accept.ts";
import type { Folded } from "./folded.ts";
import type { HotProfile, LinkEntry } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import { isFoldable, parsePrev, storedEvent } from "./row.ts";

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
}

export class Unlink {
  readonly #erased: HotProfile;
  readonly #context: UnlinkContext;
  /** Numbers that lead to the erased profile but were made by an event of somebody else's, and where they lead then. */
  readonly #led = new Map<number, HotProfile | undefined>();

  /** Everybody else who was linked to one of the anonymousIds. */
  readonly others = new Set<HotProfile>();

  constructor(erased: HotProfile, context: UnlinkContext) {
    this.#erased = erased;
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
   * Numbers that led to the erased profile though their own first event is somebody else's lead where that
   * anonymousId's profile would have gone without the erased person.
   */
  redirect(): void {
    const { hot } = this.#context.folded;
    for (const [pid, owner] of this.#led) {
      if (owner === undefined) hot.remove(pid);
      else hot.redirect(pid, owner);
    }
  }

  #remainder(key: IdentifierKey, home: HotProfile, link: LinkEntry): Remainder {
    const anonymousId = identifierOf(key).value;
    const { projector, hot } = this.#context.folded;
    const facts: LinkFact[] = [];
    const anonymous: OrderKey[] = [];
    const led: number[] = [];
    let seen = false;
    let first: { readonly seq: number; readonly user: string } | null = null;
    for (const [seq, event] of this.#eventsOf(this.#others(home, link))) {
      const carried = event.anonymousId === anonymousId;
      if (!carried && (event.previousId !== anonymousId || event.userId === anonymousId)) continue;
      seen ||= carried;
      if (event.userId === null) {
        anonymous.push(orderKeyOf(event));
        if (hot.profile(seq) === this.#erased) led.push(seq);
      } else {
        facts.push({ key: orderKeyOf(event), user: event.userId });
        if (first === null || seq < first.seq) first = { seq, user: event.userId };
      }
    }
    // The user of their first fact in the journal is the one whose profile took the anonymous one in.
    const heir = first && projector.profileOf(identifierKey(home.namespace, "user_id", first.user));
    for (const pid of led) this.#led.set(pid, heir ?? undefined);
    return { record: rebuildRecord(facts, anonymous), seen };
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
    for (const profile of found) this.others.add(profile);
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
}
