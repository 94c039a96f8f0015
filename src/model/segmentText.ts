/** What a segment rests on, as text: as long as it is the same, who is in the segment needs no new decision. */
import { canonicalJson } from "./canonicalJson.ts";
import type { Json } from "./event.ts";
import type { Rules } from "./rules.ts";
import { segmentsAskedBy } from "./segmentCompile.ts";
import type { SegmentRule } from "./segmentRule.ts";

/** Of every segment its rule, those of the segments that it asks for, and the computed traits that any of them reads. */
export function segmentTexts(rules: Rules): ReadonlyMap<string, string> {
  const byName = new Map(rules.segments.map(({ name, rule }) => [name, rule]));
  return new Map(rules.segments.map(({ name }) => [name, textOf(name, byName, rules)]));
}

function textOf(name: string, byName: ReadonlyMap<string, SegmentRule>, rules: Rules): string {
  const asked = new Set([name]);
  // A set that grows while it is walked is walked to its new end.
  for (const one of asked) {
    const rule = byName.get(one);
    if (rule !== undefined) for (const other of segmentsAskedBy(rule)) asked.add(other);
  }
  const found = [...asked].map((one) => [one, byName.get(one) ?? null] as const);
  const traits = new Set(found.flatMap(([, rule]) => (rule === null ? [] : traitsReadBy(rule))));
  const computed = rules.computed.filter((definition) => traits.has(definition.name));
  return canonicalJson([found, computed] as unknown as Json);
}

function traitsReadBy(rule: SegmentRule): readonly string[] {
  switch (rule.kind) {
    case "trait":
      return rule.path.slice(0, 1);
    case "all":
    case "any":
      return rule.of.flatMap(traitsReadBy);
    case "not":
      return traitsReadBy(rule.of);
    case "event":
    case "consent":
    case "list":
    case "segment":
      return [];
  }
}
