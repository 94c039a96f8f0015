/**
 * The one profile that a reader with a token follows, through everything that can become of it: it may not be there
 * yet, be joined to another one, lose the identifier, or be erased. Nothing of any other profile passes.
 */
import type { Change } from "../model/change.ts";
import type { Namespace } from "../model/event.ts";
import type { Identifier } from "../model/identifier.ts";
import type { Profiles, StoredProfile } from "../store/profiles.ts";

export class OneProfile {
  readonly #profiles: Profiles;
  readonly #namespace: Namespace;
  readonly #identifier: Identifier;
  /** The profile that the identifier leads to as far as is known; null: to none. */
  #profileId: string | null;

  constructor(profiles: Profiles, namespace: Namespace, identifier: Identifier) {
    this.#profiles = profiles;
    this.#namespace = namespace;
    this.#identifier = identifier;
    const found = profiles.find(namespace, identifier.type, identifier.value);
    const isOwnName = identifier.type === "profile_id" && found.kind === "rebuilding";
    this.#profileId = found.kind === "found" ? found.profile.profileId : isOwnName ? identifier.value : null;
  }

  /** The profile as it is now; null: there is none. Undefined while profiles are rebuilt. */
  now(): StoredProfile | null | undefined {
    const { type, value } = this.#identifier;
    const found = this.#profiles.find(this.#namespace, type, value);
    if (found.kind === "rebuilding") return undefined;
    return found.kind === "found" ? found.profile : null;
  }

  /** True for a change of the profile. To be asked of every change, in order. */
  admits(change: Change): boolean {
    if (change.namespace !== this.#namespace) return false;
    if (this.#identifier.type === "profile_id") return this.#admitsById(change);
    if (this.#isNamed(change.identifiers)) {
      this.#profileId = change.profileId;
      return true;
    }
    if (change.profileId !== this.#profileId) return false;
    // Ours no longer has the identifier: it was erased, or the identifier is somebody else's now.
    this.#profileId = null;
    return change.cause === "erase";
  }

  #admitsById(change: Change): boolean {
    const isJoined = this.#profileId !== null && change.mergedFrom?.includes(this.#profileId) === true;
    if (isJoined) this.#profileId = change.profileId;
    return change.profileId === this.#profileId;
  }

  #isNamed(identifiers: readonly Identifier[]): boolean {
    const { type, value } = this.#identifier;
    return identifiers.some((one) => one.type === type && one.value === value);
  }
}
