/** What is another between two sets of rules, by name. */
import { canonicalJson } from "./canonicalJson.ts";
import type { Json } from "./event.ts";
import type { RuleDifference } from "./ruleDifference.ts";
import type { Rules } from "./rules.ts";
import { segmentTexts } from "./segmentText.ts";

/** Every name that was added, removed or changed; parts and names in order. */
export function rulesDiff(before: Rules, after: Rules): readonly RuleDifference[] {
  const was = partsOf(before);
  const is = partsOf(after);
  return [...new Set([...was.keys(), ...is.keys()])]
    .sort()
    .flatMap((part) => differences(part, named(was.get(part)), named(is.get(part))));
}

function partsOf(rules: Rules): ReadonlyMap<string, Json> {
  // Rules are plain JSON, as the journal keeps them.
  return new Map(Object.entries(JSON.parse(JSON.stringify(rules)) as Record<string, Json>));
}

function differences(
  part: string,
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): RuleDifference[] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap((name): RuleDifference[] => {
    const [was, is] = [before.get(name), after.get(name)];
    if (was === is) return [];
    return [{ part, name, kind: was === undefined ? "added" : is === undefined ? "removed" : "changed" }];
  });
}

/** The entries of a part by name: of a list its items' names, of a map its keys. */
function named(part: Json | undefined): ReadonlyMap<string, string> {
  if (typeof part !== "object" || part === null)
    return new Map(part === undefined ? [] : [["", canonicalJson(part)]]);
  if (!Array.isArray(part))
    return new Map(Object.entries(part).map(([name, entry]) => [name, canonicalJson(entry)] as const));
  return new Map(
    (part as readonly Json[]).map(
      (entry, at) => [nameIn(entry) ?? String(at), canonicalJson(entry)] as const,
    ),
  );
}

function nameIn(entry: Json): string | null {
  if (typeof entry === "string") return entry;
  if (typeof entry !== "object" || entry === null || Array.isArray(entry)) return null;
  const name = (entry as { readonly [key: string]: Json })["name"];
  return typeof name === "string" ? name : null;
}

/** What a change of the rules may make another about a profile. */
export interface Touched {
  /** Top-level traits that are computed otherwise, or computed no more, or now. */
  readonly traits: ReadonlySet<string>;
  readonly segments: ReadonlySet<string>;
}

/** The names whose meaning differs; all others mean what they did. */
export function touchedBy(before: Rules, after: Rules): Touched {
  const traits = rulesDiff(before, after).flatMap(({ part, name }) => (part === "computed" ? [name] : []));
  const [was, is] = [segmentTexts(before), segmentTexts(after)];
  const segments = [...was.keys(), ...is.keys()].filter((name) => was.get(name) !== is.get(name));
  return { traits: new Set(traits), segments: new Set(segments) };
}
