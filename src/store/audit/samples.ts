/** Events and profiles to look at, for findings; and words for values that many events share. */
import { looksPersonal, typeOf as typeOfValue, valueHash } from "../../model/audit/cells.ts";
import { eventName } from "../../model/audit/dayTally.ts";
import type { Draft, Wanted } from "../../model/audit/finding.ts";
import type { ValueText } from "../../model/audit/judgeProperties.ts";
import type { AuditRules } from "../../model/audit/rules.ts";
import type { Event, Json } from "../../model/event.ts";
import { readTrait } from "../../model/trait.ts";
import { computedValue } from "../../model/computed.ts";
import type { Restore } from "../accept.ts";
import type { JournalReader } from "../journalReader.ts";
import type { Profiles, StoredProfile } from "../profiles.ts";
import { isFoldable, rowFlags, storedEvent, typeOf, type EventRow } from "../row.ts";
import type { AuditDeps } from "./auditDeps.ts";

const samplesEach = 5;
/** Rows that are looked through for them, the newest first. */
const maxRows = 100_000;
const pageRows = 2_000;
/** Profiles that are looked through. */
const maxProfiles = 20_000;
const pageProfiles = 200;
const longestWord = 40;

/** Words for a value of which an event is known; null where it might tell of a person. */
export function valueWords(journal: JournalReader, restore: Restore): ValueText {
  return (hash, seq) => {
    const row = journal.row(seq);
    const event = row === null ? null : eventOf(row, journal, restore);
    if (event === null) return null;
    const data = event.type === "identify" ? event.traits : event.properties;
    const value = Object.values(data).find(
      (candidate) => candidate !== null && typeof candidate !== "object" && valueHash(candidate) === hash,
    );
    if (value === undefined || value === null || typeof value === "object") return null;
    const text = String(value);
    return text.length > longestWord || looksPersonal(text) ? null : `“${text}”`;
  };
}

/** For each draft the newest events that it is about. */
export async function eventsFor(
  drafts: readonly Draft[],
  journal: JournalReader,
  deps: AuditDeps,
): Promise<number[][]> {
  const found = drafts.map((): number[] => []);
  const sinceMs = Math.min(...drafts.map(({ wanted }) => wanted?.sinceMs ?? Infinity));
  if (sinceMs === Infinity) return found;
  const head = journal.head();
  for (let end = head; end > Math.max(0, head - maxRows); end -= pageRows) {
    deps.signal.throwIfAborted();
    const rows = journal.rowsAfter(Math.max(0, end - pageRows), pageRows).filter(({ seq }) => seq <= end);
    for (const row of rows.toReversed()) look(row, drafts, found, journal, deps);
    const [oldest] = rows;
    const isFull = drafts.every(
      ({ wanted }, index) => wanted === null || (found[index]?.length ?? 0) >= samplesEach,
    );
    if (oldest === undefined || oldest.committed_at_ms < sinceMs || isFull) break;
    await deps.breathe();
  }
  return found;
}

function look(
  row: EventRow,
  drafts: readonly Draft[],
  found: readonly number[][],
  journal: JournalReader,
  { restore }: AuditDeps,
): void {
  if (!isFoldable(row) || (row.flags & (rowFlags.test | rowFlags.imported)) !== 0) return;
  const source = journal.sourceName(row.source);
  const name = eventName({ type: typeOf(row.flags), name: row.name });
  let event: Event | null = null;
  for (const [index, { wanted }] of drafts.entries()) {
    const list = found[index];
    if (wanted?.source !== source || wanted.event !== name) continue;
    if (list === undefined || list.length >= samplesEach) continue;
    event ??= eventOf(row, journal, restore);
    if (event !== null && event.receivedAtMs >= wanted.sinceMs && isWanted(event, wanted)) list.push(row.seq);
  }
}

function isWanted(event: Event, { property, is }: Wanted): boolean {
  if (property === null) return true;
  const value: Json = (event.type === "identify" ? event.traits : event.properties)[property] ?? null;
  switch (is.kind) {
    case "any":
      return value !== null;
    case "absent":
      return value === null;
    case "type":
      return value !== null && typeOfValue(value) === is.type;
    case "value":
      return value !== null && typeof value !== "object" && valueHash(value) === is.hash;
  }
}

function eventOf(row: EventRow, journal: JournalReader, restore: Restore): Event | null {
  if (!isFoldable(row)) return null;
  try {
    return restore(storedEvent(row, journal.sourceName(row.source)));
  } catch {
    return null;
  }
}

/** For each draft about a trait or a segment some profiles that it is about. */
export async function profilesFor(
  drafts: readonly Draft[],
  profiles: Pick<Profiles, "page">,
  rules: AuditRules,
  nowMs: number,
  deps: AuditDeps,
): Promise<number[][]> {
  const found = drafts.map((): number[] => []);
  const isMeant = ({ trait, segment }: Draft) => trait !== null || segment !== null;
  if (!drafts.some(isMeant)) return found;
  let seen = 0;
  for (let after: number | null = 0; after !== null && seen < maxProfiles;) {
    deps.signal.throwIfAborted();
    const page = profiles.page("live", after, pageProfiles);
    if (page.kind === "rebuilding") break;
    for (const profile of page.profiles)
      for (const [index, meant] of drafts.entries()) {
        const list = found[index];
        if (
          isMeant(meant) &&
          list !== undefined &&
          list.length < samplesEach &&
          isAbout(profile, meant, rules, nowMs)
        )
          list.push(profile.pid);
      }
    seen += page.profiles.length;
    after = page.nextPid;
    await deps.breathe();
  }
  return found;
}

function isAbout(
  { state, membership, definitions }: StoredProfile,
  { kind, trait, segment }: Draft,
  rules: AuditRules,
  nowMs: number,
): boolean {
  if (segment !== null && membership?.since.has(segment) !== true) return false;
  if (trait === null) return true;
  const reading = readTrait(state, trait);
  const computed = definitions.computed.find(({ name }) => name === trait);
  const value = computed === undefined ? (reading?.value ?? null) : computedValue(state, computed, nowMs);
  if (kind === "coverage") return value === null;
  if (kind !== "stale" || reading === undefined) return value !== null;
  const maxAgeMs =
    rules.traits.find((known) => known.trait === trait)?.maxAgeMs ??
    definitions.declared.get(trait)?.maxAgeMs;
  return nowMs - reading.updatedAtMs > (maxAgeMs ?? Infinity);
}
