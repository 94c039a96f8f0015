/** What an operator asks about who is who: why two identifiers are one profile, what events to come would join. */
import { edgesOf, type Edge } from "../model/edge.ts";
import type { Namespace } from "../model/event.ts";
import { explainIdentity, type Explained, type ExplainedIdentity } from "../model/explainIdentity.ts";
import type { Identifier } from "../model/identifier.ts";
import { planJoins, type JoinPlan, type PlannedLink } from "../model/joinPlan.ts";
import type { Profiles, StoredProfile } from "../store/profiles.ts";
import { OperationFailed } from "./operation.ts";

/** Events of a profile that an explanation reads, the newest; more are not looked at, and that is said. */
const maxEvents = 20_000;
const pageEvents = 1_000;

/** Why two identifiers lead to one profile, or to two. */
export function explain(
  profiles: Profiles,
  namespace: Namespace,
  a: Identifier,
  b: Identifier,
): ExplainedIdentity {
  const [left, right] = [a, b].map((identifier) => explained(profiles, namespace, identifier));
  if (left === undefined || right === undefined) throw new OperationFailed("two identifiers are needed");
  return { explanation: explainIdentity(left, right), isWhole: left.isWhole && right.isWhole };
}

/** What the events say would join, as if a trusted source sent them. */
export function plan(profiles: Profiles, namespace: Namespace, links: readonly PlannedLink[]): JoinPlan {
  const find = ({ type, value }: Identifier) => look(profiles, namespace, type, value);
  return planJoins(links, find, profiles.definitions.identity);
}

function explained(
  profiles: Profiles,
  namespace: Namespace,
  identifier: Identifier,
): Explained & { readonly isWhole: boolean } {
  const profile = look(profiles, namespace, identifier.type, identifier.value);
  if (profile === null) return { identifier, profileId: null, edges: [], isWhole: true };
  const { edges, isWhole } = edgesOfProfile(profiles, profile);
  return { identifier, profileId: profile.profileId, edges, isWhole };
}

/** The identity graph of a profile: every edge that its events make, the newest event first. */
function edgesOfProfile(
  profiles: Profiles,
  profile: StoredProfile,
): { readonly edges: readonly Edge[]; readonly isWhole: boolean } {
  const edges: Edge[] = [];
  let cursor: string | null = null;
  for (let read = 0; read < maxEvents; read += pageEvents) {
    const page: ReturnType<Profiles["history"]> = profiles.history(profile.pid, cursor, pageEvents);
    for (const event of page.events) edges.push(...edgesOf(event, profiles.definitions.identity));
    cursor = page.nextCursor;
    if (cursor === null) return { edges, isWhole: true };
  }
  return { edges, isWhole: false };
}

function look(profiles: Profiles, namespace: Namespace, type: string, value: string): StoredProfile | null {
  const found = profiles.find(namespace, type, value);
  if (found.kind === "rebuilding")
    throw new OperationFailed("profiles are not readable: they are rebuilt when the server runs");
  return found.kind === "missing" ? null : found.profile;
}
