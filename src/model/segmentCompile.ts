/** Rules of segments into the form in which they are decided. */
import { canonicalJson } from "./canonicalJson.ts";
import type { Definition } from "./definition.ts";
import type { Json } from "./event.ts";
import { noSegments, type Clause, type ListSet, type SegmentPlan, type Segments } from "./segmentPlan.ts";
import { segmentInWords } from "./segmentWords.ts";
import type { EventRule, SegmentDefinition, SegmentRule } from "./segmentRule.ts";

/** The lists that rules name, by the hash of their content. */
export type ListsByHash = ReadonlyMap<string, ListSet>;

export interface CompiledSegments {
  readonly segments: Segments;
  /** Counts that the clauses about events read; nobody else sees them. Equal ones stand here once. */
  readonly hidden: readonly Definition[];
}

/**
 * Prepares segments. Throws on a name that stands twice, on one that no segment has, on segments that ask for each
 * other in a circle, and on a list that is not among `lists`.
 */
export function compileSegments(
  definitions: readonly SegmentDefinition[],
  lists: ListsByHash,
): CompiledSegments {
  if (definitions.length === 0) return { segments: noSegments, hidden: [] };
  const rules = new Map(definitions.map(({ name, rule }) => [name, rule]));
  if (rules.size !== definitions.length) throw new Error("a segment is defined twice");
  const circle = segmentCircle(definitions);
  if (circle !== null) throw new Error(`segments ask for each other in a circle: ${circle.join(" → ")}`);
  const hidden = new Map<string, Definition>();
  const order: SegmentPlan[] = [];
  for (const name of inOrder(definitions)) {
    const rule = rules.get(name);
    if (rule === undefined) throw new Error(`there is no segment ${name}`);
    order.push({ name, clause: clauseOf(rule, hidden, lists) });
  }
  const sorted = definitions.toSorted((left, right) => (left.name < right.name ? -1 : 1));
  const segments: Segments = {
    size: order.length,
    byName: new Map(order.map((plan) => [plan.name, plan])),
    order,
    fingerprint: canonicalJson(sorted as unknown as Json),
  };
  return { segments, hidden: [...hidden.values()] };
}

function clauseOf(rule: SegmentRule, hidden: Map<string, Definition>, lists: ListsByHash): Clause {
  const words = segmentInWords(rule);
  switch (rule.kind) {
    case "all":
    case "any":
      return { kind: rule.kind, words, of: rule.of.map((one) => clauseOf(one, hidden, lists)) };
    case "not":
      return { kind: "not", words, of: clauseOf(rule.of, hidden, lists) };
    case "trait":
    case "consent":
    case "segment":
      return { ...rule, words };
    case "event": {
      const { atLeast, atMost } = rule.times ?? { atLeast: 1 };
      const tally = hiddenCount(rule);
      hidden.set(tally.name, tally);
      const times = { atLeast: atLeast ?? null, atMost: atMost ?? null };
      return { kind: "event", words, tally: tally.name, times };
    }
    case "list": {
      const list = lists.get(rule.sha256);
      if (list === undefined) throw new Error(`the content of the list ${rule.file} is not there`);
      return { kind: "list", words, list, match: rule.match };
    }
  }
}

/** The count behind a clause; named after all that makes it what it is, so that equal ones are one. */
function hiddenCount({ event, where, windowMs }: EventRule): Definition {
  const asked = {
    event,
    ...(where === undefined ? {} : { where }),
    ...(windowMs === undefined ? {} : { windowMs }),
  };
  return { name: `#${canonicalJson(asked as unknown as Json)}`, aggregate: "count", ...asked };
}

/** The segments that a rule asks for. */
export function segmentsAskedBy(rule: SegmentRule): readonly string[] {
  if (rule.kind === "segment") return [rule.name];
  if (rule.kind === "not") return segmentsAskedBy(rule.of);
  return rule.kind === "all" || rule.kind === "any" ? rule.of.flatMap(segmentsAskedBy) : [];
}

/** A way from a segment back to itself, its name first and last; null: there is none. */
export function segmentCircle(definitions: readonly SegmentDefinition[]): readonly string[] | null {
  const asks = new Map(definitions.map(({ name, rule }) => [name, segmentsAskedBy(rule)]));
  const done = new Set<string>();
  const walk = (name: string, way: readonly string[]): readonly string[] | null => {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    if (done.has(name)) return null;
    for (const next of asks.get(name) ?? []) {
      const found = walk(next, [...way, name]);
      if (found !== null) return found;
    }
    done.add(name);
    return null;
  };
  for (const { name } of definitions) {
    const found = walk(name, []);
    if (found !== null) return found;
  }
  return null;
}

/** Names, those that are asked for before those that ask; there is no circle. */
function inOrder(definitions: readonly SegmentDefinition[]): readonly string[] {
  const asks = new Map(definitions.map(({ name, rule }) => [name, segmentsAskedBy(rule)]));
  const order = new Set<string>();
  const take = (name: string): void => {
    if (order.has(name)) return;
    for (const next of asks.get(name) ?? []) take(next);
    order.add(name);
  };
  for (const { name } of definitions) take(name);
  return [...order];
}
