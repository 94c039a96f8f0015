/**
 * The projector decides, for one event after another, whose it is and what it does to that profile. It works on the
 * hot set only; the writer commits. Live events, rows that waited for a rebuild, the tail after a crash and a whole
 * rebuild all go through here, so that there is one meaning of the journal.
 *
 * Whose event: one with a userId belongs to that user's profile; one with only an anonymousId to the user whom the
 * links of that anonymousId name at its time (model/link.ts), else to the anonymous profile. What the links can't
 * tell without rereading the journal is left in `pendingRefolds` for refold.ts.
 */
import { assert } from "../lib/assert.ts";
import type { Definitions } from "../model/definition.ts";
import { orderKeyOf, type Event, type Namespace, type OrderKey } from "../model/event.ts";
import { withoutIgnored, type Ignored } from "../model/guard.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { claimsOf } from "../model/identity.ts";
import { fold, mayChange, type FoldOptions } from "../model/fold.ts";
import { addLink, attribute, emptyRecord, newestUser, noteAnonymous } from "../model/link.ts";
import { merge } from "../model/merge.ts";
import { emptyState } from "../model/profile.ts";
import { emailHashKey, withClaim, type Claim } from "./claims.ts";
import type { Forbidden } from "./forbidden.ts";
import { addIdentifier, claimEntry, identifiersText, removeIdentifier, type HotProfiles } from "./hot.ts";
import type { HotProfile, LinkEntry } from "./hotProfile.ts";
import { Joined } from "./joined.ts";
import { hasRoom, overLimit } from "./limits.ts";
import { Memberships } from "./memberships.ts";
import type { Turn } from "../model/membership.ts";
import type { ToldMembership } from "./row.ts";

/** What the journal stores beside an event once it is folded. */
export interface Projected {
  readonly pid: number;
  readonly prev: number | string | null;
  readonly identifiers: string;
  readonly diff: string | null;
  /** Traits that a cap kept out; recorded, so that a rebuild keeps out the same. */
  readonly refused: readonly string[] | null;
  /** Identifiers beyond a limit, which don't count; recorded like `refused`. Null when there are none. */
  readonly overLimit: Ignored | null;
  /** Other profiles that won or lost an identifier by this event: each needs a change of its own. */
  readonly relisted: readonly HotProfile[];
}

/** Recorded decisions that a replay must repeat instead of making anew. */
export interface Recorded {
  readonly refused: readonly string[];
  /** Whose the event is: what the links said when it came, or what a re-attribution has said since. */
  readonly pid: number;
  /** What its row told of segments. */
  readonly told: ToldMembership;
}

const none: readonly HotProfile[] = [];

/** Anonymous ids to attribute anew, each with users to take in beside those of its record. */
export type PendingRefolds = Map<IdentifierKey, readonly string[]>;

export class Projector {
  readonly #hot: HotProfiles;
  readonly #definitions: Definitions;
  readonly #joined = new Joined();
  readonly #relisted = new Set<HotProfile>();
  /** Profiles that a replay had to make before the row that made them, since an earlier row was moved to them. */
  readonly #early = new Set<number>();
  /** Anonymous ids whose events may belong elsewhere since a late link, with users that their records don't name yet. */
  readonly pendingRefolds: PendingRefolds = new Map();
  readonly memberships: Memberships;
  /** Pairs that were taken apart; null where only recorded decisions are repeated. */
  forbidden: Forbidden | null = null;

  constructor(hot: HotProfiles, definitions: Definitions) {
    this.#hot = hot;
    this.#definitions = definitions;
    this.memberships = new Memberships(definitions);
  }

  /**
   * Folds one event that stands at `seq` in the journal; `atMs`: when it was committed. `refused`: traits that the caps
   * kept out when the row came, where all else is decided anew; what changed is then not told.
   */
  project(
    given: Event,
    seq: number,
    atMs: number,
    recorded?: Recorded,
    refused = recorded?.refused,
  ): Projected {
    const beyond = recorded === undefined ? this.#keptOut(given) : null;
    const event = beyond === null ? given : withoutIgnored(given, beyond);
    const key = orderKeyOf(event);
    const joined = this.#joined;
    joined.reset();
    this.#relisted.clear();
    const attributed = this.#ownerOf(event, key, seq, joined);
    const profile = recorded === undefined ? attributed : this.#recordedOwner(recorded.pid, event.namespace);
    this.#hot.touch(profile);
    const options: FoldOptions = refused === undefined ? {} : { refused };
    const decays = recorded === undefined ? this.memberships.decays(profile, atMs) : null;
    const folded = fold(profile.state, event, options, this.#definitions);
    const unclaimed = this.#claimAll(event, key, profile, recorded === undefined);
    const turn = recorded === undefined ? this.#settle(event, profile, atMs, joined) : null;
    if (recorded !== undefined) this.memberships.replay(profile, atMs, recorded.told);
    const prev = joined.prev(profile.head);
    profile.head = seq;
    profile.version = Math.max(profile.version, seq);
    return {
      pid: profile.pid,
      prev,
      identifiers: identifiersText(profile),
      diff: joined.diff(decays, folded.changed, turn, joined.consent(profile.state, folded.consent)),
      refused: folded.refused,
      overLimit: beyond === null ? unclaimed : { ...beyond, ...unclaimed },
      relisted: this.takeRelisted(profile),
    };
  }

  /** An event that nothing reads leaves segments where they are until time turns them. */
  #settle(event: Event, profile: HotProfile, atMs: number, joined: Joined): Turn | null {
    const isRead = mayChange(event, this.#definitions) || !joined.isEmpty;
    return !isRead && profile.identifiersText !== null && this.memberships.rest(profile, atMs)
      ? null
      : this.memberships.settle(profile, atMs, joined.former);
  }

  /** Profiles whose list of identifiers changed since the last call, but for `except` and those that live no more. */
  takeRelisted(except: HotProfile | null): readonly HotProfile[] {
    if (this.#relisted.size === 0) return none;
    const found = [...this.#relisted].filter(
      (profile) => profile !== except && this.#hot.profile(profile.pid) === profile,
    );
    this.#relisted.clear();
    return found;
  }

  /** The profiles that an event may touch, as far as its identifiers name them. */
  namedBy({ namespace, userId, anonymousId, previousId }: Event): readonly HotProfile[] {
    const keys = [
      ...[userId, previousId].map((id) => (id === null ? null : identifierKey(namespace, "user_id", id))),
      ...[anonymousId, previousId].map((id) =>
        id === null ? null : identifierKey(namespace, "anonymous_id", id),
      ),
    ];
    return keys
      .map((key) => (key === null ? undefined : this.profileOf(key)))
      .filter((profile) => profile !== undefined);
  }

  /** The profile that a claim on an identifier leads to now. */
  claimant(namespace: Namespace, claim: Claim): HotProfile | undefined {
    if (claim.user !== null) return this.profileOf(identifierKey(namespace, "user_id", claim.user));
    if (claim.anonymous === null) return undefined;
    const anonymousKey = identifierKey(namespace, "anonymous_id", claim.anonymous);
    const home = this.profileOf(anonymousKey);
    const link = home && this.#link(home, anonymousKey);
    const user = link ? attribute(link.record, claim.key) : null;
    return user === null ? home : this.profileOf(identifierKey(namespace, "user_id", user));
  }

  /** The profile that a claimed identifier, such as an e-mail address, leads to now. */
  claimHolder(idKey: IdentifierKey): HotProfile | undefined {
    const entry = claimEntry(this.#hot.id(idKey));
    return entry === undefined ? undefined : this.#hot.profile(entry.holder);
  }

  /** Lists a claimed identifier where its newest claim leads, which may be elsewhere since a re-attribution or erasure. */
  relistClaimed(idKey: IdentifierKey): void {
    const entry = claimEntry(this.#hot.id(idKey));
    const newest = entry?.claims[0];
    if (entry === undefined || newest === undefined) return;
    const holder = this.claimant(idKey.startsWith("T") ? "test" : "live", newest);
    const former = this.#hot.profile(entry.holder);
    if (holder === undefined) return;
    if (former !== undefined && former !== holder) this.unlist(former, idKey);
    this.list(holder, idKey);
    if (entry.holder !== holder.pid) this.#hot.setId(idKey, { ...entry, holder: holder.pid });
  }

  /** Adds an identifier to a profile's list. */
  list(profile: HotProfile, key: IdentifierKey): void {
    if (!addIdentifier(profile, key, this.#definitions.identity.compare)) return;
    this.#hot.touch(profile);
    this.#relisted.add(profile);
  }

  /** Takes an identifier from a profile's list. */
  unlist(profile: HotProfile, key: IdentifierKey): void {
    if (!removeIdentifier(profile, key)) return;
    this.#hot.touch(profile);
    this.#relisted.add(profile);
  }

  /** The profile that a user_id or anonymous_id leads to now. */
  profileOf(key: IdentifierKey): HotProfile | undefined {
    const entry = this.#hot.id(key);
    if (entry === undefined) return undefined;
    if (typeof entry === "number") return this.#hot.profile(entry);
    return "pid" in entry ? this.#hot.profile(entry.pid) : undefined;
  }

  /** The link of an anonymousId whose home is `home`. */
  linkOf(home: HotProfile, anonymousKey: IdentifierKey): LinkEntry | undefined {
    return this.#link(home, anonymousKey);
  }

  /** Puts a link where its newest user's profile is, and lists the identifier there. */
  place(
    anonymousKey: IdentifierKey,
    link: LinkEntry,
    home: HotProfile,
    former: HotProfile | undefined,
  ): void {
    if (former !== undefined && former !== home) {
      former.links.delete(anonymousKey);
      this.unlist(former, anonymousKey);
      this.#hot.touch(former);
    }
    const entry = this.#hot.id(anonymousKey);
    if (entry === undefined || typeof entry !== "number" || this.#hot.profile(entry) !== home)
      this.#hot.setId(anonymousKey, home.pid);
    home.links.delete(anonymousKey);
    home.links.set(anonymousKey, link);
    if (link.seen) this.list(home, anonymousKey);
    this.#hot.touch(home);
  }

  #recordedOwner(pid: number, namespace: Namespace): HotProfile {
    const known = this.#hot.profile(pid);
    if (known !== undefined) return known;
    this.#early.add(pid);
    return this.#hot.create(pid, namespace, emptyState());
  }

  #create(seq: number, namespace: Namespace): HotProfile {
    const early = this.#early.delete(seq) ? this.#hot.profile(seq) : undefined;
    return early ?? this.#hot.create(seq, namespace, emptyState());
  }

  #ownerOf(event: Event, key: OrderKey, seq: number, joined: Joined): HotProfile {
    if (event.userId === null) {
      assert(event.anonymousId !== null, "an accepted event names someone");
      return this.#ownerOfAnonymous(event.namespace, event.anonymousId, key, seq);
    }
    let profile = this.#userProfile(event.namespace, event.userId, seq);
    if (event.anonymousId !== null)
      profile = this.#linkTo(event, event.anonymousId, key, profile, true, joined);
    if (event.type === "alias" && event.previousId !== null && event.previousId !== event.userId) {
      profile = this.#alias(event, event.previousId, key, profile, joined);
    }
    return profile;
  }

  #ownerOfAnonymous(namespace: Namespace, anonymousId: string, key: OrderKey, seq: number): HotProfile {
    const anonymousKey = identifierKey(namespace, "anonymous_id", anonymousId);
    const home = this.profileOf(anonymousKey) ?? this.#create(seq, namespace);
    const link = this.#link(home, anonymousKey) ?? { record: emptyRecord(), seen: false };
    // Profiles change in place: dirty first, so that a throw half-way is discarded with the group.
    this.#hot.touch(home);
    noteAnonymous(link.record, key);
    link.seen = true;
    this.place(anonymousKey, link, home, undefined);
    const user = attribute(link.record, key);
    if (user === null) return home;
    const owner = this.profileOf(identifierKey(namespace, "user_id", user));
    assert(owner !== undefined, "a linked user has a profile");
    return owner;
  }

  #userProfile(namespace: Namespace, userId: string, seq: number): HotProfile {
    const userKey = identifierKey(namespace, "user_id", userId);
    const known = this.profileOf(userKey);
    if (known !== undefined) return known;
    const profile = this.#create(seq, namespace);
    this.#hot.setId(userKey, profile.pid);
    this.list(profile, userKey);
    return profile;
  }

  /** Records that `anonymousId` was the user's at the event's time; returns the user's profile, perhaps merged. */
  #linkTo(
    event: Event,
    anonymousId: string,
    key: OrderKey,
    profile: HotProfile,
    seen: boolean,
    joined: Joined,
  ): HotProfile {
    assert(event.userId !== null, "a link has a user");
    const anonymousKey = identifierKey(event.namespace, "anonymous_id", anonymousId);
    const home = this.profileOf(anonymousKey);
    const link = (home && this.#link(home, anonymousKey)) ?? { record: emptyRecord(), seen: false };
    if (home !== undefined) this.#hot.touch(home);
    const verdict = addLink(link.record, key, event.userId);
    if (seen) link.seen = true;
    const joins = verdict.kind === "first" && home !== undefined && home !== profile;
    const owner = joins ? this.#join(profile, home, joined) : profile;
    if (verdict.kind === "moved" || verdict.kind === "conflict") this.#refoldLater(anonymousKey, verdict.to);
    const newest = newestUser(link.record);
    const newestHome =
      newest === null || newest === event.userId
        ? owner
        : this.profileOf(identifierKey(event.namespace, "user_id", newest));
    this.place(anonymousKey, link, newestHome ?? owner, joins ? undefined : home);
    return owner;
  }

  /**
   * previousId may be a userId or an anonymousId; the wire doesn't say, and guessing by what is known yet would make
   * the order of events matter. So it is linked as an anonymousId, and from a trusted source as a userId too.
   */
  #alias(event: Event, previousId: string, key: OrderKey, profile: HotProfile, joined: Joined): HotProfile {
    let owner = profile;
    if (previousId !== event.anonymousId) owner = this.#linkTo(event, previousId, key, owner, false, joined);
    if (!event.trusted) return owner;
    const previousKey = identifierKey(event.namespace, "user_id", previousId);
    const previous = this.profileOf(previousKey);
    if (previous === undefined) {
      this.#hot.setId(previousKey, owner.pid);
      this.list(owner, previousKey);
    } else if (previous !== owner) {
      const older = previous.pid < owner.pid ? previous : owner;
      owner = this.#join(older, older === owner ? previous : owner, joined);
    }
    return owner;
  }

  /** Merges `from` into `into`, which lives on. */
  #join(into: HotProfile, from: HotProfile, joined: Joined): HotProfile {
    this.#hot.touch(from);
    this.#hot.touch(into);
    const joining = { definitions: this.#definitions, into: into.pid, from: from.pid };
    joined.begin(into.state, from.state);
    joined.note(from, merge(into.state, from.state, joining));
    this.memberships.join(into, from);
    // Room for what it grows by is taken before it is stored.
    into.textLength += from.textLength;
    for (const key of from.identifiers) this.list(into, key);
    for (const [key, link] of from.links) into.links.set(key, link);
    this.#hot.bury(from, into);
    return into;
  }

  /** What of an event doesn't count: it ties what an operator took apart, or goes beyond a limit. */
  #keptOut(event: Event): Ignored | null {
    const undone = this.forbidden?.undone(event) ?? null;
    const left = undone === null ? event : withoutIgnored(event, undone);
    const beyond = overLimit(left, this.#profileOf, this.#definitions.identity);
    return undone === null ? beyond : { ...undone, ...beyond };
  }

  readonly #profileOf = (key: IdentifierKey) => this.profileOf(key);

  #refoldLater(anonymousKey: IdentifierKey, user: string): void {
    const users = this.pendingRefolds.get(anonymousKey) ?? [];
    if (!users.includes(user)) this.pendingRefolds.set(anonymousKey, [...users, user]);
  }

  /** Returns the claims that a limit kept out. */
  #claimAll(event: Event, key: OrderKey, profile: HotProfile, limited: boolean): Ignored | null {
    const { identity } = this.#definitions;
    let unclaimed: Record<string, "limit"> | null = null;
    for (const { type, value } of claimsOf(event, identity)) {
      const idKey = identifierKey(event.namespace, type, value);
      if (limited && !hasRoom(profile, [idKey], identity)) (unclaimed ??= {})[`${type}:${value}`] = "limit";
      else this.#claim(event, key, profile, idKey);
    }
    return unclaimed;
  }

  #claim(event: Event, key: OrderKey, profile: HotProfile, idKey: IdentifierKey): void {
    const standing = claimEntry(this.#hot.id(idKey));
    const anonymous = event.userId === null ? event.anonymousId : null;
    const entry = withClaim(standing, { key, user: event.userId, anonymous }, profile.pid);
    if (entry === standing) return;
    const { type, value } = identifierOf(idKey);
    if (standing === undefined && type === "email")
      this.#hot.setId(emailHashKey(event.namespace, value), { same: idKey });
    this.#hot.setId(idKey, entry);
    if (entry.holder !== profile.pid) return;
    const former = standing === undefined ? undefined : this.#hot.profile(standing.holder);
    if (former !== undefined && former !== profile) this.unlist(former, idKey);
    this.list(profile, idKey);
  }

  #link(home: HotProfile, anonymousKey: IdentifierKey): LinkEntry | undefined {
    const atHand = home.links.get(anonymousKey);
    if (atHand !== undefined) return atHand;
    const entry = this.#hot.id(anonymousKey);
    return entry !== undefined && typeof entry === "object" && "link" in entry ? entry.link : undefined;
  }
}
