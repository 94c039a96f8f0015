/**
 * Many shoppers at once as one stream of events. A seed repeats it: the same events with the same ids in the same
 * order, but for their timestamps. Some arrive late, behind events that happened after them; some arrive twice.
 */
import { Dice } from "./dice.ts";
import { newShopper, visit, type Draft, type Shopper } from "./shopper.ts";

export interface TrafficOptions {
  readonly seed: number;
  /** People who visit the shop. */
  readonly shoppers: number;
  /** Wall time, for timestamps. */
  readonly nowMs: () => number;
}

/** An event as it is sent. */
export interface Outgoing {
  /** JSON text of one event of a batch. */
  readonly json: string;
  readonly messageId: string;
  /** It was sent before, with the same messageId. */
  readonly isRepeat: boolean;
  /** It happened before something that was sent already. */
  readonly isLate: boolean;
}

/** Visits under way at once, at most. */
const visitsAtOnce = 24;
const lateShare = 0.03;
const repeatShare = 0.02;
/** So many events go before a late or repeated one, at most. */
const longestDelay = 40;

interface Visit {
  readonly shopper: Shopper;
  readonly drafts: Generator<Draft, void>;
}

interface Held {
  readonly outgoing: Outgoing;
  /** Goes before the event of this number. */
  readonly dueAt: number;
}

export class Traffic {
  readonly #options: TrafficOptions;
  readonly #run: string;
  readonly #dice: Dice;
  readonly #shoppers: Shopper[];
  readonly #visits: Visit[] = [];
  #held: Held[] = [];
  #made = 0;

  constructor(options: TrafficOptions) {
    this.#options = options;
    this.#run = runName(options.seed);
    this.#dice = new Dice(options.seed);
    this.#shoppers = Array.from({ length: options.shoppers }, (_, index) =>
      newShopper(index + 1, this.#run, this.#dice),
    );
  }

  /** The next event. There is always another one. */
  next(): Outgoing {
    for (;;) {
      const due = this.#held.find(({ dueAt }) => dueAt <= this.#made);
      if (due !== undefined) {
        this.#held = this.#held.filter((other) => other !== due);
        return due.outgoing;
      }
      const outgoing = this.#make();
      const dueAt = this.#made + 1 + this.#dice.below(longestDelay);
      if (this.#dice.chance(repeatShare))
        this.#held.push({ outgoing: { ...outgoing, isRepeat: true }, dueAt });
      else if (this.#dice.chance(lateShare)) {
        this.#held.push({ outgoing: { ...outgoing, isLate: true }, dueAt });
        continue;
      }
      return outgoing;
    }
  }

  #make(): Outgoing {
    for (;;) {
      const { shopper, drafts } = this.#someVisit();
      const taken = drafts.next();
      if (taken.done === true) {
        this.#visits.splice(
          this.#visits.findIndex((one) => one.drafts === drafts),
          1,
        );
        continue;
      }
      this.#made += 1;
      const messageId = `sim-${this.#run}-${this.#made}`;
      const json = eventJson(taken.value, shopper, { messageId, timestampMs: this.#options.nowMs() });
      return { json, messageId, isRepeat: false, isLate: false };
    }
  }

  #someVisit(): Visit {
    if (this.#visits.length < Math.min(visitsAtOnce, this.#shoppers.length)) {
      const shopper = this.#someoneAway();
      this.#visits.push({ shopper, drafts: visit(shopper, this.#dice) });
    }
    return this.#dice.pick(this.#visits);
  }

  /** Somebody is: there are fewer visits than shoppers. */
  #someoneAway(): Shopper {
    for (;;) {
      const shopper = this.#dice.pick(this.#shoppers);
      if (!this.#visits.some((one) => one.shopper === shopper)) return shopper;
    }
  }
}

/** What the ids of a run have in common. */
export function runName(seed: number): string {
  return seed.toString(36);
}

/** An event as the API takes it. */
export function eventJson(
  draft: Draft,
  shopper: Shopper,
  sent: { readonly messageId: string; readonly timestampMs: number },
): string {
  const { type, name, data } = draft;
  return JSON.stringify({
    type,
    messageId: sent.messageId,
    timestamp: new Date(sent.timestampMs).toISOString(),
    anonymousId: shopper.anonymousId,
    ...(shopper.hasSignedUp ? { userId: shopper.accountId } : {}),
    ...(type === "identify"
      ? { traits: data }
      : { [type === "page" ? "name" : "event"]: name, properties: data }),
    context: { library: { name: "freshet simulate" } },
  });
}
