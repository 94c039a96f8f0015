/** A change: what one event (or one due time, merge, …) did to one profile. The change log is made of these. */
import type { ConsentChanges } from "./consent.ts";
import type { EventType, Json, Namespace } from "./event.ts";
import type { Identifier } from "./identifier.ts";

/** Why a profile changed. Triggers fire only for `event` and `time`. */
export type Cause = "event" | "time" | "merge" | "undo" | "definition" | "import" | "erase";

/** Old and new value of a trait; null where there is none. */
export interface ValueChange {
  readonly old: Json;
  readonly new: Json;
}

/** One entry of the change log, as the journal holds it; times in milliseconds. */
export interface Change {
  readonly seq: number;
  readonly namespace: Namespace;
  readonly profileId: string;
  readonly identifiers: readonly Identifier[];
  readonly cause: Cause;
  readonly event: {
    readonly messageId: string;
    readonly type: EventType;
    readonly name: string | null;
    readonly source: string;
  } | null;
  readonly timestampMs: number;
  readonly receivedAtMs: number | null;
  readonly committedAtMs: number;
  /** By top-level trait name. */
  readonly traits: Readonly<Record<string, ValueChange>>;
  readonly segments: { readonly entered: readonly string[]; readonly exited: readonly string[] };
  /** What changed about consent and suppression; absent: nothing. */
  readonly consent?: ConsentChanges;
  /** Only for a merge: the profileIds that now resolve to this one. */
  readonly mergedFrom?: readonly string[];
}
