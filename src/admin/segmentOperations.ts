/** The operations on segments. They only read, and decide every profile for the moment at which it is read. */
import type { Namespace } from "../model/event.ts";
import { segmentsNow } from "../esp/segmentView.ts";
import { explainSegment, type Explained } from "../model/segmentExplain.ts";
import type { Profiles, StoredProfile } from "../store/profiles.ts";
import { segmentsOfProfile, segmentSubject } from "../store/segmentSubject.ts";
import { checkDefinitions } from "./steadyDefinitions.ts";
import {
  OperationFailed,
  type ExplainedClause,
  type OperationParams,
  type Operations,
  type Outlet,
  type SegmentExplanation,
} from "./operation.ts";

export interface SegmentOperationsDeps {
  readonly profiles: Profiles;
  readonly nowMs: () => number;
  readonly renderProfile: (profile: StoredProfile) => unknown;
}

type Needed = "segments.list" | "segments.explain" | "segments.size" | "segments.export";

export function segmentOperations(deps: SegmentOperationsDeps): Required<Pick<Operations, Needed>> {
  const { profiles } = deps;
  return {
    "segments.list": () =>
      Promise.resolve(
        [...profiles.definitions.segments.byName.values()]
          .map(({ name, clause }) => ({ name, words: clause.words }))
          .sort((left, right) => (left.name < right.name ? -1 : 1)),
      ),
    "segments.explain": (params) => Promise.resolve(explained(deps, params)),
    "segments.size": async ({ namespace, segment }, outlet) => {
      const names = segment === null ? [...profiles.definitions.segments.byName.keys()].sort() : [segment];
      const sizes = new Map(names.map((name) => [name, 0]));
      if (segment !== null) checkName(profiles, segment);
      const read = await eachProfile(deps, namespace, outlet, (_, members) => {
        for (const name of members) if (sizes.has(name)) sizes.set(name, (sizes.get(name) ?? 0) + 1);
      });
      return { profiles: read, sizes: [...sizes].map(([name, size]) => ({ name, size })) };
    },
    "segments.export": async ({ namespace, segment }, outlet) => {
      checkName(profiles, segment);
      let count = 0;
      await eachProfile(deps, namespace, outlet, async (profile, members) => {
        if (!members.includes(segment)) return;
        count += 1;
        await outlet.item(deps.renderProfile(profile));
      });
      return { count };
    },
  };
}

const scanPage = 200;

/** Visits all profiles with the segments they are in; gives their number. */
async function eachProfile(
  { profiles, nowMs }: SegmentOperationsDeps,
  namespace: Namespace,
  outlet: Outlet,
  visit: (profile: StoredProfile, members: readonly string[]) => Promise<void> | void,
): Promise<number> {
  let count = 0;
  const { definitions } = profiles;
  for (let after: number | null = 0; after !== null && !outlet.signal.aborted;) {
    const page: ReturnType<Profiles["page"]> = profiles.page(namespace, after, scanPage);
    checkDefinitions(profiles, definitions);
    if (page.kind === "rebuilding") throw notReadable();
    for (const profile of page.profiles) await visit(profile, segmentsOfProfile(profile, nowMs()).members);
    count += page.profiles.length;
    after = page.nextPid;
    // A scan of many profiles must not keep the server from answering.
    await Bun.sleep(0);
  }
  return count;
}

function explained(
  { profiles, nowMs }: SegmentOperationsDeps,
  { segment, namespace, type, value }: OperationParams<"segments.explain">,
): SegmentExplanation | null {
  checkName(profiles, segment);
  const found = profiles.find(namespace, type, value);
  if (found.kind === "rebuilding") throw notReadable();
  if (found.kind === "missing") return null;
  const tMs = nowMs();
  const { profile } = found;
  const why = explainSegment(segmentSubject(profile), profile.definitions, segment, tMs);
  if (why === null) return null;
  const enteredMs = segmentsNow(profile, tMs).since.get(segment);
  return {
    segment,
    profileId: profile.profileId,
    at: iso(tMs),
    since: enteredMs === undefined ? null : iso(enteredMs),
    clause: reportOf(why),
  };
}

/** An explanation with its times as text. */
export function reportOf({ sinceMs, turnsAtMs, of, ...rest }: Explained): ExplainedClause {
  return {
    ...rest,
    since: sinceMs === null ? null : iso(sinceMs),
    turnsAt: turnsAtMs === null ? null : iso(turnsAtMs),
    of: of.map(reportOf),
  };
}

function checkName(profiles: Profiles, segment: string): void {
  const { byName, size } = profiles.definitions.segments;
  if (byName.has(segment)) return;
  const known = size === 0 ? "freshet.yaml declares none" : `known: ${[...byName.keys()].sort().join(", ")}`;
  throw new OperationFailed(`there is no segment ${segment}; ${known}`);
}

function notReadable(): OperationFailed {
  return new OperationFailed("profiles are not readable: they are rebuilt when the server runs");
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
