/** Who is in a segment, how many, and how many there were. */
import type { Namespace } from "../model/event.ts";
import type { AudienceSize, JournalReader } from "./journalReader.ts";
import type { Profiles, StoredProfile } from "./profiles.ts";
import type { ProfilesReader } from "./profilesReader.ts";

/** One segment's audience. */
export interface Audience {
  readonly segment: string;
  /** Profiles in it as of the last commit; null while profiles are rebuilt. */
  readonly size: number | null;
  /** Sizes over time, oldest first; each holds until the next. Times in milliseconds. */
  readonly history: readonly AudienceSize[];
}

export interface Audiences {
  /** Every segment there is, by name, with the size of its audience; null while profiles are rebuilt. */
  sizes(namespace: Namespace): readonly (readonly [segment: string, size: number])[] | null;
  /** One segment's audience, with its sizes since `sinceMs`; undefined: there is no such segment. */
  audience(namespace: Namespace, segment: string, sinceMs?: number): Audience | undefined;
  /** The profiles of a segment in pid order after `afterPid`, at most `limit`; short reads. */
  members(namespace: Namespace, segment: string, afterPid: number, limit: number): MembersPage;
}

export type MembersPage = ReturnType<Profiles["page"]>;

export function audiencesOf(journal: JournalReader, profiles: ProfilesReader): Audiences {
  return {
    sizes: (namespace) => profiles.audienceSizes(namespace),
    audience: (namespace, segment, sinceMs = 0) => {
      if (!profiles.segmentNames().includes(segment)) return undefined;
      const sizes = profiles.audienceSizes(namespace);
      const size = sizes === null ? null : (sizes.find(([name]) => name === segment)?.[1] ?? 0);
      return { segment, size, history: journal.audienceHistory(namespace, segment, sinceMs) };
    },
    members: (namespace, segment, afterPid, limit) => {
      const pids = profiles.membersOf(namespace, segment, afterPid, limit);
      if (pids === null) return { kind: "rebuilding" };
      const found = pids.map((pid) => profiles.byPid(pid)).filter((profile) => profile !== undefined);
      const nextPid = pids.length < limit ? null : (pids.at(-1) ?? null);
      return { kind: "page", profiles: found satisfies readonly StoredProfile[], nextPid };
    },
  };
}
