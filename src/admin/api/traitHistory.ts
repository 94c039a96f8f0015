/** What a profile's traits were before, by the changes that its newest events made, in a bounded look. */
import { iso } from "../../esp/profileView.ts";
import type { Change } from "../../model/change.ts";
import type { Json } from "../../model/event.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { Profiles, StoredProfile } from "../../store/profiles.ts";
import type { TraitHistoryAnswer, TraitPoint } from "./profileWire.ts";

/** Events whose changes are looked at, the newest. */
const maxEvents = 300;
const historyPage = 100;
/** Points told of each trait, the newest. */
const maxPoints = 60;
/** Longer values are cut: this is for a chart and a list beside it. */
const maxTextLength = 160;

/** Every trait's former values, oldest first. Times never go back: an event that came late counts from when it came in. */
export function traitHistory(
  profiles: Profiles,
  changes: ChangeLog,
  profile: StoredProfile,
): TraitHistoryAnswer {
  const { seqs, isWhole } = newestSeqs(profiles, profile.pid);
  const points = new Map<string, TraitPoint[]>();
  let latestMs = 0;
  for (const seq of seqs) {
    const change = changeAt(changes, seq);
    // Before they were joined, what is one profile now had a history for each.
    if (change === null || change.profileId !== profile.profileId) continue;
    latestMs = Math.max(latestMs, change.timestampMs);
    for (const [name, { new: value }] of Object.entries(change.traits))
      noted(points, name).push(pointOf(change, value, latestMs));
  }
  return {
    traits: Object.fromEntries([...points].map(([name, list]) => [name, list.slice(-maxPoints)])),
    isWhole,
  };
}

function newestSeqs(
  profiles: Profiles,
  pid: number,
): { readonly seqs: readonly number[]; readonly isWhole: boolean } {
  const seqs: number[] = [];
  let cursor: string | null = null;
  do {
    const page: ReturnType<Profiles["history"]> = profiles.history(pid, cursor, historyPage);
    seqs.push(...page.events.map(({ seq }) => seq));
    cursor = page.nextCursor;
  } while (cursor !== null && seqs.length < maxEvents);
  return { seqs: seqs.toSorted((left, right) => left - right), isWhole: cursor === null };
}

function changeAt(changes: ChangeLog, seq: number): Change | null {
  if (seq <= changes.floor()) return null;
  const [change] = changes.read(seq - 1, 1).changes;
  return change?.seq === seq ? change : null;
}

function noted(points: Map<string, TraitPoint[]>, name: string): TraitPoint[] {
  const known = points.get(name);
  if (known !== undefined) return known;
  const list: TraitPoint[] = [];
  points.set(name, list);
  return list;
}

function pointOf({ event, cause }: Change, value: Json, atMs: number): TraitPoint {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return {
    at: iso(atMs),
    number: typeof value === "number" ? value : null,
    text: value === null ? null : cut(text),
    cause,
    event: event === null ? null : { type: event.type, name: event.name },
    eventMessageId: event?.messageId ?? null,
  };
}

function cut(text: string): string {
  if (text.length <= maxTextLength) return text;
  const head = text.slice(0, maxTextLength);
  return `${head.isWellFormed() ? head : head.slice(0, -1)}…`;
}
