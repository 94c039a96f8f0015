/** One profile in full, and its timeline, in bounded reads. */
import { renderEntry } from "../../esp/historyView.ts";
import { everything, renderProfile, renderVerboseProfile } from "../../esp/profileView.ts";
import type { Profiles, HistoryEntry, StoredProfile } from "../../store/profiles.ts";
import type { ProfileAnswer, TimelineAnswer } from "./profileWire.ts";
import { eventNames, nameKey } from "./eventNames.ts";
import { identityGraph } from "./identityGraph.ts";
import { joinsOf } from "./joins.ts";
import { nameOf } from "./profileName.ts";

/** Events looked through for why the identifiers are one. */
const maxJoinEvents = 1_000;
const historyPage = 200;
/** Events a request for a filtered timeline looks through. */
const maxFiltered = 1_000;

/** The profile with its provenance. */
export async function profileDetail(
  profiles: Profiles,
  profile: StoredProfile,
  nowMs: number,
): Promise<ProfileAnswer> {
  const { events, isWhole } = newestEvents(profiles, profile.pid);
  const verbose = renderVerboseProfile(profile, everything, nowMs);
  const raw = renderProfile(profile, everything, nowMs);
  const names = await eventNames(profiles, profile, Object.values(verbose.traits), events);
  return {
    ...verbose,
    name: nameOf(raw.traits, raw.identifiers),
    traits: mapValues(verbose.traits, (trait, key) => ({
      ...trait,
      declared: profile.definitions.declared.get(key)?.type ?? null,
      setBy: names.get(nameKey(trait)) ?? null,
    })),
    identifiers: joinsOf(verbose.identifiers, events, profile.definitions.identity),
    graph: identityGraph(verbose.identifiers, events, profile.definitions.identity),
    isWhole,
    raw,
  };
}

function mapValues<Value, Mapped>(
  entries: Readonly<Record<string, Value>>,
  map: (value: Value, key: string) => Mapped,
): Readonly<Record<string, Mapped>> {
  return Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, map(value, key)]));
}

/** The events that are looked through for the identifiers, newest first. */
export function newestEvents(
  profiles: Profiles,
  pid: number,
): { readonly events: readonly HistoryEntry[]; readonly isWhole: boolean } {
  const events: HistoryEntry[] = [];
  let cursor: string | null = null;
  do {
    const page: ReturnType<Profiles["history"]> = profiles.history(pid, cursor, historyPage);
    events.push(...page.events);
    cursor = page.nextCursor;
  } while (cursor !== null && events.length < maxJoinEvents);
  return { events, isWhole: cursor === null };
}

/** Which events of a timeline are asked for; null: all. */
export interface TimelineFilter {
  readonly type: string | null;
  /** Part of the event's name, in any case. */
  readonly name: string | null;
  readonly source: string | null;
}

/** Events newest first that pass the filter: at most `limit`, and no more than were found in a bounded look. */
export function timeline(
  profiles: Profiles,
  pid: number,
  filter: TimelineFilter,
  from: string | null,
  limit: number,
): TimelineAnswer {
  const found: HistoryEntry[] = [];
  let cursor = from;
  let looked = 0;
  do {
    // Never more than there is room for, so that the cursor stands right behind the last event taken.
    const page = profiles.history(pid, cursor, limit - found.length);
    found.push(...page.events.filter((entry) => passes(entry, filter)));
    looked += page.events.length;
    cursor = page.nextCursor;
  } while (cursor !== null && found.length < limit && looked < maxFiltered);
  return { events: found.map((entry) => renderEntry(entry, null)), nextCursor: cursor };
}

function passes(entry: HistoryEntry, { type, name, source }: TimelineFilter): boolean {
  return (
    (type === null || entry.type === type) &&
    (source === null || entry.source === source) &&
    (name === null || (entry.name ?? "").toLowerCase().includes(name.toLowerCase()))
  );
}
