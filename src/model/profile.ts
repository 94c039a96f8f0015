/**
 * A profile's state: what the fold writes and every read starts from. JSON-able, so that any engine can hold it.
 * Small names, because it is stored once a profile.
 */
import type { TraitNode } from "./trait.ts";

export interface ProfileState {
  /** Earliest and latest event time, milliseconds. */
  first: number;
  last: number;
  /** Traits by top-level name; see trait.ts. */
  traits: Record<string, TraitNode>;
}
