/** What profiles have of a trait at one instant, in bounded memory; and what became of it since the scan before. Pure. */
import type { Json } from "../event.ts";
import { fewestPeople, typeOf, valueHash, valueTypes, type ValueType } from "./cells.ts";
import { distinctCount, noteDistinct, type Distinct } from "./distinct.ts";
import { countWords, draft, instantText, percentText, spanText, type Draft } from "./finding.ts";
import { certain, shareDeviation } from "./numbers.ts";
import { isIgnored, type AuditRules } from "./rules.ts";

/** Upper bounds of the steps of ages, milliseconds; the last step is beyond them. */
export const ageBoundsMs = [
  60_000, 600_000, 3_600_000, 21_600_000, 86_400_000, 259_200_000, 604_800_000, 2_592_000_000, 7_776_000_000,
  31_536_000_000,
] as const;

export interface TraitCell {
  /** Profiles that have a value. */
  present: number;
  /** Of those: older than the max age. */
  stale: number;
  /** How old a value may be; null: nothing is said. */
  maxAgeMs: number | null;
  /** Of those with an age: how many in each step. */
  ages: number[];
  types: Partial<Record<ValueType, number>>;
  distinct: Distinct;
}

/** All profiles, or those of a segment. */
export interface ScanCell {
  profiles: number;
  traits: Record<string, TraitCell>;
}

/** Names of traits that are told apart. */
const maxTraits = 300;

export function emptyScan(): ScanCell {
  return { profiles: 0, traits: {} };
}

/** A value of a trait as one profile has it. */
export interface TraitValue {
  readonly name: string;
  readonly value: Json;
  readonly ageMs: number | null;
  readonly maxAgeMs: number | null;
}

/** Counts a value; of segments only whether it is there and how old it is (`isBrief`). */
export function noteTrait(
  scan: ScanCell,
  { name, value, ageMs, maxAgeMs }: TraitValue,
  isBrief: boolean,
): void {
  let cell = traitOf(scan, name);
  if (cell === undefined) {
    if (Object.keys(scan.traits).length >= maxTraits) return;
    cell = {
      present: 0,
      stale: 0,
      maxAgeMs,
      ages: ageBoundsMs.map(() => 0).concat(0),
      types: {},
      distinct: [],
    };
    scan.traits[name] = cell;
  }
  cell.present += 1;
  cell.maxAgeMs = maxAgeMs;
  if (ageMs !== null) {
    if (maxAgeMs !== null && ageMs > maxAgeMs) cell.stale += 1;
    const step = ageBoundsMs.findIndex((bound) => ageMs <= bound);
    const at = step === -1 ? ageBoundsMs.length : step;
    cell.ages[at] = (cell.ages[at] ?? 0) + 1;
  }
  if (isBrief) return;
  const type = typeOf(value);
  cell.types[type] = (cell.types[type] ?? 0) + 1;
  if (value !== null && typeof value !== "object") noteDistinct(cell.distinct, valueHash(value));
}

function traitOf(scan: ScanCell | null, name: string): TraitCell | undefined {
  return scan !== null && Object.hasOwn(scan.traits, name) ? scan.traits[name] : undefined;
}

/** The scan without traits that too few have: a trait's name may be a person's own words. */
export function sayable({ profiles, traits }: ScanCell): ScanCell {
  const said = Object.entries(traits).filter(([, { present }]) => present >= fewestPeople);
  return { profiles, traits: Object.fromEntries(said) };
}

/** A scan and the one of the day before. */
export interface ComparedScans {
  /** Empty for all profiles. */
  readonly segment: string;
  readonly now: ScanCell;
  readonly before: ScanCell | null;
  readonly atMs: number;
  readonly beforeAtMs: number;
}

/** Profiles of which fewer say nothing. */
const fewestProfiles = 50;

export function judgeScan(scans: ComparedScans, rules: AuditRules): Draft[] {
  const names = new Set([...Object.keys(scans.now.traits), ...Object.keys(scans.before?.traits ?? {})]);
  for (const { trait } of rules.traits) names.add(trait);
  const found = [
    ...sizeOf(scans, rules),
    ...[...names].flatMap((name) => [
      ...coverageOf(scans, name, rules),
      ...staleOf(scans, name, rules),
      ...typesOf(scans, name, rules),
    ]),
  ];
  return found.filter(({ key }) => !isIgnored(key, rules.ignore));
}

/** A segment that halved or doubled since the day before. */
function* sizeOf(
  { segment, now, before, atMs, beforeAtMs }: ComparedScans,
  rules: AuditRules,
): Generator<Draft> {
  if (segment === "" || before === null) return;
  const size = now.profiles;
  const sizeBefore = before.profiles;
  if (Math.max(size, sizeBefore) < fewestProfiles) return;
  const quotient = Math.log((size + 0.5) / (sizeBefore + 0.5));
  const fall = -Math.log(Math.max(0.01, 1 - rules.volumePercent / 100));
  const chance = certain * Math.sqrt(1 / Math.max(1, size) + 1 / Math.max(1, sizeBefore));
  if (Math.abs(quotient) < Math.max(quotient < 0 ? fall : Math.max(fall, Math.LN2), chance)) return;
  yield draft({
    about: [segment],
    kind: "segment",
    sentence: `The segment ${segment} has ${countWords(size)} profiles at ${instantText(atMs)}; at ${instantText(beforeAtMs)} it had ${countWords(sizeBefore)}.`,
    advice:
      "Look at its rule and at the traits and events that it reads, before something is sent to it; `freshet segments explain` says for one profile why.",
    value: size,
    expected: sizeBefore,
    sinceMs: beforeAtMs,
    segment,
  });
}

function* coverageOf(scans: ComparedScans, trait: string, rules: AuditRules): Generator<Draft> {
  const { segment, now, before, atMs, beforeAtMs } = scans;
  if (now.profiles < fewestProfiles) return;
  const share = (traitOf(now, trait)?.present ?? 0) / now.profiles;
  const expectation = rules.traits.find((known) => known.trait === trait)?.coveragePercent ?? null;
  const least = expectation === null || segment !== "" ? null : expectation / 100;
  const fell =
    before !== null && before.profiles >= fewestProfiles
      ? (traitOf(before, trait)?.present ?? 0) / before.profiles
      : null;
  const chance = fell === null ? 0 : shareDeviation(share, now.profiles, fell, before?.profiles ?? 0);
  const hasFallen =
    fell !== null && (fell - share) * 100 >= rules.coveragePoints && fell - share >= certain * chance;
  const isBelow = least !== null && share < least;
  if (!hasFallen && !isBelow) return;
  const measure = isBelow
    ? `at least ${percentText(least)} are expected`
    : `at ${instantText(beforeAtMs)} it were ${percentText(fell ?? 0)}`;
  yield draft({
    about: segment === "" ? [trait] : [trait, segment],
    kind: "coverage",
    sentence: `${percentText(share)} of the ${countWords(now.profiles)} profiles${within(segment)} have ${trait} at ${instantText(atMs)}; ${measure}.`,
    advice: `Look at the events that set ${trait} (\`freshet profile\` tells which one set a value), and at its rule if it is computed. Until then segments and content go without it, or with its default.`,
    value: share * 100,
    expected: (isBelow ? least : (fell ?? 0)) * 100,
    sinceMs: isBelow ? atMs : beforeAtMs,
    trait,
    segment: segment === "" ? null : segment,
  });
}

function* staleOf(scans: ComparedScans, trait: string, rules: AuditRules): Generator<Draft> {
  const { segment, now, before, atMs, beforeAtMs } = scans;
  const cell = traitOf(now, trait);
  if (cell === undefined || cell.maxAgeMs === null || cell.present < fewestProfiles) return;
  const share = cell.stale / cell.present;
  const expectation = rules.traits.find((known) => known.trait === trait)?.stalePercent ?? null;
  const isOver = expectation !== null && segment === "" && share * 100 > expectation;
  const cellBefore = traitOf(before, trait);
  const was =
    cellBefore === undefined || cellBefore.present < fewestProfiles || cellBefore.maxAgeMs !== cell.maxAgeMs
      ? null
      : cellBefore.stale / cellBefore.present;
  const hasRisen =
    was !== null &&
    (share - was) * 100 >= rules.stalePoints &&
    share - was >= certain * shareDeviation(share, cell.present, was, cellBefore?.present ?? 0);
  if (!isOver && !hasRisen) return;
  const measure = isOver
    ? `at most ${expectation} % are expected`
    : `at ${instantText(beforeAtMs)} it were ${percentText(was ?? 0)}`;
  yield draft({
    about: segment === "" ? [trait] : [trait, segment],
    kind: "stale",
    sentence: `${percentText(share)} of the ${countWords(cell.present)} values of ${trait}${within(segment)} are older than ${spanText(cell.maxAgeMs)} at ${instantText(atMs)}; ${measure}.`,
    advice: `What refreshes ${trait} seems to have stopped: look at the source that sets it. Reads serve the last known value, then the default.`,
    value: share * 100,
    expected: isOver ? expectation : (was ?? 0) * 100,
    sinceMs: isOver ? atMs : beforeAtMs,
    trait,
    segment: segment === "" ? null : segment,
  });
}

function* typesOf(scans: ComparedScans, trait: string, rules: AuditRules): Generator<Draft> {
  const { segment, now, before, atMs } = scans;
  const cell = traitOf(now, trait);
  const cellBefore = traitOf(before, trait);
  if (segment !== "" || cell === undefined || cellBefore === undefined || cellBefore.present < fewestProfiles)
    return;
  for (const type of valueTypes) {
    const count = cell.types[type] ?? 0;
    const share = count / cell.present;
    if (count < 5 || share * 100 < rules.typePercent) continue;
    if ((cellBefore.types[type] ?? 0) / cellBefore.present > share / 10) continue;
    const usual = valueTypes.filter((other) => (cellBefore.types[other] ?? 0) > 0).join(" or ");
    yield draft({
      about: [trait],
      kind: "traitTypes",
      sentence: `${trait} is ${type} in ${percentText(share)} of the ${countWords(cell.present)} profiles that have it at ${instantText(atMs)}; the day before it was ${usual}.`,
      advice: `Declare the type of ${trait} in freshet.yaml: a value of another type is then held back, and coerce makes numbers of texts.`,
      value: share * 100,
      expected: 0,
      sinceMs: scans.beforeAtMs,
      trait,
    });
  }
}

function within(segment: string): string {
  return segment === "" ? "" : ` in the segment ${segment}`;
}

/** What a page shows of a trait. */
export function distinctOf(cell: TraitCell): number {
  return distinctCount(cell.distinct);
}
