/** What is another between two tracking plans, by event. */
import { canonicalJson } from "./canonicalJson.ts";
import type { Json } from "./event.ts";
import type { PlanRules } from "./plan.ts";
import type { RuleDifference } from "./ruleDifference.ts";

/** Every planned event, `identify` for the traits, and `modes` for what holds for all, that was added, removed or changed. */
export function planDiff(before: PlanRules | null, after: PlanRules | null): readonly RuleDifference[] {
  const [was, is] = [shapesOf(before), shapesOf(after)];
  return [...new Set([...was.keys(), ...is.keys()])].sort().flatMap((name): RuleDifference[] => {
    const [old, now] = [was.get(name), is.get(name)];
    if (old === now) return [];
    const kind = old === undefined ? "added" : now === undefined ? "removed" : "changed";
    return [{ part: "trackingPlan", name, kind }];
  });
}

function shapesOf(plan: PlanRules | null): ReadonlyMap<string, string> {
  if (plan === null) return new Map();
  const { events, traits, ...modes } = plan;
  return new Map([
    ...events.map(({ event, ...shape }) => [event, text(shape)] as const),
    ...(traits === null ? [] : [["identify", text(traits)] as const]),
    ["modes", text(modes)] as const,
  ]);
}

function text(value: unknown): string {
  // Plans are plain JSON, as the journal keeps them.
  return canonicalJson(JSON.parse(JSON.stringify(value)) as Json);
}
