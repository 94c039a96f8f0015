/** What another configuration would change: at work, at the next start only, or not while the server runs. */
import type { ConfigDifference } from "./admin/workReports.ts";
import type { ServeSettings } from "./config/settings.ts";
import type { TriggerRules } from "./model/trigger.ts";
import { planDiff } from "./model/planDiff.ts";
import type { RuleDifference } from "./model/ruleDifference.ts";
import { rulesDiff } from "./model/rulesDiff.ts";

/** Rules about who is who can't change under profiles that were joined by others. */
const fixedParts: ReadonlySet<string> = new Set(["identity"]);

/** Settings that are no section of the file, or are compared for themselves. */
const otherwise: ReadonlySet<string> = new Set([
  "rules",
  "lists",
  "plan",
  "destinations",
  "triggers",
  "audits",
  "freshness",
  "configPath",
  "configText",
  "configOrigin",
  "planFolder",
  "crashAt",
]);

export function differenceOf(used: ServeSettings, next: ServeSettings): ConfigDifference {
  const keys = Object.keys(used).filter((key) => !otherwise.has(key));
  // Settings are plain data.
  const was: Readonly<Record<string, unknown>> = { ...used };
  const is: Readonly<Record<string, unknown>> = { ...next };
  const rules = rulesDiff(used.rules, next.rules);
  return {
    rules: rules.filter(({ part }) => !fixedParts.has(part)),
    plan: planDiff(used.plan, next.plan),
    destinations: [
      ...namedDiff("destinations", used.destinations, next.destinations),
      ...namedDiff("triggers", used.triggers.triggers, next.triggers.triggers),
      ...capsDiff(used.triggers, next.triggers),
    ],
    watching: [
      ...keysDiff("audits", used.audits.rules, next.audits.rules),
      ...keysDiff("audits", { alert: used.audits.alert }, { alert: next.audits.alert }),
      ...keysDiff("freshness", used.freshness, next.freshness),
    ],
    atNextStart: keys.filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key])),
    needsRebuild: rules.filter(({ part }) => fixedParts.has(part)),
  };
}

function namedDiff(
  part: string,
  used: readonly { readonly name: string }[],
  next: readonly { readonly name: string }[],
): RuleDifference[] {
  const was = new Map(used.map((one) => [one.name, JSON.stringify(one)]));
  const is = new Map(next.map((one) => [one.name, JSON.stringify(one)]));
  return [...new Set([...was.keys(), ...is.keys()])].flatMap((name) => {
    if (was.get(name) === is.get(name)) return [];
    const kind = !was.has(name) ? "added" : is.has(name) ? "changed" : "removed";
    return [{ part, name, kind }];
  });
}

function keysDiff<Settings extends object>(part: string, used: Settings, next: Settings): RuleDifference[] {
  const is = new Map(Object.entries(next).map(([key, value]) => [key, JSON.stringify(value)]));
  return Object.entries(used).flatMap(([key, value]) =>
    JSON.stringify(value) === is.get(key) ? [] : [{ part, name: nameOf(key), kind: "changed" as const }],
  );
}

const otherNames: Readonly<Record<string, string>> = { typePercent: "types", share: "target" };

/** As it is called in the file: settings carry their units behind it. */
function nameOf(key: string): string {
  return otherNames[key] ?? key.replace(/(?:Ms|Percent|Points|Times)$/, "");
}

function capsDiff(used: TriggerRules, next: TriggerRules): RuleDifference[] {
  const isSameList = JSON.stringify(used.caps) === JSON.stringify(next.caps);
  return isSameList ? [] : [{ part: "triggers", name: "caps", kind: "changed" }];
}

/** The new settings with what can't change at work left as it is, to tell what the rest would do. */
export function changeableOf(used: ServeSettings, next: ServeSettings): ServeSettings {
  return { ...next, rules: { ...next.rules, identity: used.rules.identity } };
}

/** Why these can't be taken into use at work, a sentence each; empty: they can. */
export function rebuildProblems({ needsRebuild }: ConfigDifference): string[] {
  return needsRebuild.map(
    ({ part, name, kind }) =>
      `${part}.${name} is ${kind}: needs rebuild. Who is who can't change at work: stop the server and start it with this file, which rebuilds the profiles`,
  );
}

const signs = { added: "+", removed: "-", changed: "~" } as const;

/** `~ segments.big-spenders` */
export function differenceLine({ part, name, kind }: RuleDifference): string {
  return `${signs[kind]} ${part}.${name}`;
}

/** True where nothing is another. */
export function isSame(difference: ConfigDifference): boolean {
  const { rules, plan, destinations, watching, atNextStart, needsRebuild } = difference;
  const parts = [rules, plan, destinations, watching, atNextStart, needsRebuild];
  return parts.every(({ length }) => length === 0);
}
