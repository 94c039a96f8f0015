/** Profiles and history as their readers see them, on the main thread. */
import type { Definitions } from "../model/definition.ts";
import type { Json, Namespace } from "../model/event.ts";
import type { Facts } from "../model/facts.ts";
import type { Ignored } from "../model/guard.ts";
import type { Identifier } from "../model/identifier.ts";
import type { Membership } from "../model/membership.ts";
import type { ProfileState } from "../model/profile.ts";
import type { ProfileMemory } from "./profileMemory.ts";

/** A profile as stored: the fold's state and what the store keeps around it. */
export interface StoredProfile {
  /** The number behind the profileId. */
  readonly pid: number;
  readonly profileId: string;
  readonly namespace: Namespace;
  /** Seq of the profile's last change. */
  readonly version: number;
  readonly identifiers: readonly Identifier[];
  readonly state: ProfileState;
  /** The segments that it was in when it was last folded; null where there are none to be in. */
  readonly membership: Membership | null;
  /** The computed traits that its evidence was kept for, and the segments. */
  readonly definitions: Definitions;
}

export type Lookup =
  | { readonly kind: "found"; readonly profile: StoredProfile }
  | { readonly kind: "missing" }
  | { readonly kind: "rebuilding" };

/** Where the histories begin that an identifier leads to. */
export type Trail =
  | { readonly kind: "found"; readonly heads: readonly number[] }
  | { readonly kind: "rebuilding" }
  /** Some of those who claim it stand in the journal alone. */
  | { readonly kind: "tooMany" };

/** One event of a profile's history, as stored. */
export interface HistoryEntry {
  readonly seq: number;
  readonly messageId: string;
  readonly type: string;
  readonly name: string | null;
  readonly source: string;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
  readonly committedAtMs: number;
  /** False for a browser source. */
  readonly trusted: boolean;
  /** Identifiers of it that don't count. */
  readonly ignored: Ignored;
  /** What was found out about it when it was accepted; absent: nothing. */
  readonly facts?: Facts | undefined;
  /** The event's JSON as it came; null once erased. */
  readonly body: Json;
}

/** The way of one event through the house; a time is null where it has not been there. */
export interface Trace {
  readonly entry: HistoryEntry;
  readonly profileId: string | null;
  /** True once its effect is readable. */
  readonly folded: boolean;
}

export interface Profiles {
  /** What profiles are read with now. */
  readonly definitions: Definitions;
  /** Looks a profile up by identifier of a type in `definitions.identity.idTypes`. Values as given; they are normalised here. */
  find(namespace: Namespace, type: string, value: string): Lookup;
  /** Heads of the chains of everyone whom an identifier leads to now, or who claims it. */
  trail(namespace: Namespace, type: string, value: string): Trail;
  /** A memory for what its reader makes of profiles, of at most so many bytes. */
  memory<Value>(maxBytes: number): ProfileMemory<Value>;
  /** All profiles of a namespace in pid order after `afterPid`, at most `limit`; short reads, for snapshots and exports. */
  page(
    namespace: Namespace,
    afterPid: number,
    limit: number,
  ):
    | { readonly kind: "page"; readonly profiles: readonly StoredProfile[]; readonly nextPid: number | null }
    | { readonly kind: "rebuilding" };
  /** History newest first, from a cursor of an earlier page (or the newest), at most `limit`; cost does not grow with the journal. Throws Refusal invalid_cursor. */
  history(
    pid: number,
    cursor: string | null,
    limit: number,
  ): { readonly events: readonly HistoryEntry[]; readonly nextCursor: string | null };
  /** The event at that seq; null where there is none, or it was erased. */
  entry(seq: number): HistoryEntry | null;
  /** Every event with that messageId (one a source). */
  trace(namespace: Namespace, messageId: string): Promise<readonly Trace[]>;
}
