/**
 * Messages of triggers that are being made or are out at this moment: what is sent is known only once it is settled, and
 * two that are made at once would both find that nothing was sent. One waits for the other. In memory: after a start
 * nothing is out.
 */

/** A message that may be on its way to somebody. */
export interface Claim {
  readonly item: string;
  readonly profile: string;
  readonly trigger: string;
  readonly topic: string | null;
}

/** As long as a row of the queue is nobody else's; what is tried again later is asked for again. */
const claimMs = 300_000;
const pruneAt = 10_000;

export class TriggerClaims {
  readonly #claims = new Map<string, Claim & { readonly atMs: number }>();

  /** Others of that person that may be on their way. */
  others({ item, profile }: Pick<Claim, "item" | "profile">, nowMs: number): readonly Claim[] {
    return [...this.#claims.values()].filter(
      (other) => other.profile === profile && other.item !== item && isValid(other.atMs, nowMs),
    );
  }

  take(claim: Claim, nowMs: number): void {
    if (this.#claims.size >= pruneAt)
      for (const [item, { atMs }] of this.#claims) if (!isValid(atMs, nowMs)) this.#claims.delete(item);
    this.#claims.set(claim.item, { ...claim, atMs: nowMs });
  }

  drop(item: string): void {
    this.#claims.delete(item);
  }
}

/** Also where the clock went back. */
function isValid(atMs: number, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) < claimMs;
}
