/** What a block needs of somebody, read out of where it stands. Pure. */
import { earlier } from "../../lib/earlier.ts";
import { isTimeZone } from "../../lib/localDay.ts";
import { valueAt } from "../../model/computed.ts";
import type { AgedValue, Freshness } from "../../model/freshness.ts";
import { readTrait } from "../../model/trait.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { segmentsOfProfile } from "../../store/segmentSubject.ts";
import type { Block } from "./block.ts";
import { isLocale } from "./filters.ts";
import type { OfPerson } from "./frontMatter.ts";
import type { Made } from "./renderMemory.ts";

/** Values by trait, for a recipient who is made up: a case of a test, or one level of a preview. */
export interface GivenValues {
  readonly traits: Readonly<Record<string, AgedValue>>;
  readonly segments: readonly string[];
}

/** Values as they were read, for a block. */
export interface BlockReading {
  readonly values: ReadonlyMap<string, AgedValue>;
  /** What is declared of each, where anything is. */
  readonly declared: ReadonlyMap<string, Freshness>;
  /** Segments, as far as the block asks for any. */
  readonly members: readonly string[];
  readonly locale: string;
  readonly timeZone: string;
  /** The first instant at which it may be another though nothing happens; null: there is none. */
  readonly validUntilMs: number | null;
  /** What was made of it while all values were live, once that is known; null where the hour went in. */
  whole: Whole | null;
}

/** What is made of values that are all live. */
export interface Whole {
  readonly made: Made;
  readonly data: BlockData;
  /** `data` as JSON. */
  readonly dataText: string;
}

export type BlockData = Readonly<Record<string, AgedValue["value"]>>;

/** A reading of somebody known, for which block and of which profile. */
export interface ProfileReading extends BlockReading {
  readonly block: Block;
  readonly profileId: string;
  readonly profileVersion: number;
}

/** Of a trait that is not there. */
export const noValue: AgedValue = { value: null, updatedAtMs: null };

/** What a block reads of a profile. */
export function readProfile(block: Block, profile: StoredProfile, nowMs: number): ProfileReading {
  const { definitions } = profile;
  const values = new Map<string, AgedValue>();
  const declared = new Map<string, Freshness>();
  let validUntilMs: number | null = null;
  for (const name of namesOf(block)) {
    const { value, untilMs } = readOne(profile, name, nowMs);
    values.set(name, value);
    validUntilMs = earlier(validUntilMs, untilMs);
    const freshness = definitions.declared.get(name);
    if (freshness !== undefined) declared.set(name, freshness);
  }
  const { members, nextAtMs } = asksForSegments(block, declared)
    ? segmentsOfProfile(profile, nowMs)
    : { members: [], nextAtMs: null };
  return {
    block,
    profileId: profile.profileId,
    profileVersion: profile.version,
    validUntilMs: earlier(validUntilMs, nextAtMs),
    ...readingOf(block, values, declared, members),
  };
}

/** The same of values that somebody made up. */
export function readGiven(block: Block, { traits, segments }: GivenValues): BlockReading {
  const values = new Map(
    namesOf(block).map((name) => [name, (Object.hasOwn(traits, name) && traits[name]) || noValue] as const),
  );
  return { validUntilMs: null, ...readingOf(block, values, new Map(), segments) };
}

/** The same of nobody. */
export function readNobody(block: Block): BlockReading {
  return readGiven(block, { traits: {}, segments: [] });
}

function readingOf(
  { head }: Block,
  values: ReadonlyMap<string, AgedValue>,
  declared: ReadonlyMap<string, Freshness>,
  members: readonly string[],
): Omit<BlockReading, "validUntilMs"> {
  return {
    values,
    declared,
    members,
    locale: settingOf(head.locale, values, isLocale),
    timeZone: settingOf(head.timeZone, values, isTimeZone),
    whole: null,
  };
}

function namesOf({ head }: Block): readonly string[] {
  const settings = [head.locale.trait, head.timeZone.trait].filter((name) => name !== null);
  return [...head.needs.map(({ name }) => name), ...settings];
}

function readOne(
  { state, definitions }: StoredProfile,
  name: string,
  nowMs: number,
): { readonly value: AgedValue; readonly untilMs: number | null } {
  const trait = definitions.names.has(name)
    ? definitions.computed.find((candidate) => candidate.name === name)
    : undefined;
  const computed = trait && valueAt(state, trait, nowMs);
  const untilMs = trait?.moves === true ? (computed?.nextChangeAtMs ?? null) : null;
  const found = computed !== undefined && computed.value !== null ? computed : readTrait(state, name);
  if (found === undefined || found.value === null) return { value: noValue, untilMs };
  return { value: { value: found.value, updatedAtMs: found.updatedAtMs }, untilMs };
}

function settingOf(
  { trait, default: given }: OfPerson,
  values: ReadonlyMap<string, AgedValue>,
  isUsable: (text: string) => boolean,
): string {
  if (trait === null) return given;
  const value = values.get(trait)?.value;
  return typeof value === "string" && isUsable(value) ? value : given;
}

function asksForSegments({ head }: Block, declared: ReadonlyMap<string, Freshness>): boolean {
  return (
    head.fallbackBySegment.length > 0 ||
    head.needs.some(({ name }) => declared.get(name)?.defaultBySegment !== undefined)
  );
}
