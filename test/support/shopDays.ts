/**
 * Days of a shop as its two sources send them: the web page what shoppers do, the shop's own system each order once
 * more. Mornings are quiet, weekends busy; a seed repeats everything. Faults are planted by `fault`.
 */
import { Dice } from "../../src/cli/simulate/dice.ts";
import { newShopper, visit, type Draft, type Shopper } from "../../src/cli/simulate/shopper.ts";
import type { JsonObject } from "../../src/model/event.ts";

export interface ShopEvent {
  readonly source: "web" | "shop";
  readonly atMs: number;
  readonly sentAtMs: number;
  readonly messageId: string;
  readonly type: Draft["type"];
  /** Of a track event; else the type. */
  readonly event: string;
  readonly userId: string | null;
  readonly anonymousId: string | null;
  /** Traits of an identify. */
  readonly properties: JsonObject;
}

/** The event as it is sent. */
export function shopBody(shopEvent: ShopEvent): JsonObject {
  const { type, event, userId, anonymousId, messageId, sentAtMs, properties } = shopEvent;
  const sentAt = new Date(sentAtMs).toISOString();
  return {
    type,
    messageId,
    originalTimestamp: sentAt,
    sentAt,
    ...(userId === null ? {} : { userId }),
    ...(anonymousId === null ? {} : { anonymousId }),
    ...(type === "track" ? { event } : {}),
    ...(type === "identify" ? { traits: properties } : { properties }),
  };
}

export interface ShopDaysOptions {
  readonly seed: number;
  readonly startMs: number;
  readonly days: number;
  readonly visitsADay: number;
  /** What becomes of an event; [] and it never comes. */
  readonly fault?: (event: ShopEvent, day: number) => readonly ShopEvent[];
}

export const dayMs = 86_400_000;
const hourMs = 3_600_000;
/** Visits by hour of the day. */
const weights = [1, 1, 1, 1, 1, 2, 3, 4, 6, 7, 7, 8, 8, 7, 7, 7, 8, 9, 10, 11, 10, 8, 5, 3];
const weekend = 1.6;
/** Shoppers of whom some come back. */
const lately = 400;

/** All events in the order in which they come. */
export function shopDays(options: ShopDaysOptions): ShopEvent[] {
  const { seed, startMs, days, visitsADay, fault = (event) => [event] } = options;
  const dice = new Dice(seed);
  // Half of the visits are somebody's first; the others are of those who came lately.
  const shoppers: Shopper[] = [];
  const visitor = (): Shopper => {
    if (shoppers.length > 20 && dice.chance(0.5)) return dice.pick(shoppers.slice(-lately));
    const made = newShopper(shoppers.length + 1, `s${seed}`, dice);
    shoppers.push(made);
    return made;
  };
  const found: ShopEvent[] = [];
  let count = 0;
  const nextId = () => `m-${seed}-${(count += 1)}`;
  for (let day = 0; day < days; day += 1) {
    const dayStartMs = startMs + day * dayMs;
    const isWeekend = [0, 6].includes(new Date(dayStartMs).getUTCDay());
    const visits = Math.round(visitsADay * (isWeekend ? weekend : 1) * (0.9 + dice.below(21) / 100));
    for (let left = visits; left > 0; left -= 1) {
      let atMs = dayStartMs + hourOf(dice) * hourMs + dice.below(hourMs);
      const shopper = visitor();
      for (const draft of visit(shopper, dice)) {
        atMs += 2_000 + dice.below(40_000);
        const userId = shopper.hasSignedUp ? shopper.accountId : null;
        const { anonymousId, accountId } = shopper;
        const made = { type: draft.type, event: draft.name ?? draft.type, properties: draft.data };
        const sent = (sourceAtMs: number) => ({
          atMs: sourceAtMs,
          sentAtMs: sourceAtMs - 150,
          messageId: nextId(),
        });
        const event = draft.type === "page" ? "page" : made.event;
        found.push(...fault({ source: "web", ...made, event, ...sent(atMs), userId, anonymousId }, day));
        if (draft.name !== "Order Completed") continue;
        found.push(
          ...fault(
            { source: "shop", ...made, ...sent(atMs + 30_000), userId: accountId, anonymousId: null },
            day,
          ),
        );
      }
    }
  }
  return found.sort((left, right) => left.atMs - right.atMs);
}

function hourOf(dice: Dice): number {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = dice.below(total);
  for (const [hour, weight] of weights.entries()) {
    if (left < weight) return hour;
    left -= weight;
  }
  return 23;
}
