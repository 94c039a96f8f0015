/** Named profiles to try things on: each a short life, told as events that end now. */
import { products, type Product } from "./catalogue.ts";
import { Dice } from "./dice.ts";
import { add, buy, page, sendBack, signUp, track, type Draft, type Shopper } from "./shopper.ts";
import { eventJson, runName, type Outgoing } from "./traffic.ts";

const dayMs = 86_400_000;

/** A part of somebody's life: when, as time before now, and what they did. */
interface Chapter {
  readonly agoMs: number;
  readonly tell: (shopper: Shopper, dice: Dice) => Iterable<Draft>;
}

interface TestProfile {
  readonly name: string;
  readonly sentence: string;
  readonly firstName: string;
  readonly lastName: string;
  readonly chapters: readonly Chapter[];
}

function productAt(index: number): Product {
  const product = products[index];
  if (product === undefined) throw new Error("there is no such product");
  return product;
}

function* looks(...indexes: readonly number[]): Generator<Draft, void> {
  yield page("Home", "/");
  for (const index of indexes) yield track("Product Viewed", { ...productAt(index) });
}

function* orders(shopper: Shopper, dice: Dice, ...indexes: readonly number[]): Generator<Draft, void> {
  yield* looks(...indexes);
  for (const index of indexes) yield add(shopper, productAt(index), 1);
  yield* buy(shopper, dice);
}

/** Every test profile, by name. */
export const testProfiles: readonly TestProfile[] = [
  {
    name: "new-visitor",
    sentence: "came for the first time, looked at two products, is nobody yet",
    firstName: "Nora",
    lastName: "New",
    chapters: [{ agoMs: 60_000, tell: () => looks(0, 4) }],
  },
  {
    name: "cart-abandoner",
    sentence: "signed up, filled a cart an hour ago and left",
    firstName: "Cara",
    lastName: "Carter",
    chapters: [
      {
        agoMs: 3_600_000,
        *tell(shopper) {
          yield* looks(0, 6, 9);
          yield* signUp(shopper);
          yield add(shopper, productAt(6), 1);
          yield add(shopper, productAt(9), 1);
          yield track("Cart Viewed", { cart_id: shopper.anonymousId });
        },
      },
    ],
  },
  {
    name: "loyal-customer",
    sentence: "four orders in three months, the last one yesterday",
    firstName: "Leo",
    lastName: "Loyal",
    chapters: [
      { agoMs: 90 * dayMs, tell: (shopper, dice) => orders(shopper, dice, 0) },
      { agoMs: 55 * dayMs, tell: (shopper, dice) => orders(shopper, dice, 4, 8) },
      { agoMs: 20 * dayMs, tell: (shopper, dice) => orders(shopper, dice, 12) },
      { agoMs: dayMs, tell: (shopper, dice) => orders(shopper, dice, 11, 13) },
    ],
  },
  {
    name: "big-spender",
    sentence: "one order of more than 700 EUR last week",
    firstName: "Bea",
    lastName: "Spender",
    chapters: [{ agoMs: 7 * dayMs, tell: (shopper, dice) => orders(shopper, dice, 11, 6, 9) }],
  },
  {
    name: "returner",
    sentence: "ordered two weeks ago and sent it all back",
    firstName: "Rolf",
    lastName: "Retour",
    chapters: [
      { agoMs: 14 * dayMs, tell: (shopper, dice) => orders(shopper, dice, 2) },
      { agoMs: 3 * dayMs, tell: (shopper, dice) => sendBack(shopper, dice) },
    ],
  },
  {
    name: "opted-out",
    sentence: "an old customer who unsubscribed from marketing mail",
    firstName: "Otto",
    lastName: "Out",
    chapters: [
      { agoMs: 40 * dayMs, tell: (shopper, dice) => orders(shopper, dice, 3) },
      {
        agoMs: 10 * dayMs,
        *tell() {
          yield track("Unsubscribed", { topic: "marketing", channel: "email" });
          yield { type: "identify", name: null, data: { emailOptIn: false } };
        },
      },
    ],
  },
];

/** The events of a test profile, oldest first, and the identifier that finds it. */
export function testProfileEvents(
  profile: TestProfile,
  options: { readonly seed: number; readonly nowMs: number },
): { readonly events: readonly Outgoing[]; readonly identifier: string } {
  const { name, firstName, lastName } = profile;
  const shopper: Shopper = {
    anonymousId: `test-${name}-browser`,
    accountId: `test-${name}`,
    firstName,
    lastName,
    email: `${name}@example.com`,
    buys: 0,
    hasSignedUp: false,
    cart: [],
    orders: [],
    orderCount: 0,
  };
  const dice = new Dice(options.seed);
  const events: Outgoing[] = [];
  for (const { agoMs, tell } of profile.chapters) {
    let timestampMs = options.nowMs - agoMs;
    for (const draft of tell(shopper, dice)) {
      const messageId = `sim-${runName(options.seed)}-${name}-${events.length + 1}`;
      const json = eventJson(draft, shopper, { messageId, timestampMs });
      events.push({ json, messageId, isRepeat: false, isLate: false });
      timestampMs += 5_000;
    }
  }
  const identifier = shopper.hasSignedUp
    ? `user_id:${shopper.accountId}`
    : `anonymous_id:${shopper.anonymousId}`;
  return { events, identifier };
}
