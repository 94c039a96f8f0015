/** The segments of a profile as it is read, at one instant. Pure. */
import { identifierKey } from "../model/identifier.ts";
import { membershipAt } from "../model/membership.ts";
import type { StoredProfile } from "../store/profiles.ts";

/** The segments at an instant. */
export interface SegmentsNow {
  /** By name, in order, since when. */
  readonly since: ReadonlyMap<string, number>;
  /** The first instant at which they are others though nothing happens; null: there is none. */
  readonly validUntilMs: number | null;
}

const none: SegmentsNow = { since: new Map(), validUntilMs: null };

/** What fell due and was not folded yet counts too, as of its own due time. */
export function segmentsNow(profile: StoredProfile, nowMs: number): SegmentsNow {
  const { membership, namespace, identifiers, state, definitions } = profile;
  if (membership === null) return none;
  const { turnsAtMs } = membership;
  if (turnsAtMs === null || turnsAtMs > nowMs) return { since: membership.since, validUntilMs: turnsAtMs };
  const keys = identifiers.map(({ type, value }) => identifierKey(namespace, type, value));
  const now = membershipAt(membership, { state, identifiers: keys }, definitions, nowMs);
  return { since: now.since, validUntilMs: now.turnsAtMs };
}
