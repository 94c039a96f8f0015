/** A profile at one instant, as segments look at it: each trait is read once, each segment decided once. */
import { computedValue, valueAt } from "./computed.ts";
import type { Definitions } from "./definition.ts";
import type { Json, JsonObject } from "./event.ts";
import type { ComputedTrait } from "./evidencePlan.ts";
import type { IdentifierKey } from "./identifier.ts";
import type { ProfileState } from "./profile.ts";
import { childOf, newestStamp, valueOf, type TraitNode } from "./trait.ts";
import type { Answer } from "./valueTest.ts";

/** What a segment is decided on. */
export interface SegmentSubject {
  readonly state: ProfileState;
  readonly identifiers: readonly IdentifierKey[];
}

export interface Moment {
  readonly subject: SegmentSubject;
  readonly definitions: Definitions;
  readonly tMs: number;
  /** Computed traits read so far. */
  readonly read: Map<string, Valued>;
  /** Segments decided so far. */
  readonly answers: Map<string, Answer>;
}

export function momentOf(subject: SegmentSubject, definitions: Definitions, tMs: number): Moment {
  return { subject, definitions, tMs, read: new Map(), answers: new Map() };
}

/** A value and the first instant at which it may be another by itself; Infinity: never. */
export interface Valued {
  readonly value: Json;
  readonly untilMs: number;
}

/** The value at a path; null: there is none. `….updatedAt` of what is no object is the time of its newest write. */
export function valueAtPath(moment: Moment, path: readonly string[]): Valued {
  const [name = "", ...rest] = path;
  const trait = moment.definitions.names.has(name) ? computedNamed(moment.definitions, name) : undefined;
  return trait === undefined ? plainAt(moment, path) : computedAt(moment, trait, rest);
}

/** The computed trait of that name. */
export function computedNamed(definitions: Definitions, name: string): ComputedTrait | undefined {
  return definitions.computed.find((trait) => trait.name === name);
}

function computedAt(moment: Moment, trait: ComputedTrait, rest: readonly string[]): Valued {
  let read = moment.read.get(trait.name);
  if (read === undefined) moment.read.set(trait.name, (read = readTrait(moment, trait)));
  if (rest.length === 0) return read;
  const value = within(read.value, rest);
  if (value !== null || !asksForTime(rest)) return value === null ? { ...read, value } : { ...read, value };
  const { updatedAtMs } = valueAt(moment.subject.state, trait, moment.tMs);
  return { ...read, value: isThere(within(read.value, rest.slice(0, -1))) ? isoOf(updatedAtMs) : null };
}

function readTrait({ subject, tMs }: Moment, trait: ComputedTrait): Valued {
  if (!trait.moves) return { value: computedValue(subject.state, trait, tMs), untilMs: Infinity };
  const { value, nextChangeAtMs } = valueAt(subject.state, trait, tMs);
  return { value, untilMs: nextChangeAtMs ?? Infinity };
}

function plainAt({ subject: { state } }: Moment, path: readonly string[]): Valued {
  const { node, rest } = nodeAt(state.traits, path);
  const value = node === undefined ? null : within(valueOf(node) ?? null, rest);
  if (value !== null || !asksForTime(path)) return { value, untilMs: Infinity };
  const owner = nodeAt(state.traits, path.slice(0, -1));
  const holds = owner.node !== undefined && isThere(within(valueOf(owner.node) ?? null, owner.rest));
  const stamp = holds && owner.node !== undefined ? newestStamp(state, owner.node) : undefined;
  return { value: isoOf(stamp?.[0] ?? null), untilMs: Infinity };
}

/** The node that a path leads to, and what of the path lies within its value. */
export function nodeAt(
  traits: ProfileState["traits"],
  path: readonly string[],
): { readonly node: TraitNode | undefined; readonly rest: readonly string[] } {
  let children = traits;
  let node: TraitNode | undefined;
  for (let at = 0; at < path.length; at += 1) {
    node = childOf(children, path[at] ?? "");
    if (node === undefined) return { node, rest: [] };
    if (node.length === 2) return { node, rest: path.slice(at + 1) };
    children = node[1];
  }
  return { node, rest: [] };
}

/** What lies at a path within a value; of a list, what lies there in each of its entries. */
function within(value: Json, path: readonly string[]): Json {
  const [key, ...rest] = path;
  if (key === undefined || value === null) return value;
  if (Array.isArray(value)) {
    const found = (value as readonly Json[]).map((entry) => within(entry, path)).filter(isThere);
    return found.length === 0 ? null : found;
  }
  if (typeof value !== "object" || !Object.hasOwn(value, key)) return null;
  return within((value as JsonObject)[key] ?? null, rest);
}

function asksForTime(path: readonly string[]): boolean {
  return path.length > 0 && path.at(-1) === "updatedAt";
}

function isThere(value: Json): boolean {
  return value !== null;
}

function isoOf(timeMs: number | null): string | null {
  return timeMs === null ? null : new Date(timeMs).toISOString();
}
