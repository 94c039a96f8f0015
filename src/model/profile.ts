/**
 * A profile's state: what the fold writes and every read starts from. JSON-able, so that any engine can hold it.
 * Small, because it is stored once a profile. Two states that were made from the same events in another order are
 * equal as `canonicalState` (canonical.ts) writes them; slot numbers may differ.
 */
import type { HasEvidence } from "./computed.ts";
import type { HasConsent } from "./consent.ts";
import { emptyChildren, type TraitTree } from "./trait.ts";

export interface ProfileState extends TraitTree, HasEvidence, HasConsent {
  /** Earliest and latest event time, milliseconds; MAX_SAFE_INTEGER and −MAX_SAFE_INTEGER before the first event. */
  first: number;
  last: number;
}

/** A profile that nothing has happened to. */
export function emptyState(): ProfileState {
  return {
    first: Number.MAX_SAFE_INTEGER,
    last: -Number.MAX_SAFE_INTEGER,
    names: 0,
    bytes: 0,
    free: -1,
    stamps: [],
    traits: emptyChildren(),
  };
}
