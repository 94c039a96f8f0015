/**
 * An operator's word on who is who: a pair of identifiers is taken apart (`undo`), or what ties it counts again
 * (`lift`). Every event that ties the pair is marked, or the mark is taken away; then the profiles involved are worked
 * out anew from their events (people.ts), the way a rebuild would. Gathering is done in slices between the writer's
 * groups and the old answer stands until the switch, which is one transaction. The rows get their new owners and
 * chains, and one row of kind `undo` a profile tells the change log what changed.
 */
import { assert } from "../lib/assert.ts";
import { fold } from "../model/fold.ts";
import { orderKeyOf, type Event } from "../model/event.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { claimsOf, isClaimed } from "../model/identity.ts";
import { newestUser, usersOf } from "../model/link.ts";
import { emptyState } from "../model/profile.ts";
import { appearanceOf, tellSwitch, type Appearance } from "./appearance.ts";
import { tellRelisted } from "./acts.ts";
import { forbid, lift, tiesOf, type Pair } from "./forbidden.ts";
import { identifiersText } from "./hot.ts";
import type { HotProfile, LinkEntry } from "./hotProfile.ts";
import { People } from "./people.ts";
import type { Journal } from "./journal.ts";
import type { RefoldContext } from "./refold.ts";
import {
  instantOf,
  isFoldable,
  mergedOf,
  parsePrev,
  refusedOf,
  storedEvent,
  tellsSegments,
  type EventRow,
} from "./row.ts";
import { SplitNumbers } from "./splitNumbers.ts";
import { bareActs, bared, extraUntouched, mergedText, withMerged, withTies } from "./splitText.ts";

/** What a split works on; unlike a re-attribution it rewrites the journal's own rows, too. */
export interface SplitContext extends RefoldContext {
  readonly journal: Journal;
}

/** What became of an undo or its lifting. */
export interface SplitDone {
  /** Events that tied the pair. */
  readonly ties: number;
  /** The profile that each of the two leads to now; null: none. */
  readonly profiles: readonly [number | null, number | null];
}

interface Gathered {
  readonly row: EventRow;
  readonly extra: string | null;
  /** As it counts from now on. */
  readonly event: Event;
  readonly key: ReturnType<typeof orderKeyOf>;
  readonly former: HotProfile;
}

export class Split {
  readonly pair: Pair;
  readonly isLifting: boolean;
  readonly #rows = new Map<number, EventRow | null>();
  #waiting: number[] | null = null;

  constructor(pair: Pair, isLifting: boolean) {
    this.pair = pair;
    this.isLifting = isLifting;
  }

  /** Reads up to `maxRows` more rows; true when there are no more to read. */
  gather(maxRows: number, context: SplitContext): boolean {
    this.#waiting ??= [...this.#involved(context)].map((profile) => profile.head);
    for (let left = maxRows; left > 0; left -= 1) {
      const seq = this.#waiting.pop();
      if (seq === undefined) return true;
      if (seq === 0 || this.#rows.has(seq)) continue;
      const row = context.journal.row(seq);
      this.#rows.set(seq, row !== null && isFoldable(row) ? row : null);
      if (row !== null) this.#waiting.push(...parsePrev(row.prev));
    }
    return this.#waiting.length === 0;
  }

  /** How many of the gathered events tie the pair. */
  ties(context: SplitContext): number {
    return this.#gathered(context).filter(({ row, extra }) => extra !== row.extra).length;
  }

  /** The switch; inside the writer's transaction, when no re-attribution is pending. */
  finish(context: SplitContext): SplitDone {
    this.#waiting = [...this.#involved(context)].map((profile) => profile.head);
    while (!this.gather(10_000, context)) continue;
    const gathered = this.#gathered(context);
    if (this.isLifting) lift(context.journal, this.pair);
    else forbid(context.journal, this.pair);
    new Switch(this.pair, this.#involved(context), this.isLifting, this.#devices, gathered, context).run();
    const { projector } = context;
    const { namespace, user, other } = this.pair;
    const pidOf = (key: IdentifierKey) => projector.profileOf(key)?.pid ?? null;
    const ties = gathered.filter(({ row, extra }) => extra !== row.extra).length;
    const profiles = [
      pidOf(identifierKey(namespace, "user_id", user)),
      pidOf(identifierKey(namespace, other.type, other.value)),
    ] as const;
    return { ties, profiles };
  }

  /** AnonymousIds whose links the pair's ties may make: an alias's previousId counts as one too. */
  get #devices(): readonly string[] {
    const { user, other } = this.pair;
    return other.type === "anonymous_id" ? [other.value] : [user, other.value];
  }

  #involved({ projector }: SplitContext): Set<HotProfile> {
    const { namespace, user, other } = this.pair;
    // An alias's previousId may be either: what it ties is a userId, too.
    const users = [user, other.value];
    const found = new Set<HotProfile>();
    const add = (profile: HotProfile | undefined) => profile !== undefined && found.add(profile);
    for (const name of users) add(projector.profileOf(identifierKey(namespace, "user_id", name)));
    for (const device of this.#devices) {
      const key = identifierKey(namespace, "anonymous_id", device);
      const home = projector.profileOf(key);
      const link = home && projector.linkOf(home, key);
      add(home);
      for (const name of link === undefined ? [] : usersOf(link.record))
        add(projector.profileOf(identifierKey(namespace, "user_id", name)));
    }
    return found;
  }

  #gathered(context: SplitContext): Gathered[] {
    return [...this.#rows.values()]
      .filter((row) => row !== null)
      .sort((left, right) => left.seq - right.seq)
      .map((row) => this.#asItCounts(row, context));
  }

  #asItCounts(row: EventRow, { journal, restore, hot, committedAtMs }: SplitContext): Gathered {
    const source = journal.sourceName(row.source);
    const bare = restore(storedEvent({ ...row, extra: extraUntouched(row) }, source));
    const former = row.pid === null ? undefined : hot.profile(row.pid);
    assert(former !== undefined, "a chained event has an owner");
    const extra = withTies(row, tiesOf(bare, this.pair), this.isLifting, committedAtMs);
    const event = restore(storedEvent({ ...row, extra }, source));
    return { row, extra, event, key: orderKeyOf(event), former };
  }
}

/** Everything that the switch works on. */
class Switch {
  readonly #pair: Pair;
  readonly #involved: ReadonlySet<HotProfile>;
  readonly #devices: readonly string[];
  readonly #gathered: readonly Gathered[];
  readonly #context: SplitContext;
  readonly #people: People;
  /** Seq from which the profiles that are apart now may have been one; infinite where nothing is taken apart. */
  readonly #apartFrom: number;
  /** Where each anonymousId led, and its link. */
  readonly #standing: ReadonlyMap<string, Standing>;
  readonly #before: ReadonlyMap<HotProfile, Appearance>;
  /** By number: the profiles that there are from now on. */
  readonly #after = new Map<number, HotProfile>();

  constructor(
    pair: Pair,
    involved: ReadonlySet<HotProfile>,
    isLifting: boolean,
    devices: readonly string[],
    gathered: readonly Gathered[],
    context: SplitContext,
  ) {
    this.#pair = pair;
    this.#involved = involved;
    this.#devices = devices;
    this.#gathered = gathered;
    this.#context = context;
    for (const profile of involved) context.hot.touch(profile);
    // An erasure finds whoever shared a device by its links; what a cut link led to is no longer found by it.
    const shared = gathered.filter(
      ({ row, extra, event: { anonymousId, previousId } }) =>
        extra !== row.extra || devices.includes(anonymousId ?? "") || devices.includes(previousId ?? ""),
    );
    this.#apartFrom = isLifting ? Number.POSITIVE_INFINITY : Math.min(...shared.map(({ row }) => row.seq));
    this.#standing = new Map([...this.#allDevices()].map((device) => [device, this.#find(device)] as const));
    this.#people = new People({
      events: gathered.map(({ row: { seq }, event, key }) => ({ seq, event, key })),
      affected: new Set(devices),
      recordOf: (device) => this.#standing.get(device)?.link?.record ?? null,
    });
    this.#before = new Map(
      [...involved].map((profile) => [profile, appearanceOf(profile, context)] as const),
    );
  }

  run(): void {
    const { projector } = this.#context;
    projector.takeRelisted(null);
    const numbers = new SplitNumbers(this.#involved, this.#gathered, this.#people, this.#context);
    const claimed = this.#claimedKeys();
    for (const { event, key } of this.#gathered) this.#profile(this.#people.pidOf({ event, key }));
    for (const profile of this.#after.values()) {
      profile.state = emptyState();
      profile.head = 0;
      profile.identifiers = [];
      profile.identifiersText = null;
    }
    this.#listUsers();
    for (const device of this.#standing.keys()) this.#placeDevice(device);
    for (const key of claimed) projector.relistClaimed(key);
    const owners = this.#foldAll();
    // Last, since whatever touches a profile makes it one again.
    numbers.lead(this.#after);
    const moved = this.#rewrite(owners);
    const { hot, journal } = this.#context;
    // One that is apart again may have been told of under its own number before it was part of the other.
    const pids = [...[...this.#involved].map(({ pid }) => pid), ...this.#after.keys(), ...numbers.told];
    if (Number.isFinite(this.#apartFrom))
      for (const pid of new Set(pids)) bareActs(journal, pid, hot.profile(pid), this.#apartFrom);
    this.#tell(moved, numbers);
  }

  #key(type: string, value: string): IdentifierKey {
    return identifierKey(this.#pair.namespace, type, value);
  }

  #find(device: string): Standing {
    const { projector } = this.#context;
    const key = this.#key("anonymous_id", device);
    const home = projector.profileOf(key);
    return { home, link: home && projector.linkOf(home, key) };
  }

  *#allDevices(): Iterable<string> {
    const told = new Set<string>(this.#devices);
    for (const { event } of this.#gathered) {
      if (event.anonymousId !== null) told.add(event.anonymousId);
      if (event.previousId !== null && event.previousId !== event.userId) told.add(event.previousId);
    }
    yield* told;
  }

  /** The profile of that number, made if it is not there. */
  #profile(pid: number | null): HotProfile {
    assert(pid !== null, "an event is somebody's");
    const known = this.#after.get(pid);
    if (known !== undefined) return known;
    const { hot } = this.#context;
    const standing = [...this.#involved].find((profile) => profile.pid === pid);
    const profile = standing ?? hot.create(pid, this.#pair.namespace, emptyState());
    this.#after.set(pid, profile);
    return profile;
  }

  #listUsers(): void {
    const { hot, projector } = this.#context;
    const named = [...this.#involved].flatMap((profile) => this.#before.get(profile)?.users ?? []);
    for (const user of new Set([...this.#people.users, ...named])) {
      const key = this.#key("user_id", user);
      const pid = this.#people.pidOfUser(user);
      if (pid === null) {
        hot.setId(key, null);
        continue;
      }
      hot.setId(key, pid);
      projector.list(this.#profile(pid), key);
    }
  }

  #placeDevice(device: string): void {
    const { hot, projector } = this.#context;
    const key = this.#key("anonymous_id", device);
    const { home: former, link: standing } = this.#standing.get(device) ?? {};
    const record = this.#people.recordOf(device);
    const isAffected = this.#devices.includes(device);
    if (!isAffected && (former === undefined || !this.#involved.has(former))) return;
    if (record === null || (record.runs.length === 0 && record.minMs === null)) {
      former?.links.delete(key);
      hot.setId(key, null);
      return;
    }
    const newest = newestUser(record);
    const pid = newest === null ? this.#people.pidOfAnonymous(device) : this.#people.pidOfUser(newest);
    const home = pid === null ? former : this.#profile(pid);
    assert(home !== undefined, "a link has a home");
    const seen = isAffected ? this.#people.isSeen(device) : (standing?.seen ?? false);
    projector.place(key, { record, seen }, home, former);
    hot.setId(key, home.pid);
  }

  #claimedKeys(): ReadonlySet<IdentifierKey> {
    const listed = [...this.#involved].flatMap((profile) =>
      profile.identifiers.filter((key) => isClaimed(identifierOf(key).type)),
    );
    const { identity } = this.#context.definitions;
    const told = this.#gathered.flatMap(({ event }) =>
      claimsOf(event, identity).map(({ type, value }) => this.#key(type, value)),
    );
    return new Set([...listed, ...told]);
  }

  #foldAll(): Owners {
    const owners = new Map<number, readonly [HotProfile, number | null]>();
    for (const { row, event, key } of this.#gathered) {
      const owner = this.#profile(this.#people.pidOf({ event, key }));
      fold(owner.state, event, { refused: refusedOf(row) }, this.#context.definitions);
      this.#context.memberships.reach(owner, instantOf(row));
      owners.set(row.seq, [owner, owner.head === 0 ? null : owner.head]);
      owner.head = row.seq;
    }
    return owners;
  }

  /** A row that went over must not go on telling the identifiers and the old values of the profile it left. */
  #rewrite(owners: Owners): ReadonlySet<HotProfile> {
    const { hot, journal } = this.#context;
    const moved = new Set<HotProfile>();
    const untold = new Set([...this.#involved].filter(({ pid }) => !this.#after.has(pid)));
    for (const { row, extra, former } of this.#gathered) {
      const [owner, prev] = owners.get(row.seq) ?? [former, null];
      const stays = former === owner || hot.profile(former.pid) === owner;
      if (!stays) moved.add(owner).add(former);
      // What it told of segments was of the part that merged in; under another number it would be taken for the whole's.
      else if (row.pid !== owner.pid && tellsSegments(row)) moved.add(owner);
      const merged = mergedOf(row).filter((pid) => hot.profile(pid) === owner && pid !== owner.pid);
      // The event that ties them again is the one that tells of it to whoever looks for merged numbers.
      if (extra !== row.extra)
        for (const gone of untold)
          if (hot.profile(gone.pid) === owner && untold.delete(gone)) merged.push(gone.pid);
      const told = row.seq < this.#apartFrom ? row : bared(row, owner);
      const diff = stays ? withMerged(told, merged) : mergedText(merged);
      const identifiers = stays ? told.identifiers : identifiersText(owner);
      journal.setProjection(row.seq, owner.pid, prev, identifiers, diff, extra, row.flags);
    }
    return moved;
  }

  #tell(moved: ReadonlySet<HotProfile>, numbers: SplitNumbers): void {
    const { projector, hot } = this.#context;
    const gone = [...this.#involved].map(({ pid }) => pid).filter((pid) => !this.#after.has(pid));
    const relisted = projector.takeRelisted(null).filter((profile) => !this.#after.has(profile.pid));
    for (const profile of this.#after.values()) {
      const merged = gone.filter((pid) => hot.profile(pid) === profile);
      const led = numbers.ledTo(profile);
      const was = this.#before.get(profile) ?? null;
      const tellsOld = !Number.isFinite(this.#apartFrom);
      tellSwitch(
        profile,
        { kind: "undo", was, merged, led, moved: moved.has(profile), tellsOld },
        this.#context,
      );
    }
    for (const profile of relisted) tellRelisted(profile, this.#context);
  }
}

/** By seq: whose each event is now, and the seq before it in that profile's chain. */
type Owners = ReadonlyMap<number, readonly [owner: HotProfile, prev: number | null]>;

interface Standing {
  readonly home?: HotProfile | undefined;
  readonly link?: LinkEntry | undefined;
}
