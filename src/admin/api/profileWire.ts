/** What the admin API answers about profiles; the page is written against these. Times are ISO 8601 UTC. */
import type { Json } from "../../model/event.ts";

/** An identifier of a profile. */
export interface Identifier {
  readonly type: string;
  readonly value: string;
}

/** A trait with its origin. */
export interface TraitLine {
  readonly value: Json;
  /** Null, as what follows: a computed trait in which there is no event. */
  readonly updatedAt: string | null;
  readonly receivedAt: string | null;
  readonly ageMs: number | null;
  readonly source: string | null;
  readonly eventMessageId: string | null;
  /** How fresh the value is: live, lastKnown or default; null: there is none. */
  readonly servedFrom: string | null;
  /** Of computed traits: what the value is made of. */
  readonly computed?: {
    readonly window: string | null;
    readonly eventMessageIds: readonly string[];
    readonly eventCount: number;
    readonly nextChangeAt: string | null;
    readonly approximate: boolean;
  };
  /** The type that freshet.yaml declares; null: none. */
  readonly declared: string | null;
  /** The event behind eventMessageId; null too where it was not among those looked for. */
  readonly setBy: EventName | null;
}

/** What an event is called. */
export interface EventName {
  readonly type: string;
  readonly name: string | null;
}

/** One event of a timeline. */
export interface TimelineEntry {
  readonly seq: number;
  readonly messageId: string;
  readonly type: string;
  readonly name: string | null;
  readonly source: string;
  readonly timestamp: string;
  readonly receivedAt: string;
  readonly committedAt: string;
  readonly event: Json;
}

/** GET /admin/api/timeline */
export interface TimelineAnswer {
  readonly events: readonly TimelineEntry[];
  readonly nextCursor: string | null;
}

/** The way of one event through the house. */
export interface TraceLine extends TimelineEntry {
  readonly profileId: string | null;
  readonly folded: boolean;
  readonly fedAt: string | null;
}

/** GET /admin/api/event */
export interface TraceAnswer {
  readonly events: readonly TraceLine[];
  readonly nextCursor: null;
}

/** An event that a profile owes an identifier to. */
export interface JoinEvent {
  readonly messageId: string;
  readonly type: string;
  readonly name: string | null;
  readonly source: string;
  readonly timestamp: string;
}

/** An identifier of a profile and why it is one of it. */
export interface IdentifierAnswer extends Identifier {
  /** The oldest event that carried it, among those looked through. */
  readonly firstSeen: JoinEvent | null;
  /** The event that tied it to another identifier, and to which. */
  readonly joinedBy: JoinEvent | null;
  readonly joinedTo: Identifier | null;
}

/** What ties two identifiers: an event, or several that say the same. */
export interface GraphEdge {
  readonly from: Identifier;
  readonly to: Identifier;
  readonly by: "link" | "alias" | "claim";
  /** `counts`, or why it does not: blocked, limit, untrusted, undone. */
  readonly standing: string;
  /** Events that say so, among those looked through. */
  readonly count: number;
  /** The first of them. */
  readonly event: Omit<JoinEvent, "name">;
  readonly lastAt: string;
}

/** Why the identifiers are one. */
export interface IdentityGraph {
  /** `isOwn`: one of the profile's; others stand in ties that do not count, or that other profiles have. */
  readonly nodes: readonly (Identifier & { readonly isOwn: boolean })[];
  readonly edges: readonly GraphEdge[];
  /** Edges that are left out. */
  readonly left: number;
}

/** A value that a trait came to have. */
export interface TraitPoint {
  readonly at: string;
  /** The value, if it is a number. */
  readonly number: number | null;
  /** The value as text, cut where it is long; null: it was cleared. */
  readonly text: string | null;
  readonly cause: string;
  readonly event: EventName | null;
  readonly eventMessageId: string | null;
}

/** GET /admin/api/traits */
export interface TraitHistoryAnswer {
  /** By trait, oldest first. */
  readonly traits: Readonly<Record<string, readonly TraitPoint[]>>;
  /** False where the profile has more events than were looked through. */
  readonly isWhole: boolean;
}

/** GET /admin/api/profile */
export interface ProfileAnswer {
  readonly profileId: string;
  /** What people would call it; null: nothing. */
  readonly name: string | null;
  readonly version: number;
  readonly asOf: string;
  readonly firstSeenAt: string | null;
  readonly lastSeenAt: string | null;
  readonly identifiers: readonly IdentifierAnswer[];
  readonly graph: IdentityGraph;
  /** False where the profile has more events than were looked through for the identifiers. */
  readonly isWhole: boolean;
  readonly traits: Readonly<Record<string, TraitLine>>;
  readonly segments: readonly { readonly name: string; readonly since: string }[];
  /** What GET /v1/profiles/{id} answers. */
  readonly raw: unknown;
}

/** A profile in a list. */
export interface ProfileLine {
  readonly profileId: string;
  readonly name: string | null;
  /** When its last change was written. */
  readonly changedAt: string;
  readonly identifiers: readonly Identifier[];
  readonly lastSeenAt: string | null;
  readonly traitCount: number;
}

/** GET /admin/api/profiles */
export interface ProfilesAnswer {
  readonly profiles: readonly ProfileLine[];
  readonly nextCursor: null;
}
