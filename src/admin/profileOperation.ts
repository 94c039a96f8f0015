/** The operation `profile`: a profile as a read gives it, with provenance, or with all that is known of why. */
import { everything, type VerboseProfileView } from "../esp/profileView.ts";
import { serveProfile, serveVerboseProfile } from "../esp/servedView.ts";
import { maxRowsAt, type FindAt } from "../store/profileAt.ts";
import type { Profiles, StoredProfile } from "../store/profiles.ts";
import { joinsOf } from "./api/joins.ts";
import { newestEvents } from "./api/profileDetail.ts";
import type { IdentifierAnswer } from "./api/profileWire.ts";
import { OperationFailed, type OperationParams } from "./operation.ts";

/** A profile with the origin of everything in it, for people. */
export interface WholeProfile extends Omit<VerboseProfileView, "identifiers"> {
  readonly identifiers: readonly IdentifierAnswer[];
  /** False where there are more events than were looked through for the identifiers. */
  readonly isWhole: boolean;
}

export interface ProfileReadDeps {
  readonly profiles: Profiles;
  readonly findAt: FindAt;
  readonly nowMs: () => number;
}

/** The profile in the form asked for; null: nobody has, or had, the identifier. Throws OperationFailed. */
export async function readProfile(
  deps: ProfileReadDeps,
  params: OperationParams<"profile">,
): Promise<unknown> {
  const { view = "plain", maxAgeMs = null, traits = null, atMs } = params;
  const profile = await lookUp(deps, params);
  if (profile === null) return null;
  const visible = { ...everything, traits };
  const asked = { nowMs: atMs ?? deps.nowMs(), maxAgeMs };
  if (view === "plain") return serveProfile(profile, visible, asked).view;
  const verbose = serveVerboseProfile(profile, visible, asked);
  return view === "verbose" ? verbose : wholeProfile(deps.profiles, profile, verbose, asked.nowMs);
}

async function lookUp(
  { profiles, findAt, nowMs }: ProfileReadDeps,
  { namespace, type, value, atMs }: OperationParams<"profile">,
): Promise<StoredProfile | null> {
  if (atMs !== undefined && atMs > nowMs()) throw new OperationFailed("that time lies in the future");
  const found =
    atMs === undefined ? profiles.find(namespace, type, value) : await findAt(namespace, type, value, atMs);
  switch (found.kind) {
    case "found":
      return found.profile;
    case "missing":
      return null;
    case "rebuilding":
      throw new OperationFailed("profiles are not readable: they are rebuilt when the server runs");
    case "beforeHistory":
      throw new OperationFailed("the journal begins later than that");
    case "tooMany":
      throw new OperationFailed(
        `more than ${maxRowsAt} events are tied to the profile: too many to look back through`,
      );
    case "busy":
      throw new OperationFailed("the server is looking back for others; try again in a moment");
  }
}

function wholeProfile(
  profiles: Profiles,
  profile: StoredProfile,
  verbose: VerboseProfileView,
  atMs: number,
): WholeProfile {
  const { events: newest, isWhole } = newestEvents(profiles, profile.pid);
  const events = newest.filter(({ committedAtMs }) => committedAtMs <= atMs);
  return {
    ...verbose,
    identifiers: joinsOf(verbose.identifiers, events, profile.definitions.identity),
    isWhole,
  };
}
