/** A profile in the writer's hands, and on its way out of LMDB. */
import type { Namespace } from "../model/event.ts";
import type { IdentifierKey } from "../model/identifier.ts";
import type { LinkRecord } from "../model/link.ts";
import type { Membership } from "../model/membership.ts";
import type { ProfileState } from "../model/profile.ts";
import type { EvidencePieces } from "./evidencePieces.ts";
import type { Indexed } from "./profileIndex.ts";

/** What is known of one anonymousId, kept with the profile it leads to. */
export interface LinkEntry {
  record: LinkRecord;
  /** An event has carried it as its anonymousId (an alias alone doesn't make it an identifier). */
  seen: boolean;
}

/** A profile while the writer works on it. */
export interface HotProfile {
  readonly pid: number;
  readonly namespace: Namespace;
  version: number;
  /** Seq of its newest event; older ones follow by `prev`. 0: none. */
  head: number;
  identifiers: IdentifierKey[];
  /** The identifiers as the journal stores them, JSON; null when they changed since. */
  identifiersText: string | null;
  /** Characters of its text when it was last stored; 0 before. */
  textLength: number;
  links: Map<IdentifierKey, LinkEntry>;
  state: ProfileState;
  /** Where its evidence is stored. */
  readonly pieces: EvidencePieces;
  /** The segments it is in; null where there are none to be in. */
  membership: Membership | null;
  /** When it next falls due is to be found out before it is stored. */
  hasStaleDue: boolean;
  /** What the index holds of it. */
  indexed: Indexed;
}
