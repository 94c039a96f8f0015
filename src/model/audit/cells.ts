/**
 * What a day's events of one kind from one source looked like, in bounded memory: numbers, hashes and sequence
 * numbers, never a value's text. A cell grows by one event at a time and is kept as JSON.
 */
import type { Json, JsonObject } from "../event.ts";
import { noteDistinct, type Distinct } from "./distinct.ts";
import { hash32 } from "./hash32.ts";

export const valueTypes = ["text", "number", "boolean", "object", "list"] as const;
export type ValueType = (typeof valueTypes)[number];

/** A value by its hash, how often it came, and an event that has it. */
export type Counted = [hash: number, count: number, seq: number];

export interface PropertyCell {
  /** Events in which it has a value other than null. */
  present: number;
  /** The same by hour (UTC). */
  hours: number[];
  types: Partial<Record<ValueType, number>>;
  /** When a value of that type came first, milliseconds. */
  firstOf: Partial<Record<ValueType, number>>;
  distinct: Distinct;
  /** The values that came most often (space saving: a count may be too high by as much as the smallest one). */
  top: Counted[];
  /** Of numbers: how many in each step of a logarithmic scale. */
  numbers: Record<string, number>;
  /** Hashes of some whose events have it, until its name may be said. */
  people: number[];
}

export interface EventCell {
  count: number;
  /** The same by hour (UTC). */
  hours: number[];
  /** Events whose properties were looked at; of very many, a sample is. */
  looked: number;
  lookedHours: number[];
  /** Of those looked at: the same person had sent the very same moments before, under another messageId. */
  duplicates: number;
  /** Whose events these were: sizes of samples are told by it, since one person's events resemble each other. */
  people: Distinct;
  firstAtMs: number;
  lastAtMs: number;
  properties: Record<string, PropertyCell>;
  /** Of a whole source: seconds by which senders' clocks are behind (positive) or ahead, on the scale of `numbers`. */
  skews: Record<string, number>;
  /** Of a whole source: seqs of the newest events that came twice, and of those whose clock was a minute off or more. */
  twice?: number[];
  skewed?: number[];
}

/** Names of properties kept of one event on one day. */
const maxProperties = 60;
const maxTop = 24;

/** An empty cell. */
export function emptyCell(): EventCell {
  return {
    count: 0,
    hours: zeroes(),
    looked: 0,
    lookedHours: zeroes(),
    duplicates: 0,
    people: [],
    firstAtMs: 0,
    lastAtMs: 0,
    properties: {},
    skews: {},
  };
}

const maxSamples = 5;

/** The list with one more seq, the oldest of too many gone. */
export function withSample(seqs: readonly number[] | undefined, seq: number): number[] {
  return [...(seqs ?? []), seq].slice(-maxSamples);
}

/** Counts an event. */
export function noteEvent(cell: EventCell, atMs: number, hour: number, person: number | null): void {
  cell.count += 1;
  cell.hours[hour] = (cell.hours[hour] ?? 0) + 1;
  if (cell.firstAtMs === 0) cell.firstAtMs = atMs;
  cell.lastAtMs = Math.max(cell.lastAtMs, atMs);
  if (person !== null) noteDistinct(cell.people, hash32(String(person)));
}

/** Looks at the properties of an event that was counted. */
export function noteProperties(
  cell: EventCell,
  seen: {
    readonly seq: number;
    readonly atMs: number;
    readonly hour: number;
    readonly person: number | null;
  },
  properties: JsonObject,
): void {
  cell.looked += 1;
  cell.lookedHours[seen.hour] = (cell.lookedHours[seen.hour] ?? 0) + 1;
  for (const [given, value] of Object.entries(properties)) {
    if (value === null) continue;
    const property = propertyFor(cell, keptName(given));
    if (property === null) continue;
    noteValue(property, value, seen);
    notePerson(property.people, seen.person);
  }
}

/** The property of that name, under its name or under what stands for it yet. */
export function foundProperty(cell: EventCell, name: string): PropertyCell | undefined {
  return propertyOf(cell, name) ?? propertyOf(cell, secretName(name));
}

/** The cell of a property, made where there is room; null: there is none. */
function propertyFor(cell: EventCell, name: string): PropertyCell | null {
  const named = propertyOf(cell, name);
  if (named !== undefined) return named;
  const secret = secretName(name);
  const known = propertyOf(cell, secret);
  if (known === undefined) {
    if (name === otherName || Object.keys(cell.properties).length >= maxProperties) return null;
    const made = emptyProperty();
    cell.properties[secret] = made;
    return made;
  }
  if (known.people.length < fewestPeople) return known;
  delete cell.properties[secret];
  cell.properties[name] = known;
  return known;
}

/** The property of that name, which is anybody's word, "constructor" among them. */
function propertyOf({ properties }: EventCell, name: string): PropertyCell | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

function emptyProperty(): PropertyCell {
  return {
    present: 0,
    hours: zeroes(),
    types: {},
    firstOf: {},
    distinct: [],
    top: [],
    numbers: {},
    people: [],
  };
}

function noteValue(
  property: PropertyCell,
  value: Json,
  { seq, atMs, hour }: { readonly seq: number; readonly atMs: number; readonly hour: number },
): void {
  property.present += 1;
  property.hours[hour] = (property.hours[hour] ?? 0) + 1;
  const type = typeOf(value);
  property.types[type] = (property.types[type] ?? 0) + 1;
  property.firstOf[type] ??= atMs;
  if (type === "number") {
    const step = stepOf(Number(value));
    property.numbers[step] = (property.numbers[step] ?? 0) + 1;
  }
  if (typeof value === "object" || value === null) return;
  const hash = valueHash(value);
  noteDistinct(property.distinct, hash);
  noteTop(property.top, hash, seq);
}

/** The hash under which a value is counted. */
export function valueHash(value: string | number | boolean): number {
  return hash32(`${typeof value}:${String(value)}`);
}

function noteTop(top: Counted[], hash: number, seq: number): void {
  const known = top.find(([other]) => other === hash);
  if (known !== undefined) {
    known[1] += 1;
    return;
  }
  if (top.length < maxTop) {
    top.push([hash, 1, seq]);
    return;
  }
  let least = top[0];
  for (const entry of top) if (least === undefined || entry[1] < least[1]) least = entry;
  if (least === undefined) return;
  least[0] = hash;
  least[1] += 1;
  least[2] = seq;
}

/** The type of a value that is not null. */
export function typeOf(value: Json): ValueType {
  if (Array.isArray(value)) return "list";
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "number";
  return typeof value === "boolean" ? "boolean" : "object";
}

/** A number's step: two to an octave, the sign kept. */
export function stepOf(value: number): string {
  if (value === 0) return "0";
  const step = Math.round(Math.log2(Math.abs(value)) * 2);
  return value < 0 ? `-${step}` : String(step + 0.5);
}

/** About the number that a step stands for. */
export function stepValue(step: string): number {
  if (step === "0") return 0;
  return step.includes(".") ? 2 ** ((Number(step) - 0.5) / 2) : -(2 ** (Number(step.slice(1)) / 2));
}

/**
 * A name may be a person's own words, since clients make them. It is said once events of so many people have it; until
 * then a hash stands for it.
 */
export const fewestPeople = 3;

/** What stands for a name that may not be said yet. */
export function secretName(name: string): string {
  return `~${hash32(name).toString(36)}`;
}

/** True for what stands for a name. */
export function isSecret(name: string): boolean {
  return name.startsWith("~");
}

function notePerson(people: number[], person: number | null): void {
  if (person === null || people.length >= fewestPeople) return;
  const hash = hash32(String(person));
  if (!people.includes(hash)) people.push(hash);
}

/** Where names go that are too long, or that look as though they named a person. */
export const otherName = "(other)";
const maxNameLength = 80;

/** A name from outside as it is kept: names of events and properties are kept, a person's never. */
export function keptName(name: string): string {
  const isOdd = name.length > maxNameLength || name === "__proto__" || isSecret(name);
  return isOdd || looksPersonal(name) ? otherName : name;
}

/** True for an address, a long number or a UUID. */
export function looksPersonal(text: string): boolean {
  return /@|\d{6}|[0-9a-f]{8}-[0-9a-f]{4}/i.test(text);
}

function zeroes(): number[] {
  return Array.from({ length: 24 }, () => 0);
}
