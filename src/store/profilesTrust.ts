/** Whether the profiles of a folder that is opened can be believed, or must be rebuilt from the journal. */
import { markOpened } from "./folder.ts";
import { profilesBeginWell } from "./profilesHeader.ts";

export interface TrustOptions {
  readonly folder: string;
  /** Opens and reads a profile folder in a process of its own, since a damaged file can end the process; false if it did. */
  readonly checkProfiles: (folder: string) => Promise<boolean>;
  readonly notice: (level: "warn" | "error", message: string) => void;
}

/** Marks the folder as opened; false if its profiles may have lost writes or are damaged. */
export async function profilesTrusted({ folder, checkProfiles, notice }: TrustOptions): Promise<boolean> {
  const last = markOpened(folder);
  if (last === "first" || (last === "clean" && profilesBeginWell(folder))) return true;
  if (last === "unclean-other-boot") {
    notice("warn", "the machine stopped while Freshet ran: profiles are rebuilt from the journal");
    return false;
  }
  const sound = await checkProfiles(folder);
  if (!sound) notice("error", "the profiles are damaged and will be rebuilt from the journal");
  return sound;
}
