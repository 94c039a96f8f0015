/** The events, profiles and rows that a finding is about, read from journal and profiles as they are now. */
import { canonicalJson } from "../../model/canonicalJson.ts";
import { eventName } from "../../model/audit/dayTally.ts";
import type { Json, JsonObject } from "../../model/event.ts";
import type { CrossCheck } from "../../model/audit/rules.ts";
import type { AuditReport } from "../../store/audit/auditJob.ts";
import type { AuditRun, KeptFinding } from "../../store/audit/auditRoom.ts";
import type { TellableFact } from "../../store/audit/tallied.ts";
import type { JournalReader } from "../../store/journalReader.ts";
import { profileIds } from "../../store/profileId.ts";
import type { Profiles } from "../../store/profiles.ts";
import { rowKind, typeOf, type EventRow } from "../../store/row.ts";
import type { WatchDeps } from "../audits/watchDeps.ts";
import type { DifferingRow, FindingDetailAnswer, FindingEvent } from "./auditWire.ts";

const longestValue = 200;

/** What was erased since is not there any more. */
export async function findingDetail(
  finding: KeptFinding,
  run: AuditRun,
  { audits, ops, openJournal }: WatchDeps,
  profiles: Pick<Profiles, "find">,
): Promise<Omit<FindingDetailAnswer, "finding">> {
  const check = audits.rules.crossChecks.find(({ name }) => finding.key === `crossCheck:${name}`);
  // Written by Audits alone.
  const told = (run.report as AuditReport).crossChecks.find(({ name }) => name === check?.name);
  const facts = told === undefined ? [] : await ops.ask("audits", "facts", told.name, told.keys);
  using journal = openJournal();
  const ids = profileIds(journal.journalId);
  return {
    events: finding.seqs.flatMap((seq) => eventAt(seq, finding.property, journal) ?? []),
    profiles: finding.pids.flatMap((pid) => {
      const profileId = ids.encode(pid);
      const found = profiles.find("live", "profile_id", profileId);
      return found.kind === "found" ? [{ profileId, identifiers: found.profile.identifiers }] : [];
    }),
    rows: check === undefined ? [] : rowsOf(check, facts, journal),
  };
}

function rowsOf(check: CrossCheck, facts: readonly TellableFact[], journal: JournalReader): DifferingRow[] {
  const keys = [...new Set(facts.map(({ key }) => key))];
  return keys.flatMap((key) => {
    const of = (side: 0 | 1) => facts.find((fact) => fact.key === key && fact.side === side);
    const left = sideOf(of(0), check.left.property, journal);
    const right = sideOf(of(1), check.right.property, journal);
    const row = journal.row(of(0)?.seq ?? of(1)?.seq ?? 0);
    const name = row === null ? null : valueIn(row, check.key);
    return name === null ? [] : [{ key: plain(name), left, right }];
  });
}

function sideOf(
  fact: TellableFact | undefined,
  property: string,
  journal: JournalReader,
): FindingEvent | null {
  return fact === undefined ? null : eventAt(fact.seq, property, journal);
}

function eventAt(seq: number, property: string | null, journal: JournalReader): FindingEvent | null {
  const row = journal.row(seq);
  if (row === null || row.kind !== rowKind.event || row.body === null || row.message_id === null) return null;
  const value = property === null ? null : valueIn(row, property);
  return {
    seq,
    messageId: row.message_id,
    profileId: row.pid === null ? null : profileIds(journal.journalId).encode(row.pid),
    source: journal.sourceName(row.source),
    name: eventName({ type: typeOf(row.flags), name: row.name }),
    receivedAt: new Date(row.received_at_ms ?? row.timestamp_ms).toISOString(),
    value: value === null ? null : plain(value),
  };
}

/** A property of the event, or a trait of an identify; null: it has none. */
function valueIn({ body }: EventRow, property: string): Json {
  if (body === null) return null;
  const envelope = JSON.parse(Buffer.from(body).toString("utf8")) as JsonObject;
  for (const part of [envelope["properties"], envelope["traits"]]) {
    if (typeof part !== "object" || part === null || Array.isArray(part)) continue;
    const found = (part as JsonObject)[property];
    if (found !== undefined) return found;
  }
  return null;
}

function plain(value: Json): string {
  const text = typeof value === "string" ? value : canonicalJson(value);
  return text.length > longestValue ? `${text.slice(0, longestValue)}…` : text;
}
