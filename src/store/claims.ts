/**
 * Claims on e-mail addresses and on the identifiers that are configured. One belongs to whoever claimed it last (by order key), but the claims before are
 * kept too: when the newest claimant is erased, it goes back to the one before. Pure.
 */
import { compareOrderKeys, type Namespace, type OrderKey } from "../model/event.ts";
import { identifierKey, type IdentifierKey } from "../model/identifier.ts";

/** One claim: by a userId, or by an anonymousId at the claim's time. */
export interface Claim {
  readonly key: OrderKey;
  readonly user: string | null;
  readonly anonymous: string | null;
}

/** Who claims an identifier. Never changed in place. */
export interface ClaimEntry {
  /** Newest first, never empty; one for each user. */
  readonly claims: readonly Claim[];
  /** Number of the profile that lists it. */
  readonly holder: number;
  /** Claimants that are no longer among `claims` stand in the journal alone. */
  readonly more?: true;
}

/** Claims kept for an identifier; those that many people share are rare. */
const maxClaims = 8;

/** The entry with one more claim; the very same entry if the claim adds nothing. `holder`: the claimant's profile. */
export function withClaim(entry: ClaimEntry | undefined, claim: Claim, holder: number): ClaimEntry {
  if (entry === undefined) return { claims: [claim], holder };
  const claims: Claim[] = [];
  for (const other of entry.claims) {
    const superseded = claim.user !== null && other.user === claim.user;
    if (superseded && compareClaims(other, claim) >= 0) return entry;
    if (compareClaims(other, claim) === 0) return entry;
    if (!superseded) claims.push(other);
  }
  claims.push(claim);
  claims.sort((left, right) => compareClaims(right, left));
  const kept = claims.slice(0, maxClaims);
  const lost = claims
    .slice(maxClaims)
    .some((dropped) => !kept.some((other) => nameOf(other) === nameOf(dropped)));
  return {
    claims: kept,
    holder: kept[0] === claim ? holder : entry.holder,
    ...(lost || entry.more === true ? { more: true as const } : {}),
  };
}

/** By order key; between two sources that use one messageId, by the claimant's name: the order must be total. */
function compareClaims(left: Claim, right: Claim): number {
  const byKey = compareOrderKeys(left.key, right.key);
  if (byKey !== 0) return byKey;
  const [a, b] = [nameOf(left), nameOf(right)];
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function nameOf(claim: Claim): string {
  return claim.user === null ? `a:${claim.anonymous}` : `u:${claim.user}`;
}

/** The key under which the address is found by its SHA-256 in hex. */
export function emailHashKey(namespace: Namespace, email: string): IdentifierKey {
  return identifierKey(namespace, "email_sha256", new Bun.CryptoHasher("sha256").update(email).digest("hex"));
}
