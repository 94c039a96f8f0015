/** The operation `profile`: a profile as a read gives it, with provenance, or with all that is known of why. */
import { everything, type VerboseProfileView } from "../esp/profileView.ts";
import { serveProfile, serveVerboseProfile } from "../esp/servedView.ts";
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

/** The profile in the form asked for; null: nobody has the identifier. Throws OperationFailed. */
export function readProfile(profiles: Profiles, params: OperationParams<"profile">, nowMs: number): unknown {
  const { namespace, type, value, view = "plain", maxAgeMs = null, traits = null } = params;
  const found = profiles.find(namespace, type, value);
  if (found.kind === "rebuilding")
    throw new OperationFailed("profiles are not readable: they are rebuilt when the server runs");
  if (found.kind === "missing") return null;
  const visible = { ...everything, traits };
  const asked = { nowMs, maxAgeMs };
  if (view === "plain") return serveProfile(found.profile, visible, asked).view;
  const verbose = serveVerboseProfile(found.profile, visible, asked);
  return view === "verbose" ? verbose : wholeProfile(profiles, found.profile, verbose);
}

function wholeProfile(profiles: Profiles, profile: StoredProfile, verbose: VerboseProfileView): WholeProfile {
  const { events, isWhole } = newestEvents(profiles, profile.pid);
  return { ...verbose, identifiers: joinsOf(verbose.identifiers, events), isWhole };
}
