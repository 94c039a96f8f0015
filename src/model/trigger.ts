/**
 * Triggers: what sets one off, and what of it can be decided without asking anybody. A trigger fires for what happens
 * or falls due, never for an import, a change of definitions, a merge or an undo (invariant 9). Pure.
 */
import { drawOf } from "../lib/draw.ts";
import { localDays } from "../lib/localDay.ts";
import type { Change } from "./change.ts";
import { holds, type Condition } from "./condition.ts";
import type { Json, JsonObject, Namespace } from "./event.ts";

/** What sets it off: coming into a segment, or a track event. */
export type TriggerWhen =
  | { readonly kind: "enters"; readonly segment: string }
  | {
      readonly kind: "event";
      readonly event: string;
      /** What must hold of its properties, all of it. */
      readonly where: readonly (readonly [property: string, condition: Condition])[];
    };

/** What is sent: a block of content, or the destination's own template with these traits. */
export type TriggerSend = {
  readonly through: string;
  readonly subject: string | null;
  readonly channel: string;
  readonly topic: string | null;
} & (
  | { readonly kind: "block"; readonly block: string }
  | { readonly kind: "template"; readonly template: string; readonly traits: readonly string[] }
);

export interface QuietHours {
  /** Minutes after midnight; from a later one to an earlier one goes over midnight. */
  readonly fromMinute: number;
  readonly toMinute: number;
}

export interface TriggerLimits {
  /** At most once in so long; null: every time. */
  readonly oncePerMs: number | null;
  readonly quietHours: QuietHours | null;
  /** Where the profile tells no zone of its own. */
  readonly timeZone: string;
  /** So late it is still sent, counted from when it might have been; null: however late. */
  readonly maxLateMs: number | null;
  /** Share of people who get nothing, to tell what the sending is good for; 0 to 1. */
  readonly holdout: number;
  /** Sent only if every value of the block is live. */
  readonly requireFresh: boolean;
}

/** What is looked for afterwards, of who was sent it and who was held out. */
export interface TriggerGoal {
  readonly event: string;
  readonly withinMs: number;
}

export interface TriggerSetting {
  readonly name: string;
  readonly namespace: Namespace;
  readonly when: TriggerWhen;
  readonly send: TriggerSend;
  readonly limits: TriggerLimits;
  readonly goal: TriggerGoal | null;
}

/** How many messages one person gets, of all triggers together. */
export interface TriggerCap {
  readonly most: number;
  readonly withinMs: number;
  /** Only messages about this topic count, and are held back; null: all. */
  readonly topic: string | null;
}

/** Everything that triggers do. */
export interface TriggerRules {
  readonly triggers: readonly TriggerSetting[];
  readonly caps: readonly TriggerCap[];
}

/** True where the change sets the trigger off; `propertiesOf`: of the change's event, looked up only where they matter. */
export function setsOff(
  { when, namespace }: TriggerSetting,
  change: Change,
  propertiesOf: () => JsonObject,
): boolean {
  if (change.namespace !== namespace || (change.cause !== "event" && change.cause !== "time")) return false;
  if (when.kind === "enters") return change.segments.entered.includes(when.segment);
  if (change.cause !== "event" || change.event?.type !== "track" || change.event.name !== when.event)
    return false;
  if (when.where.length === 0) return true;
  const properties = propertiesOf();
  return when.where.every(([name, condition]) => holds(condition, valueIn(properties, name)));
}

function valueIn(properties: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(properties, name) ? properties[name] : undefined;
}

/** Whether a profile is among those who get nothing: the same for ever, and another draw for each trigger. */
export function isHeldOut(trigger: string, profileId: string, share: number): boolean {
  return share > 0 && drawOf(`${trigger}\0${profileId}`) < share;
}

const minuteMs = 60_000;
const dayMinutes = 1_440;

/** The end of the quiet hours that the moment is in; null: it is in none. */
export function quietUntil(atMs: number, quiet: QuietHours | null, timeZone: string): number | null {
  if (quiet === null || quiet.fromMinute === quiet.toMinute) return null;
  const { dayOf, startOf } = localDays(timeZone);
  const today = dayOf(atMs);
  // Over midnight, the hours that began yesterday may go on.
  for (const day of [today - 1, today]) {
    const fromMs = minuteOf(startOf, day, quiet.fromMinute);
    const isOverMidnight = quiet.toMinute < quiet.fromMinute;
    const toMs = minuteOf(startOf, isOverMidnight ? day + 1 : day, quiet.toMinute);
    if (atMs >= fromMs && atMs < toMs) return toMs;
  }
  return null;
}

/** A time of day by the clock on the wall; where the clock was put forward or back that day, as far as it was. */
function minuteOf(startOf: (day: number) => number, day: number, minute: number): number {
  const start = startOf(day);
  const plain = start + minute * minuteMs;
  const shift = startOf(day + 1) - start - dayMinutes * minuteMs;
  // Clocks change in the small hours: what comes after three o'clock is as much later or earlier.
  return minute >= 180 ? plain + shift : plain;
}

/** How late a message is: counted from when it came about, or from the end of the quiet hours that it came about in. */
export function latenessMs(
  cameAboutMs: number,
  nowMs: number,
  quiet: QuietHours | null,
  zone: string,
): number {
  return nowMs - (quietUntil(cameAboutMs, quiet, zone) ?? cameAboutMs);
}
