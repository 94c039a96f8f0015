/** A profile as `freshet profile` prints it for people. Pure. */
import type { WholeProfile } from "../admin/profileOperation.ts";
import type { IdentifierAnswer, JoinEvent } from "../admin/api/profileWire.ts";
import type { ConsentView, SuppressionView } from "../esp/consentView.ts";
import type { TraitView } from "../esp/profileView.ts";

/** Longer values are cut, so that a line stays a line. */
const maxValueLength = 120;

/** All of it, in sections. */
export function profileText(profile: WholeProfile): string {
  const { profileId, version, asOf, firstSeenAt, lastSeenAt, identifiers, traits, segments } = profile;
  const head = [
    `${profileId}  version ${version}  as of ${asOf}`,
    `first seen ${firstSeenAt ?? "never"}  last seen ${lastSeenAt ?? "never"}`,
  ];
  const more = profile.isWhole ? [] : ["(of its newest events alone; it has more)"];
  return `${[
    ...head,
    ...section("Identifiers", [...table(identifiers.map(identifierRow)), ...more]),
    ...section("Traits", table(Object.entries(traits).map(([name, trait]) => traitRow(name, trait)))),
    ...section("Segments", table(segments.map(({ name, since }) => [printable(name), `since ${since}`]))),
    ...section("Consent", table(Object.entries(profile.consent ?? {}).map(consentRow))),
    ...suppressed(profile.suppressions ?? []),
  ].join("\n")}\n`;
}

function consentRow([about, word]: readonly [string, ConsentView[string]]): readonly string[] {
  const { status, updatedAt, source, legalBasis, eventMessageId } = word;
  const origin = [
    ...(updatedAt === null ? [] : [`since ${updatedAt}`]),
    ...[source, eventMessageId].flatMap((text) => (text === null ? [] : [printable(text)])),
    ...(legalBasis === null ? [] : [`legal basis ${printable(legalBasis)}`]),
  ];
  return [printable(about), status, origin.join(", ")];
}

/** Most people are not suppressed: then there is no word about it. */
function suppressed(list: readonly SuppressionView[]): string[] {
  if (list.length === 0) return [];
  const rows = list.map(({ channel, reason, address, since, source, eventMessageId }) => [
    printable(channel),
    reason,
    address === null ? "every address" : printable(address),
    `since ${since}, ${printable(source)}, ${printable(eventMessageId)}`,
  ]);
  return section("Suppressed", table(rows));
}

function section(title: string, lines: readonly string[]): string[] {
  return ["", title, ...(lines.length === 0 ? ["  none"] : lines)];
}

/** Columns as wide as their widest entry, but for the last. */
function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, Math.min(cell.length, 48));
  return rows.map((row) => {
    const cells = row.map((cell, at) => (at === row.length - 1 ? cell : cell.padEnd(widths[at] ?? 0)));
    return `  ${cells.join("  ")}`.trimEnd();
  });
}

function identifierRow({ type, value, firstSeen, joinedBy, joinedTo }: IdentifierAnswer): readonly string[] {
  const seen = firstSeen === null ? "" : `first in ${eventWords(firstSeen)}`;
  const joined =
    joinedBy === null || joinedTo === null
      ? ""
      : `one with ${joinedTo.type}:${printable(joinedTo.value)} since ${eventWords(joinedBy)}`;
  return [type, printable(value), [seen, joined].filter((words) => words !== "").join("; ")];
}

function eventWords({ messageId, type, name, source, timestamp }: JoinEvent): string {
  const call = name === null ? type : `${type} ${printable(name)}`;
  return `${printable(messageId)} (${call}, ${printable(source)}, ${timestamp})`;
}

function traitRow(name: string, trait: TraitView): readonly string[] {
  return [printable(name), valueWords(trait.value), originWords(trait)];
}

function valueWords(value: TraitView["value"]): string {
  const text = printable(JSON.stringify(value));
  return text.length <= maxValueLength ? text : `${text.slice(0, maxValueLength - 1)}…`;
}

function originWords(trait: TraitView): string {
  const { ageMs, source, eventMessageId, updatedAt, servedFrom, computed } = trait;
  const level =
    servedFrom === "live" ? [] : [servedFrom === null ? "too old to be given" : levelWords[servedFrom]];
  const set =
    updatedAt === null || ageMs === null
      ? []
      : [`${ageWords(ageMs)} old`, printable(source ?? ""), printable(eventMessageId ?? "")];
  const made =
    computed === undefined
      ? []
      : [
          `computed of ${computed.eventCount} ${computed.eventCount === 1 ? "event" : "events"}`,
          ...(computed.window === null ? [] : [`window ${computed.window}`]),
          ...(computed.nextChangeAt === null ? [] : [`changes ${computed.nextChangeAt}`]),
          ...(computed.approximate ? ["approximate"] : []),
        ];
  return [...level, ...set, ...made].join(", ");
}

const levelWords = {
  lastKnown: "last known",
  segmentDefault: "default of a segment",
  default: "default",
} as const;

const units = [
  [86_400_000, "d"],
  [3_600_000, "h"],
  [60_000, "m"],
  [1_000, "s"],
] as const;

/** The two largest units: `3d 4h`. */
export function ageWords(ageMs: number): string {
  const words: string[] = [];
  let leftMs = ageMs;
  for (const [unitMs, unit] of units) {
    const count = Math.floor(leftMs / unitMs);
    leftMs -= count * unitMs;
    if (count > 0) words.push(`${count}${unit}`);
    if (words.length === 2 || (words.length === 1 && count === 0)) break;
  }
  return words.length === 0 ? "0s" : words.join(" ");
}

/** What people sent may hold anything; a terminal must not obey it. */
function printable(text: string): string {
  return text.replace(
    /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
