/** A dry run: which profiles would events join? Nothing is written. Pure. */
import type { Identifier } from "./identifier.ts";
import { isBlocked, type Identity } from "./identity.ts";

/** What an event to come says about who is who. */
export interface PlannedLink {
  readonly userId: string;
  readonly anonymousId: string | null;
  /** Of an alias. */
  readonly previousId: string | null;
}

/** A profile as it is now. */
export interface PlannedProfile {
  readonly profileId: string;
  readonly identifiers: readonly Identifier[];
}

/** Profiles that would be one. */
export interface PlannedJoin {
  /** Those that there are now; a new one that an event makes is not among them. */
  readonly profileIds: readonly string[];
  readonly identifiers: readonly Identifier[];
}

export interface JoinPlan {
  /** Profiles that would be part of another or have another as a part. */
  readonly profiles: number;
  /** What would come of them, the largest first. */
  readonly joins: readonly PlannedJoin[];
  /** Links and aliases that would not count: their ids name nobody, or a profile would have too many identifiers. */
  readonly blocked: number;
  readonly overLimit: number;
  /** Links of a device that is somebody's already: they join nothing, but may move later events of it. */
  readonly shared: number;
}

interface Part {
  parent: Part | null;
  profileIds: Set<string>;
  identifiers: Map<string, Identifier>;
}

/** Plans links in their order, as if a trusted source sent them. `find` gives the profile of an identifier. */
export function planJoins(
  links: readonly PlannedLink[],
  find: (identifier: Identifier) => PlannedProfile | null,
  identity: Identity,
): JoinPlan {
  return new Planner(find, identity).plan(links);
}

class Planner {
  readonly #find: (identifier: Identifier) => PlannedProfile | null;
  readonly #identity: Identity;
  readonly #parts = new Map<string, Part>();
  #blocked = 0;
  #overLimit = 0;
  #shared = 0;

  constructor(find: (identifier: Identifier) => PlannedProfile | null, identity: Identity) {
    this.#find = find;
    this.#identity = identity;
  }

  plan(links: readonly PlannedLink[]): JoinPlan {
    for (const link of links) this.#take(link);
    const joins = [...new Set([...this.#parts.values()].map(rootOf))]
      .filter(({ profileIds }) => profileIds.size > 1)
      .map(({ profileIds, identifiers }) => ({
        profileIds: [...profileIds],
        identifiers: [...identifiers.values()],
      }))
      .toSorted((left, right) => right.profileIds.length - left.profileIds.length);
    const profiles = joins.reduce((sum, { profileIds }) => sum + profileIds.length, 0);
    return { profiles, joins, blocked: this.#blocked, overLimit: this.#overLimit, shared: this.#shared };
  }

  #take({ userId, anonymousId, previousId }: PlannedLink): void {
    const user = { type: "user_id", value: userId };
    if (this.#isBlocked(user)) {
      this.#blocked += 1;
      return;
    }
    if (anonymousId !== null) this.#link(user, { type: "anonymous_id", value: anonymousId });
    if (previousId === null || previousId === userId) return;
    const previous = { type: "user_id", value: previousId };
    const device = { type: "anonymous_id", value: previousId };
    if (this.#isBlocked(previous) || this.#isBlocked(device)) {
      this.#blocked += 1;
      return;
    }
    if (this.#find(device) !== null) this.#link(user, device);
    this.#join(this.#partOf(user), this.#partOf(previous));
  }

  #link(user: Identifier, device: Identifier): void {
    if (this.#isBlocked(device)) {
      this.#blocked += 1;
      return;
    }
    const theirs = this.#partOf(device);
    const own = this.#partOf(user);
    if (theirs === own) return;
    if ([...theirs.identifiers.values()].some(({ type }) => type === "user_id")) this.#shared += 1;
    else this.#join(own, theirs);
  }

  #isBlocked({ type, value }: Identifier): boolean {
    const known = this.#identity.types.get(type);
    return known !== undefined && isBlocked(known, value);
  }

  #partOf(identifier: Identifier): Part {
    const name = nameOf(identifier);
    const known = this.#parts.get(name);
    if (known !== undefined) return rootOf(known);
    const found = this.#find(identifier);
    const other = found === null ? undefined : this.#parts.get(found.profileId);
    const part = other ?? {
      parent: null,
      profileIds: new Set(found === null ? [] : [found.profileId]),
      identifiers: new Map((found?.identifiers ?? [identifier]).map((id) => [nameOf(id), id])),
    };
    this.#parts.set(name, part);
    if (found !== null) this.#parts.set(found.profileId, part);
    return rootOf(part);
  }

  #join(into: Part, from: Part): void {
    if (into === from) return;
    const joined = new Map([...into.identifiers, ...from.identifiers]);
    if (this.#isTooMany(joined)) {
      this.#overLimit += 1;
      return;
    }
    from.parent = into;
    into.identifiers = joined;
    for (const profileId of from.profileIds) into.profileIds.add(profileId);
  }

  #isTooMany(identifiers: ReadonlyMap<string, Identifier>): boolean {
    const counts = new Map<string, number>();
    for (const { type } of identifiers.values()) counts.set(type, (counts.get(type) ?? 0) + 1);
    return [...counts].some(([type, count]) => count > (this.#identity.types.get(type)?.limit ?? count));
  }
}

function rootOf(part: Part): Part {
  let at = part;
  while (at.parent !== null) at = at.parent;
  return at;
}

function nameOf({ type, value }: Identifier): string {
  return `${type}:${value}`;
}
