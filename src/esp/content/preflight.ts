/**
 * A send before it is sent: a block rendered for everybody who would get it, and counted. Done in short turns between
 * which the server does everything else, in memory that does not grow with the audience; it leaves no receipts.
 */
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Namespace } from "../../model/event.ts";
import type { Profiles, StoredProfile } from "../../store/profiles.ts";
import { segmentsOfProfile } from "../../store/segmentSubject.ts";
import { parseIdentifier } from "../query.ts";
import type { Block } from "./block.ts";
import type { PreflightReport } from "./preflightReport.ts";
import { PreflightTally } from "./preflightTally.ts";
import { renderBlock, type Recipient } from "./renderBlock.ts";

/** For whom: a segment, everybody, or these. */
export type Audience =
  | { readonly kind: "segment"; readonly segment: string }
  | { readonly kind: "all" }
  | { readonly kind: "ids"; readonly ids: readonly string[] };

export interface PreflightDeps {
  readonly profiles: Pick<Profiles, "find" | "page" | "definitions">;
  /** The newest seq, to tell how far a walk over all profiles is. */
  readonly head: () => number;
  readonly clock: Clock;
  readonly sleep: (durationMs: number) => Promise<void>;
}

/** Most identifiers in one preflight; a segment may have any number. */
export const maxPreflightIds = 50_000;
/** A turn, and the pause after it: half of a core at most. */
const turnMs = 5;
const pauseMs = 5;
const pageSize = 50;

/** What came of it; `rebuilding`: profiles can't be read for the moment. */
export type Preflight =
  | { readonly kind: "done"; readonly report: PreflightReport }
  | { readonly kind: "noSegment"; readonly known: readonly string[] }
  | { readonly kind: "rebuilding" }
  | { readonly kind: "aborted" };

/** Renders for everybody; `progress` is told the share that is done. */
export async function preflight(
  block: Block,
  namespace: Namespace,
  audience: Audience,
  run: { readonly signal: AbortSignal; readonly progress: (share: number) => void },
  deps: PreflightDeps,
): Promise<Preflight> {
  const { profiles, clock } = deps;
  const segments = profiles.definitions.segments.byName;
  if (audience.kind === "segment" && !segments.has(audience.segment))
    return { kind: "noSegment", known: [...segments.keys()].sort() };
  const tally = new PreflightTally(
    block,
    block.head.needs.map(({ name }) => name),
  );
  const nowMs = clock.nowMs();
  const add = (who: string, recipient: Recipient) => {
    const startMs = clock.monotonicMs();
    const rendered = renderBlock(block, recipient, nowMs);
    tally.add(who, rendered, (clock.monotonicMs() - startMs) * 1_000);
  };
  const recipients =
    audience.kind === "ids"
      ? namedOnes(audience.ids, namespace, deps)
      : everyone(namespace, audience.kind === "all" ? null : audience.segment, nowMs, deps);
  let turnEndsMs = clock.monotonicMs() + turnMs;
  for (const step of recipients) {
    if (step.kind === "rebuilding") return step;
    if (step.kind === "one") add(step.who, step.recipient);
    if (clock.monotonicMs() < turnEndsMs) continue;
    run.progress(step.share);
    await deps.sleep(pauseMs);
    if (run.signal.aborted) return { kind: "aborted" };
    turnEndsMs = clock.monotonicMs() + turnMs;
  }
  run.progress(1);
  return { kind: "done", report: tally.report() };
}

type Step =
  | { readonly kind: "one"; readonly who: string; readonly recipient: Recipient; readonly share: number }
  /** A profile that is not in the audience. */
  | { readonly kind: "none"; readonly share: number }
  | { readonly kind: "rebuilding" };

function* namedOnes(ids: readonly string[], namespace: Namespace, deps: PreflightDeps): Generator<Step> {
  for (const [index, id] of ids.entries()) {
    const recipient = named(id, namespace, deps);
    if (recipient.kind === "rebuilding") return yield { kind: "rebuilding" };
    yield { kind: "one", who: id, recipient, share: index / ids.length };
  }
}

function named(id: string, namespace: Namespace, { profiles }: PreflightDeps): Recipient {
  try {
    const { type, value } = parseIdentifier(id, false, profiles.definitions.identity.idTypes);
    const found = profiles.find(namespace, type, value);
    if (found.kind === "found") return { kind: "profile", profile: found.profile };
    return { kind: found.kind === "missing" ? "unknown" : "rebuilding" };
  } catch (error) {
    if (error instanceof Refusal) return { kind: "unknown" };
    throw error;
  }
}

function* everyone(
  namespace: Namespace,
  segment: string | null,
  nowMs: number,
  { profiles, head }: PreflightDeps,
): Generator<Step> {
  for (let after: number | null = 0; after !== null;) {
    const page: ReturnType<Profiles["page"]> = profiles.page(namespace, after, pageSize);
    if (page.kind === "rebuilding") return yield { kind: "rebuilding" };
    for (const profile of page.profiles) {
      const share = Math.min(1, profile.pid / Math.max(1, head()));
      if (segment === null || isMember(profile, segment, nowMs))
        yield {
          kind: "one",
          who: `profile_id:${profile.profileId}`,
          recipient: { kind: "profile", profile },
          share,
        };
      else yield { kind: "none", share };
    }
    after = page.nextPid;
  }
}

function isMember(profile: StoredProfile, segment: string, nowMs: number): boolean {
  return segmentsOfProfile(profile, nowMs).members.includes(segment);
}
