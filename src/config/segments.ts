/** The section `segments` of freshet.yaml: what may stand there, and the rules it stands for. */
import { resolve } from "node:path";
import { z } from "zod";
import { assert } from "../lib/assert.ts";
import { parseDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import { operatorNames, type Condition } from "../model/condition.ts";
import { segmentCircle, segmentsAskedBy } from "../model/segmentCompile.ts";
import type { Identity } from "../model/identity.ts";
import type { ListContent } from "../lib/digestList.ts";
import type { SegmentDefinition, SegmentRule } from "../model/segmentRule.ts";
import { timeIn } from "../model/timeIn.ts";
import type { ValueTest } from "../model/valueTest.ts";
import { whereOf } from "./computedDefinitions.ts";
import { ConfigError } from "./configError.ts";
import { clauseProblems, clauseSchema, segmentName, type Clause } from "./segmentClauses.ts";
import { readList, type ListRead } from "./segmentList.ts";

const mostSegments = 500;

/** `segments:` */
export const segmentsSchema = z
  .record(z.string().regex(segmentName), clauseSchema)
  .refine((segments) => Object.keys(segments).length <= mostSegments);

export const segmentsExpected = `a map of up to ${mostSegments} segments, each a clause such as { trait: totalRevenue, atLeast: 500 }`;

export type SegmentsSection = z.output<typeof segmentsSchema>;

/** What is wrong with the section, in sentences; empty when it is a good one. */
export function segmentProblems(section: unknown): string[] {
  if (typeof section !== "object" || section === null || Array.isArray(section))
    return [`segments: expected ${segmentsExpected}`];
  const entries = Object.entries(section);
  if (entries.length > mostSegments) return [`segments: expected ${segmentsExpected}`];
  return entries.flatMap(([name, clause]: [string, unknown]) => [
    ...(segmentName.test(name)
      ? []
      : [
          `segments.${name}: a name has at most 64 letters, digits, _ . - and begins with a letter or a digit`,
        ]),
    ...clauseProblems(clause, `segments.${name}`),
  ]);
}

/** The same for a section that the schema refused: never empty. */
export function describeSegments(section: unknown): string[] {
  const problems = segmentProblems(section);
  return problems.length === 0 ? [`segments: expected ${segmentsExpected}`] : problems;
}

/** Segments and the content of the lists that they name, by its hash. */
export interface LoadedSegments {
  readonly segments: readonly SegmentDefinition[];
  readonly lists: ReadonlyMap<string, Uint8Array>;
}

/**
 * Reads the lists and makes rules of a checked section; `from` is the folder of freshet.yaml, `identity` says which
 * identifiers a list may hold. Throws ConfigError.
 */
export function loadSegments(
  section: SegmentsSection,
  from: string,
  { types }: Pick<Identity, "types">,
): LoadedSegments {
  const problems: string[] = [];
  const loaded = new Map<string, ListContent | null>();
  const load: LoadList = (file, match) => {
    const key = `${match}:${resolve(from, file)}`;
    let content = loaded.get(key);
    if (content === undefined) {
      const type = types.get(match);
      const read = type === undefined ? noType(match, types.keys()) : readList(resolve(from, file), type);
      content = read.kind === "read" ? read.content : null;
      if (read.kind === "refused") problems.push(`segments: the list ${file}: ${read.why}`);
      loaded.set(key, content);
    }
    return content;
  };
  const segments = Object.entries(section).map(([name, clause]): SegmentDefinition => ({
    name,
    rule: ruleOf(clause, load),
  }));
  problems.push(...unknownSegments(segments));
  const circle = problems.length === 0 ? segmentCircle(segments) : null;
  if (circle !== null) problems.push(`segments: they ask for each other in a circle: ${circle.join(" → ")}`);
  if (problems.length > 0) throw new ConfigError(problems);
  const contents = [...loaded.values()].filter((content) => content !== null);
  return { segments, lists: new Map(contents.map(({ sha256, bytes }) => [sha256, bytes])) };
}

function noType(match: string, known: Iterable<string>): ListRead {
  const names = [...known];
  const meant = nearest(match, names);
  const hint = meant === null ? `known: ${names.join(", ")}` : `did you mean ${meant}?`;
  return { kind: "refused", why: `match: there is no identifier ${match}; ${hint}` };
}

type LoadList = (file: string, match: string) => ListContent | null;

function unknownSegments(segments: readonly SegmentDefinition[]): string[] {
  const names = segments.map(({ name }) => name);
  return segments.flatMap(({ name, rule }) =>
    segmentsAskedBy(rule)
      .filter((asked) => !names.includes(asked))
      .map((asked) => {
        const meant = nearest(asked, names);
        return `segments.${name}: there is no segment ${asked}${meant === null ? "" : `; did you mean ${meant}?`}`;
      }),
  );
}

function ruleOf(clause: Clause, load: LoadList): SegmentRule {
  if ("all" in clause) return { kind: "all", of: clause.all.map((one) => ruleOf(one, load)) };
  if ("any" in clause) return { kind: "any", of: clause.any.map((one) => ruleOf(one, load)) };
  if ("not" in clause) return { kind: "not", of: ruleOf(clause.not, load) };
  if ("trait" in clause) return { kind: "trait", path: clause.trait.split("."), test: testOf(clause) };
  if ("segment" in clause) return { kind: "segment", name: clause.segment };
  if ("consent" in clause) {
    const [channel = "", topic = null] = clause.consent.split(".");
    return { kind: "consent", channel, topic, is: clause.is };
  }
  if ("list" in clause) {
    const { list: file, match } = clause;
    const content = load(file, match);
    return { kind: "list", file, match, sha256: content?.sha256 ?? "", rows: content?.rows ?? 0 };
  }
  const { event, where, within, times } = clause;
  return {
    kind: "event",
    event,
    ...(where === undefined ? {} : { where: whereOf(where) }),
    ...(within === undefined ? {} : { windowMs: milliseconds(within) }),
    ...(times === undefined ? {} : { times: given(times) }),
  };
}

type TraitClause = Extract<Clause, { trait: string }>;

function testOf(clause: TraitClause): ValueTest {
  const { missing, olderThan, newerThan, before, after } = clause;
  const operators = Object.fromEntries(operatorNames.map((name) => [name, clause[name]] as const));
  const exists = clause.exists ?? (missing === undefined ? undefined : !missing);
  const condition: Condition = given({ ...operators, exists });
  return {
    ...(Object.keys(condition).length === 0 ? {} : { condition }),
    ...(olderThan === undefined ? {} : { olderThanMs: milliseconds(olderThan) }),
    ...(newerThan === undefined ? {} : { newerThanMs: milliseconds(newerThan) }),
    ...(before === undefined ? {} : { beforeMs: instantOf(before) }),
    ...(after === undefined ? {} : { afterMs: instantOf(after) }),
  };
}

/** Without the entries that are not there. */
function given<T extends object>(entries: T): { [Name in keyof T]?: Exclude<T[Name], undefined> } {
  const there = Object.entries(entries).filter(([, value]) => value !== undefined);
  return Object.fromEntries(there) as { [Name in keyof T]?: Exclude<T[Name], undefined> };
}

function milliseconds(duration: string): number {
  const ms = parseDuration(duration);
  assert(ms !== null, "the schema let a malformed duration pass");
  return ms;
}

function instantOf(text: string): number {
  const ms = timeIn(text);
  assert(ms !== null, "the schema let a malformed time pass");
  return ms;
}
