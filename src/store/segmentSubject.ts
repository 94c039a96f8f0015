/** A stored profile as segments look at it. */
import { identifierKey } from "../model/identifier.ts";
import { segmentsAt } from "../model/segment.ts";
import type { SegmentSubject } from "../model/segmentMoment.ts";
import type { StoredProfile } from "./profiles.ts";

export function segmentSubject({ state, namespace, identifiers }: StoredProfile): SegmentSubject {
  return { state, identifiers: identifiers.map(({ type, value }) => identifierKey(namespace, type, value)) };
}

/** The segments that a stored profile is in at `tMs`, and when that may change by itself; null: never. */
export function segmentsOfProfile(profile: StoredProfile, tMs: number): ReturnType<typeof segmentsAt> {
  const { definitions } = profile;
  if (definitions.segments.size === 0) return { members: [], nextAtMs: null };
  return segmentsAt(segmentSubject(profile), definitions, tMs);
}
