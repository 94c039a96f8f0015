/** Profiles for the page: found by any identifier, or the ones that changed last. */
import { Refusal } from "../../errors.ts";
import { parseIdentifier } from "../../esp/query.ts";
import { iso } from "../../esp/profileView.ts";
import type { Namespace } from "../../model/event.ts";
import { readTraits } from "../../model/trait.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { Profiles, StoredProfile } from "../../store/profiles.ts";
import { nameOf } from "./profileName.ts";
import type { ProfileLine } from "./profileWire.ts";

/** Types tried, in this order, for a text that names none. */
const triedTypes = ["user_id", "email", "anonymous_id", "profile_id", "email_sha256"] as const;
const rebuildRetrySeconds = 5;
/** Changes looked through for the profiles that changed last. */
const lookedThrough = 500;
const maxRecent = 25;

/** The profile that a text leads to: `type:value`, or a bare value of any type. Throws Refusal profile_not_found. */
export function findProfile(profiles: Profiles, namespace: Namespace, text: string): StoredProfile {
  const trimmed = text.trim();
  const type = trimmed.slice(0, Math.max(0, trimmed.indexOf(":")));
  if (profiles.definitions.identity.idTypes.has(type)) {
    const identifier = parseIdentifier(trimmed, false, profiles.definitions.identity.idTypes);
    const found = look(profiles, namespace, identifier.type, identifier.value);
    if (found !== null) return found;
  }
  const { types } = profiles.definitions.identity;
  for (const tried of new Set([...triedTypes, ...types.keys()])) {
    const found = trimmed === "" ? null : look(profiles, namespace, tried, trimmed);
    if (found !== null) return found;
  }
  throw new Refusal("profile_not_found");
}

function look(profiles: Profiles, namespace: Namespace, type: string, value: string): StoredProfile | null {
  const { value: sound } = parseIdentifier(`${type}:${value}`, false, profiles.definitions.identity.idTypes);
  const found = profiles.find(namespace, type, sound);
  if (found.kind === "rebuilding")
    throw new Refusal("profiles_rebuilding", { retryAfterSeconds: rebuildRetrySeconds });
  return found.kind === "found" ? found.profile : null;
}

/** The profiles that changed last, the newest first, each once. */
export function recentProfiles(
  profiles: Profiles,
  changes: ChangeLog,
  namespace: Namespace,
): readonly ProfileLine[] {
  const from = Math.max(changes.floor(), changes.head() - lookedThrough);
  const newestFirst = changes.read(from, lookedThrough).changes.toReversed();
  const lines = new Map<string, ProfileLine>();
  for (const change of newestFirst) {
    if (lines.size >= maxRecent) break;
    if (change.namespace !== namespace || lines.has(change.profileId)) continue;
    const found = profiles.find(namespace, "profile_id", change.profileId);
    if (found.kind === "found" && !lines.has(found.profile.profileId))
      lines.set(found.profile.profileId, lineOf(found.profile, change.committedAtMs));
  }
  return [...lines.values()];
}

function lineOf({ profileId, identifiers, state }: StoredProfile, changedAtMs: number): ProfileLine {
  const isSeen = Math.abs(state.last) !== Number.MAX_SAFE_INTEGER;
  return {
    profileId,
    name: nameOf(readTraits(state), identifiers),
    identifiers: identifiers.slice(0, 5),
    changedAt: iso(changedAtMs),
    lastSeenAt: isSeen ? iso(state.last) : null,
    traitCount: Object.keys(state.traits).length,
  };
}
