/** What the admin API answers about segments; the page is written against these. Times are ISO 8601 UTC. */
import type { Json } from "../../model/event.ts";
import type { Identifier } from "./profileWire.ts";

/** The size of an audience from an instant on. */
export interface AudiencePoint {
  readonly at: string;
  readonly size: number;
}

/** A segment in the list. */
export interface SegmentLine {
  readonly name: string;
  /** The rule for people. */
  readonly words: string;
  /** Profiles in it as of the last commit; null while profiles are rebuilt. */
  readonly size: number | null;
  /** Of the last day, oldest first. */
  readonly history: readonly AudiencePoint[];
}

/** GET /admin/api/segments */
export interface SegmentsAnswer {
  readonly at: string;
  readonly segments: readonly SegmentLine[];
  readonly nextCursor: null;
}

/** GET /admin/api/segment; its history is of the last 30 days. */
export interface SegmentAnswer extends SegmentLine {
  readonly at: string;
  /** `all` and `any` are made of the clauses that follow. */
  readonly kind: string;
  readonly clauses: readonly string[];
}

/** Somebody in a segment. */
export interface MemberLine {
  readonly profileId: string;
  readonly name: string | null;
  readonly identifiers: readonly Identifier[];
  readonly since: string | null;
}

/** GET /admin/api/segment/members */
export interface SegmentMembersAnswer {
  readonly members: readonly MemberLine[];
  readonly nextCursor: string | null;
}

/** A clause and its answer. */
export interface ClauseLine {
  readonly kind: string;
  readonly words: string;
  readonly isTrue: boolean;
  /** What it was decided on; null: nothing, or it is made of others. */
  readonly seen: Json;
  readonly since: string | null;
  /** When it turns though nothing happens; null: never. */
  readonly turnsAt: string | null;
  readonly approximate: boolean;
  readonly of: readonly ClauseLine[];
}

/** GET /admin/api/segment/explain */
export interface SegmentExplainAnswer {
  readonly at: string;
  readonly profileId: string;
  readonly name: string | null;
  /** Since when it is in the segment; null: it is not. */
  readonly since: string | null;
  readonly clause: ClauseLine;
}
