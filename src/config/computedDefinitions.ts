/** The definitions that the sections `use` and `computedTraits` of freshet.yaml stand for. */
import type { z } from "zod";
import { assert } from "../lib/assert.ts";
import { parseDuration } from "../lib/duration.ts";
import type { Definition, RatioSide } from "../model/definition.ts";
import { ecommercePack, engagementPack, pageTime, saasPack, sessionIdleMs } from "../model/packs.ts";
import type { EventSelector, Where } from "../model/selector.ts";
import type {
  computedTraitsSchema,
  eventSchema,
  sideSchema,
  traitSchema,
  useSchema,
  whereSchema,
} from "./computedTraits.ts";
import { conditionOf } from "./condition.ts";

const unitsMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** The two sections once they are checked. */
export interface ComputedSections {
  readonly use?: z.output<typeof useSchema> | undefined;
  readonly computedTraits?: z.output<typeof computedTraitsSchema> | undefined;
}

/** The definitions that the sections stand for. */
export function definitionsOf({ use = [], computedTraits = {} }: ComputedSections): readonly Definition[] {
  return [
    ...use.flatMap((pack) => packOf(pack)),
    ...Object.entries(computedTraits).map(([name, trait]) => definitionOf(name, trait)),
  ];
}

/** What no single key can tell: a name that stands twice. */
export function computedProblems(sections: ComputedSections): string[] {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const pack of sections.use ?? []) {
    const name = typeof pack === "string" ? pack : "ecommerce";
    if (seen.has(name)) problems.push(`use: ${name} stands there twice`);
    seen.add(name);
  }
  const packed = new Set(definitionsOf({ use: sections.use }).map(({ name }) => name));
  for (const name of Object.keys(sections.computedTraits ?? {}))
    if (packed.has(name)) problems.push(`computedTraits.${name}: a pack under use has a trait of this name`);
  return problems;
}

function packOf(pack: z.output<typeof useSchema>[number]): readonly Definition[] {
  if (pack === "engagement") return engagementPack();
  return pack === "saas" ? saasPack() : ecommercePack(pack.ecommerce.currency);
}

function definitionOf(name: string, trait: z.output<typeof traitSchema>): Definition {
  const window =
    "window" in trait && trait.window !== undefined ? { windowMs: durationMsOf(trait.window) } : {};
  const where = "where" in trait && trait.where !== undefined ? { where: whereOf(trait.where) } : {};
  if (trait.aggregate === "ratio")
    return { name, aggregate: "ratio", of: sideOf(trait.of), per: sideOf(trait.per), ...window };
  if (trait.aggregate === "timeOnPage") return { name, aggregate: "sum", ...pageTime, ...where, ...window };
  const rest = { name, event: selectorOf(trait.event), ...where };
  const { aggregate } = trait;
  if (aggregate === "streak") return { ...rest, aggregate, timeZone: trait.timeZone };
  if (aggregate === "timeSince") return { ...rest, aggregate, unitMs: unitsMs[trait.unit], ...window };
  if (aggregate === "sessions") {
    const idleMs = trait.idle === undefined ? sessionIdleMs : durationMsOf(trait.idle);
    return { ...rest, aggregate, idleMs, ...window };
  }
  if (aggregate === "count" || aggregate === "lastAt") return { ...rest, aggregate, ...window };
  if (aggregate !== "list") return { ...rest, aggregate, property: trait.property, ...window };
  const { property, keep, uniqueBy } = trait;
  return { ...rest, aggregate, property, keep, ...(uniqueBy === undefined ? {} : { uniqueBy }), ...window };
}

function sideOf({ event, where, property: summed }: z.output<typeof sideSchema>): RatioSide {
  return {
    event: selectorOf(event),
    ...(where === undefined ? {} : { where: whereOf(where) }),
    ...(summed === undefined ? {} : { property: summed }),
  };
}

function selectorOf(event: z.output<typeof eventSchema>): EventSelector {
  if (typeof event === "string") return event;
  const { call, name, except } = event;
  return { call, ...(name === undefined ? {} : { name }), ...(except === undefined ? {} : { except }) };
}

/** What is asked of an event, as the model takes it. */
export function whereOf(where: z.output<typeof whereSchema>): Where {
  return Object.fromEntries(Object.entries(where).map(([name, condition]) => [name, conditionOf(condition)]));
}

function durationMsOf(duration: string): number {
  const durationMs = parseDuration(duration);
  assert(durationMs !== null, "the schema let a malformed duration pass");
  return durationMs;
}
