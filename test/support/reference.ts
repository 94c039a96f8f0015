/**
 * What the store must answer, in about a hundred lines: no journal, no chains, no records, no merges; every question
 * is answered anew from the bare list of accepted events. Slow and plain, so that it can be right by looking at it.
 */
import { compareOrderKeys, orderKeyOf, type Event, type Json, type OrderKey } from "../../src/model/event.ts";
import { normaliseEmail } from "../../src/model/identifier.ts";

/** A profile without what depends on the order of arrival (profileId, version). */
export interface ReferenceProfile {
  readonly identifiers: readonly string[];
  readonly traits: Readonly<Record<string, Json>>;
  readonly firstMs: number;
  readonly lastMs: number;
  /** In order of acceptance, newest first. */
  readonly history: readonly string[];
}

interface Fact {
  readonly key: OrderKey;
  readonly user: string;
}

/** Two userIds, or a userId and an anonymousId, that an operator took apart. */
export interface ForbiddenPair {
  readonly user: string;
  readonly other: { readonly type: string; readonly value: string };
}

export class Reference {
  readonly #events: Event[] = [];
  #pairs: readonly ForbiddenPair[] = [];
  /** Events that tie a pair which was taken apart, as they count. */
  readonly #marked = new Map<Event, Event>();
  readonly #accepted = new Set<string>();

  /** Takes an event; false if it is a repeat. */
  accept(event: Event): boolean {
    const name = `${event.source} ${event.messageId}`;
    if (this.#accepted.has(name)) return false;
    this.#accepted.add(name);
    this.#events.push(event);
    this.#mark(event, this.#pairs);
    return true;
  }

  /** Takes a pair apart, or lets what ties it count again. False where nothing ties it, or it is so already. */
  undo(pair: ForbiddenPair, isLifting: boolean): boolean {
    const others = this.#pairs.filter((other) => !isSamePair(other, pair));
    if (isLifting !== others.length < this.#pairs.length) return false;
    if (!isLifting && !this.#counting.some((event) => bareOf(event, [pair]) !== event)) return false;
    this.#pairs = isLifting ? others : [...this.#pairs, pair];
    for (const event of this.#events) {
      // A mark outlives its pair where somebody was erased; lifting takes away those of its own pair alone.
      if (!isLifting) this.#mark(event, [pair]);
      else if (bareOf(event, [pair]) !== event) this.#unmark(event, pair, others);
    }
    return true;
  }

  /** The pairs that are taken apart now. */
  get pairs(): readonly ForbiddenPair[] {
    return this.#pairs;
  }

  /** The events as they count: without what ties forbidden pairs. */
  get #counting(): readonly Event[] {
    return this.#events.map((event) => this.#marked.get(event) ?? event);
  }

  /** True where a mark outlives its pair: then the events and the pairs alone don't say it all. */
  get hasOldMarks(): boolean {
    return this.#events.some(
      (event) => canonical(this.#marked.get(event) ?? event) !== canonical(bareOf(event, this.#pairs)),
    );
  }

  #mark(event: Event, pairs: readonly ForbiddenPair[]): void {
    const standing = this.#marked.get(event) ?? event;
    const bare = bareOf(standing, pairs);
    if (bare !== standing) this.#marked.set(event, bare);
  }

  /** What tied the lifted pair counts again, as far as `others` let it; what an erased person's pair marked does not. */
  #unmark(event: Event, lifted: ForbiddenPair, others: readonly ForbiddenPair[]): void {
    const standing = this.#marked.get(event) ?? event;
    const bare = bareOf(event, [lifted]);
    const anonymousId = bare.anonymousId === event.anonymousId ? standing.anonymousId : event.anonymousId;
    const previousId = bare.previousId === event.previousId ? standing.previousId : event.previousId;
    this.#marked.set(event, { ...event, anonymousId, previousId });
    this.#mark(event, others);
  }

  /** Erases the profile that an identifier leads to; its messageIds stay accepted. */
  erase(type: string, value: string): boolean {
    const owner = this.#holder(type, value);
    if (owner === null) return false;
    const left = this.#events.filter((event) => this.#owner(event) !== owner);
    this.#pairs = this.#pairs.filter(
      ({ user, other }) =>
        this.#person(user) !== owner && (other.type !== "user_id" || this.#person(other.value) !== owner),
    );
    this.#events.splice(0, this.#events.length, ...left);
    return true;
  }

  /** True while the event counts. */
  holds(event: Event): boolean {
    return this.#events.includes(event);
  }

  /** Takes back an event whose request was never answered and whose commit was lost. */
  forget(event: Event): void {
    this.#accepted.delete(`${event.source} ${event.messageId}`);
    this.#events.splice(this.#events.indexOf(event), 1);
  }

  /** The events of the profile that an identifier leads to, in order of acceptance; null: it leads to none. */
  eventsOf(type: string, value: string): readonly Event[] | null {
    const owner = this.#holder(type, value);
    return owner === null ? null : this.#events.filter((event) => this.#owner(event) === owner);
  }

  find(type: string, value: string): ReferenceProfile | null {
    const owner = this.#holder(type, value);
    if (owner === null) return null;
    const events = this.#events.filter((event) => this.#owner(event) === owner);
    const times = events.map(({ timestampMs }) => timestampMs);
    return {
      identifiers: this.#identifiers(owner),
      traits: traitsOf(events),
      firstMs: Math.min(...times),
      lastMs: Math.max(...times),
      history: events.map(({ messageId }) => messageId).reverse(),
    };
  }

  /** Whose the event is: `u:<the least of its user's aliases>` or `a:<anonymousId>`. */
  #owner(given: Event): string {
    const event = this.#marked.get(given) ?? given;
    if (event.userId !== null) return this.#person(event.userId);
    return this.#personAt(event.anonymousId ?? "", orderKeyOf(event));
  }

  /** The user of the newest fact not after the key, else of the oldest; without facts the anonymousId itself. */
  #personAt(anonymousId: string, key: OrderKey): string {
    const facts = this.#facts(anonymousId);
    const fact = facts.findLast((candidate) => compareOrderKeys(candidate.key, key) <= 0) ?? facts[0];
    return fact === undefined ? `a:${anonymousId}` : this.#person(fact.user);
  }

  #newestPerson(anonymousId: string): string {
    const fact = this.#facts(anonymousId).at(-1);
    return fact === undefined ? `a:${anonymousId}` : this.#person(fact.user);
  }

  #facts(anonymousId: string): Fact[] {
    const facts: Fact[] = [];
    for (const event of this.#counting) {
      if (event.userId === null) continue;
      const named = event.anonymousId === anonymousId;
      const aliased = event.previousId === anonymousId && event.previousId !== event.userId;
      if (named || aliased) facts.push({ key: orderKeyOf(event), user: event.userId });
    }
    return facts.sort((a, b) => compareOrderKeys(a.key, b.key) || (a.user < b.user ? -1 : 1));
  }

  /** All users that trusted aliases join, under the name of the least. */
  #person(user: string): string {
    const joined = new Set([user]);
    for (let before = 0; before < joined.size;) {
      before = joined.size;
      for (const { userId, previousId, trusted } of this.#counting) {
        if (userId === null || previousId === null || !trusted) continue;
        if (joined.has(userId) || joined.has(previousId)) joined.add(userId).add(previousId);
      }
    }
    return `u:${[...joined].sort()[0]}`;
  }

  #users(): string[] {
    const aliased = this.#counting.filter(({ trusted }) => trusted).map(({ previousId }) => previousId);
    return distinct([...this.#events.map(({ userId }) => userId), ...aliased]);
  }

  #holder(type: string, value: string): string | null {
    if (type === "user_id") return this.#users().includes(value) ? this.#person(value) : null;
    if (type === "email") return this.#claimant(value);
    const seen = this.#counting.some(({ anonymousId }) => anonymousId === value);
    return seen || this.#facts(value).length > 0 ? this.#newestPerson(value) : null;
  }

  /** Whose the newest identify with that address is. */
  #claimant(email: string): string | null {
    const claims = this.#events.filter(({ traits }) => normaliseEmail(traits["email"]) === email);
    const newest = claims.sort(compareClaims).at(-1);
    return newest === undefined ? null : this.#owner(newest);
  }

  #identifiers(owner: string): string[] {
    const users = this.#users().filter((user) => this.#person(user) === owner);
    const emails = distinct(this.#events.map(({ traits }) => normaliseEmail(traits["email"])));
    const anonymous = distinct(this.#counting.map(({ anonymousId }) => anonymousId));
    return [
      ...users.map((user) => `user_id:${user}`),
      ...emails.filter((email) => this.#claimant(email) === owner).map((email) => `email:${email}`),
      ...anonymous.filter((id) => this.#newestPerson(id) === owner).map((id) => `anonymous_id:${id}`),
    ];
  }
}

function distinct(values: readonly (string | null)[]): string[] {
  return [...new Set(values.filter((value) => value !== null))].sort();
}

/** Of two claims with one order key (two sources may use one messageId) the greater name of a claimant wins. */
function compareClaims(left: Event, right: Event): number {
  const name = ({ userId, anonymousId }: Event) => (userId === null ? `a:${anonymousId}` : `u:${userId}`);
  return compareOrderKeys(orderKeyOf(left), orderKeyOf(right)) || (name(left) < name(right) ? -1 : 1);
}

/** The newest write of each trait; null clears. */
function traitsOf(events: readonly Event[]): Record<string, Json> {
  const traits: Record<string, Json> = {};
  const writes = events.toSorted(
    (a, b) => compareOrderKeys(orderKeyOf(a), orderKeyOf(b)) || (a.source < b.source ? -1 : 1),
  );
  for (const event of writes) Object.assign(traits, event.traits);
  for (const [name, value] of Object.entries(traits)) if (value === null) delete traits[name];
  return traits;
}

/** The event without what ties one of the pairs; the event itself where nothing does. */
function bareOf(event: Event, pairs: readonly ForbiddenPair[]): Event {
  let { anonymousId, previousId } = event;
  for (const { user, other } of pairs) {
    const isDevice = other.type === "anonymous_id";
    if (isDevice && event.userId === user && anonymousId === other.value) anonymousId = null;
    if (event.userId === user && previousId === other.value) previousId = null;
    if (!isDevice && event.userId === other.value && previousId === user) previousId = null;
  }
  const isSame = anonymousId === event.anonymousId && previousId === event.previousId;
  return isSame ? event : { ...event, anonymousId, previousId };
}

function canonical({ anonymousId, previousId }: Event): string {
  return JSON.stringify([anonymousId, previousId]);
}

function isSamePair(left: ForbiddenPair, right: ForbiddenPair): boolean {
  if (left.other.type !== right.other.type) return false;
  if (left.user === right.user && left.other.value === right.other.value) return true;
  return left.other.type === "user_id" && left.user === right.other.value && left.other.value === right.user;
}
