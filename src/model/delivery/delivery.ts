/** Words of the way out: what is delivered, in which lane, and when one gives up. Pure. */

/** Lanes by urgency: each waits for those before it only. */
export const lanes = ["transactional", "behavioural", "batch"] as const;
export type Lane = (typeof lanes)[number];

/** What stands in the queue: a profile's state (coalesced), one event, one message to a person, one erasure. */
export const deliveryKinds = ["profile", "event", "send", "erase"] as const;
export type DeliveryKind = (typeof deliveryKinds)[number];

/** What a destination may be able to do. */
export const capabilityNames = [
  "upsert",
  "audience",
  "suppress",
  "event",
  "send",
  "erase",
  "changes",
  "readBack",
] as const;
export type CapabilityName = (typeof capabilityNames)[number];

/** The lane of a change: what people do goes before what is made of old data. */
export function laneOf(cause: string): Lane {
  return cause === "import" || cause === "definition" || cause === "undo" ? "batch" : "behavioural";
}

/** What fails for a passing reason is tried again until it is so old. */
const giveUpAfterMs = 72 * 3_600_000;
/** A clock that leaps must not age anything: so many tries were made before one gives up, however old it looks. */
const fewestTries = 8;

/** Whether one more failure is the last one. */
export function isTooOld(failingSinceMs: number, attempts: number, nowMs: number): boolean {
  return attempts >= fewestTries && nowMs - failingSinceMs > giveUpAfterMs;
}
