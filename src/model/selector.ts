/** Which events a computed trait is made of. */
import { canonicalJson } from "./canonicalJson.ts";
import { holds, type Condition } from "./condition.ts";
import { factAt, isFactName, type Facts } from "./facts.ts";
import type { Event, EventType, Json, JsonObject } from "./event.ts";

/** A track event's name, or calls of a kind. */
export type EventSelector = string | CallSelector;

export interface CallSelector {
  /** `any`: calls of every kind. */
  readonly call: EventType | "any";
  /** Only those of this name: of a track event, a page, a screen. */
  readonly name?: string;
  /** Not those of these names. */
  readonly except?: readonly string[];
}

/** Properties that an event must have, all of them, to count. Of an identify call its traits are asked. */
export type Where = Readonly<Record<string, Condition>>;

/** What evidence is kept under: a track event's name, or a text that can't be one (see `refuseMark`). */
export function selectorKey(selector: EventSelector): string {
  if (typeof selector === "string") return selector;
  const { call, name, except } = selector;
  if (name === undefined && except === undefined) return mark + call;
  return mark + canonicalJson([call, name ?? null, except === undefined ? [] : except.toSorted()]);
}

const mark = "\u0000";

/** Track events of such a name can't be asked for: their evidence could be taken for that of a call. */
export function refuseMark(name: string): void {
  if (name.startsWith(mark)) throw new Error("the name of an event can't begin with a NUL");
}

/** Whether an event is one of the calls meant. */
export function isCall(selector: CallSelector, event: Event): boolean {
  const { call, name, except } = selector;
  if (call !== "any" && call !== event.type) return false;
  if (name !== undefined && name !== event.name) return false;
  return except === undefined || event.name === null || !except.includes(event.name);
}

/** What an event says, by name: the properties, of an identify call the traits. */
export function saidBy(event: Event): JsonObject {
  return event.type === "identify" ? event.traits : event.properties;
}

/** Whether all that is asked holds of what an event says. */
export function meetsWhere(where: Where, said: JsonObject, facts?: Facts): boolean {
  for (const property in where) {
    const condition = where[property];
    if (condition !== undefined && !holds(condition, valueIn(said, facts, property))) return false;
  }
  return true;
}

/** What an event says under that name, or the fact of that name. */
export function valueIn(said: JsonObject, facts: Facts | undefined, property: string): Json | undefined {
  if (isFactName(property)) return factAt(facts, property);
  return Object.hasOwn(said, property) ? said[property] : undefined;
}
