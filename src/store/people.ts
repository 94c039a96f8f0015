/**
 * Whose events are, worked out anew from the events alone: what a rebuild would give. Pure. Used where profiles are
 * taken apart or joined again by an operator's word.
 */
import { assert } from "../lib/assert.ts";
import type { Event, OrderKey } from "../model/event.ts";
import { attribute, rebuildRecord, type LinkFact, type LinkRecord } from "../model/link.ts";

/** An event at its place in the journal, as it counts now. */
export interface PlacedEvent {
  readonly seq: number;
  readonly event: Event;
  readonly key: OrderKey;
}

/** The events of everybody involved, oldest in the journal first, and the links that are as they were. */
export interface PeopleOptions {
  readonly events: readonly PlacedEvent[];
  /** AnonymousIds whose links may be others now: they are made anew. */
  readonly affected: ReadonlySet<string>;
  /** The link of another anonymousId; null: it has none. */
  readonly recordOf: (anonymousId: string) => LinkRecord | null;
}

export class People {
  readonly #options: PeopleOptions;
  readonly #parents = new Map<string, string>();
  /** Seq of the event that made a person's profile, by the least name of their userIds. */
  readonly #firstSeq = new Map<string, number>();
  readonly #records = new Map<string, LinkRecord>();
  readonly #firstFact = new Map<string, string>();
  readonly #firstAnonymous = new Map<string, number>();
  /** Seq of the first event that names a userId, or an anonymousId. */
  readonly #firstUser = new Map<string, number>();
  readonly #firstDevice = new Map<string, number>();
  /** An event carried it as its anonymousId. */
  readonly #seen = new Set<string>();

  constructor(options: PeopleOptions) {
    this.#options = options;
    for (const { event } of options.events) this.#joinUsers(event);
    for (const placed of options.events) this.#note(placed);
    for (const anonymousId of options.affected) this.#records.set(anonymousId, this.#relink(anonymousId));
  }

  /** Every userId that the events name. */
  get users(): readonly string[] {
    return [...this.#parents.keys()];
  }

  /** Number of a userId's profile; null: no event is theirs. */
  pidOfUser(user: string): number | null {
    return this.#firstSeq.get(this.#root(user)) ?? null;
  }

  /** Number of the profile that an event belongs to; null: an anonymousId's own, which is where it was. */
  pidOf({ event, key }: Pick<PlacedEvent, "event" | "key">): number | null {
    if (event.userId !== null) return this.pidOfUser(event.userId);
    assert(event.anonymousId !== null, "an accepted event names someone");
    const record = this.recordOf(event.anonymousId);
    const user = record === null ? null : attribute(record, key);
    if (user !== null) return this.pidOfUser(user);
    return this.#firstAnonymous.get(event.anonymousId) ?? null;
  }

  /** Number of the profile that a profile made by this event is part of, if it is not one of its own. */
  heirOf({ userId, anonymousId }: Event): number | null {
    if (userId !== null) return this.pidOfUser(userId);
    const user = this.#firstFact.get(anonymousId ?? "");
    return user === undefined ? (this.#firstAnonymous.get(anonymousId ?? "") ?? null) : this.pidOfUser(user);
  }

  /** Whether the event of that seq is the first to name whose it is, so that a rebuild makes a profile of that number. */
  isFirst(seq: number, { userId, anonymousId }: Event): boolean {
    const first = userId === null ? this.#firstDevice.get(anonymousId ?? "") : this.#firstUser.get(userId);
    return first === undefined || first >= seq;
  }

  recordOf(anonymousId: string): LinkRecord | null {
    return this.#records.get(anonymousId) ?? this.#options.recordOf(anonymousId);
  }

  /** Number of the profile of an affected anonymousId that nobody is linked to; null: no event is its own. */
  pidOfAnonymous(anonymousId: string): number | null {
    return this.#firstAnonymous.get(anonymousId) ?? null;
  }

  isSeen(anonymousId: string): boolean {
    return this.#seen.has(anonymousId);
  }

  #joinUsers({ userId, previousId, trusted, type }: Event): void {
    if (userId === null) return;
    this.#add(userId);
    if (type !== "alias" || previousId === null || !trusted) return;
    this.#add(previousId);
    const [a, b] = [this.#root(userId), this.#root(previousId)];
    if (a !== b) this.#parents.set(a < b ? b : a, a < b ? a : b);
  }

  #note({ event, seq }: PlacedEvent): void {
    const { userId, anonymousId, previousId, trusted } = event;
    noteFirst(this.#firstDevice, anonymousId, seq);
    noteFirst(this.#firstUser, userId, seq);
    if (previousId !== userId) {
      noteFirst(this.#firstDevice, previousId, seq);
      if (trusted) noteFirst(this.#firstUser, previousId, seq);
    }
    if (anonymousId !== null) this.#seen.add(anonymousId);
    if (userId === null) {
      if (anonymousId !== null && !this.#firstAnonymous.has(anonymousId))
        this.#firstAnonymous.set(anonymousId, seq);
      return;
    }
    const person = this.#root(userId);
    if (!this.#firstSeq.has(person)) this.#firstSeq.set(person, seq);
    for (const id of [anonymousId, previousId])
      if (
        id !== null &&
        !(id === previousId && id === userId && id !== anonymousId) &&
        !this.#firstFact.has(id)
      )
        this.#firstFact.set(id, userId);
  }

  #relink(anonymousId: string): LinkRecord {
    const facts: LinkFact[] = [];
    const anonymous: OrderKey[] = [];
    for (const { event, key } of this.#options.events) {
      const isLink =
        event.anonymousId === anonymousId ||
        (event.type === "alias" && event.previousId === anonymousId && event.userId !== anonymousId);
      if (!isLink) continue;
      if (event.userId === null) anonymous.push(key);
      else facts.push({ key, user: event.userId });
    }
    return rebuildRecord(facts, anonymous);
  }

  #add(user: string): void {
    if (!this.#parents.has(user)) this.#parents.set(user, user);
  }

  #root(user: string): string {
    let at = user;
    for (
      let parent = this.#parents.get(at);
      parent !== undefined && parent !== at;
      parent = this.#parents.get(at)
    )
      at = parent;
    return at;
  }
}

function noteFirst(known: Map<string, number>, id: string | null, seq: number): void {
  if (id !== null && !known.has(id)) known.set(id, seq);
}
