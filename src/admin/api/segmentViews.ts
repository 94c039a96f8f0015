/** Segments for the page: all with the size of their audience, one with its members, and why somebody is in it. */
import { iso } from "../../esp/profileView.ts";
import { segmentsNow } from "../../esp/segmentView.ts";
import { Refusal } from "../../errors.ts";
import type { Namespace } from "../../model/event.ts";
import { explainSegment } from "../../model/segmentExplain.ts";
import type { SegmentPlan } from "../../model/segmentPlan.ts";
import { readTraits } from "../../model/trait.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { segmentSubject } from "../../store/segmentSubject.ts";
import type { Store } from "../../store/storeApi.ts";
import { reportOf } from "../segmentOperations.ts";
import { nameOf } from "./profileName.ts";
import type {
  AudiencePoint,
  SegmentAnswer,
  SegmentExplainAnswer,
  SegmentMembersAnswer,
  SegmentsAnswer,
} from "./segmentWire.ts";

type SegmentStore = Pick<Store, "profiles" | "audiences">;

const dayMs = 86_400_000;
/** Time shown beside each segment of the list, and on the page of one. */
const listSpanMs = dayMs;
const pageSpanMs = 30 * dayMs;
/** Points of a chart; of more, every n-th is told and the newest. */
const maxPoints = 400;
const maxListPoints = 60;
const rebuildRetrySeconds = 5;

/** Every segment, by name. */
export function segmentList(
  { profiles, audiences }: SegmentStore,
  namespace: Namespace,
  nowMs: number,
): SegmentsAnswer {
  const sizes = new Map(audiences.sizes(namespace) ?? []);
  const plans = [...profiles.definitions.segments.byName.values()];
  const segments = plans
    .sort((left, right) => (left.name < right.name ? -1 : 1))
    .map(({ name, clause }) => ({
      name,
      words: clause.words,
      size: sizes.get(name) ?? null,
      history: historyOf(audiences, namespace, name, nowMs - listSpanMs, maxListPoints),
    }));
  return { at: iso(nowMs), segments, nextCursor: null };
}

/** One segment. Throws Refusal not_found. */
export function segmentPage(
  { profiles, audiences }: SegmentStore,
  namespace: Namespace,
  name: string,
  nowMs: number,
): SegmentAnswer {
  const { clause } = planOf(profiles, name);
  return {
    at: iso(nowMs),
    name,
    words: clause.words,
    clauses: "of" in clause && Array.isArray(clause.of) ? clause.of.map(({ words }) => words) : [],
    kind: clause.kind,
    size: audiences.audience(namespace, name)?.size ?? null,
    history: historyOf(audiences, namespace, name, nowMs - pageSpanMs, maxPoints),
  };
}

/** The members of a segment as of the last commit, a page at a time. Throws Refusal not_found or profiles_rebuilding. */
export function segmentMembers(
  { profiles, audiences }: SegmentStore,
  namespace: Namespace,
  name: string,
  afterPid: number,
  limit: number,
): SegmentMembersAnswer {
  planOf(profiles, name);
  const page = audiences.members(namespace, name, afterPid, limit);
  if (page.kind === "rebuilding") throw rebuilding();
  return {
    members: page.profiles.map((profile) => ({
      profileId: profile.profileId,
      name: nameOf(readTraits(profile.state), profile.identifiers),
      identifiers: profile.identifiers.slice(0, 5),
      since: isoOrNull(profile.membership?.since.get(name) ?? null),
    })),
    nextCursor: page.nextPid === null ? null : String(page.nextPid),
  };
}

/** Why a profile is in the segment or is not, clause by clause. Throws Refusal not_found. */
export function segmentExplanation(
  { profiles }: SegmentStore,
  profile: StoredProfile,
  name: string,
  nowMs: number,
): SegmentExplainAnswer {
  planOf(profiles, name);
  const why = explainSegment(segmentSubject(profile), profile.definitions, name, nowMs);
  if (why === null) throw noSegment();
  return {
    at: iso(nowMs),
    profileId: profile.profileId,
    name: nameOf(readTraits(profile.state), profile.identifiers),
    since: isoOrNull(segmentsNow(profile, nowMs).since.get(name) ?? null),
    clause: reportOf(why),
  };
}

function planOf(profiles: Store["profiles"], name: string): SegmentPlan {
  const plan = profiles.definitions.segments.byName.get(name);
  if (plan === undefined) throw noSegment();
  return plan;
}

function noSegment(): Refusal {
  return new Refusal("not_found", { detail: "There is no segment of that name." });
}

function rebuilding(): Refusal {
  return new Refusal("profiles_rebuilding", { retryAfterSeconds: rebuildRetrySeconds });
}

function isoOrNull(timeMs: number | null): string | null {
  return timeMs === null ? null : iso(timeMs);
}

function historyOf(
  audiences: Store["audiences"],
  namespace: Namespace,
  name: string,
  sinceMs: number,
  most: number,
): readonly AudiencePoint[] {
  const all = audiences.audience(namespace, name, sinceMs)?.history ?? [];
  const step = Math.ceil(all.length / most);
  return all
    .filter((_size, at) => step <= 1 || at % step === 0 || at === all.length - 1)
    .map(({ atMs, size }) => ({ at: iso(Math.max(atMs, sinceMs)), size }));
}
