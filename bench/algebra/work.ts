/** One thing to measure, and how it is measured: in rounds, each beside the same JSON.parse. */
import type { Definitions } from "../../src/model/definition.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { fold, type FoldOptions } from "../../src/model/fold.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { median, ratios } from "../support/stats.ts";
import { messageId, startMs, textOf, viewed } from "./events.ts";

const profiles = 5_000;
const rounds = 5;
const operations = 10_000;

/** A first fold: what changed is found out. */
export const live: FoldOptions = {};
/** A fold of what was folded before: nothing is compared. */
export const replay: FoldOptions = { refused: null };

export interface Work {
  readonly name: string;
  /** Unmeasured, before a round that begins at this number. */
  readonly prepare?: (first: number) => void;
  /** Does one operation; the number counts up over all rounds. */
  readonly step: (number: number) => unknown;
}

export interface Folding {
  readonly name: string;
  readonly make: (number: number) => Event;
  readonly options: FoldOptions;
  readonly definitions: Definitions;
  /** Events that each profile was given ahead. */
  readonly before: number;
}

/**
 * Folds events over many profiles in turn. Events are made between the rounds. Their number counts the profile's own
 * events too, so that every profile gets every kind.
 */
export function folding({ name, make, options, definitions, before }: Folding): Work {
  const states = Array.from({ length: profiles }, () => emptyState());
  const eventAt = (number: number): Event => {
    const made = make(number + Math.floor(number / profiles));
    const timestampMs = startMs + number;
    return { ...made, messageId: messageId(number), timestampMs, receivedAtMs: timestampMs + 120 };
  };
  const ahead = before * profiles;
  for (let number = 0; number < ahead; number += 1) {
    fold(states[number % profiles] ?? emptyState(), eventAt(number), replay, definitions);
  }
  let events: Event[] = [];
  return {
    name,
    prepare: (first) => {
      events = Array.from({ length: operations }, (_, at) => eventAt(ahead + first + at));
    },
    step: (number) => {
      const event = events[number % operations];
      if (event === undefined) return undefined;
      return fold(states[number % profiles] ?? emptyState(), event, options, definitions);
    },
  };
}

/** A profile after so many events. */
export function stateOf(
  count: number,
  make: (number: number) => Event,
  definitions: Definitions,
): ProfileState {
  const state = emptyState();
  for (let number = 0; number < count; number += 1) fold(state, make(number), replay, definitions);
  return state;
}

const texts = Array.from({ length: 1_000 }, (_, number) => textOf(viewed(number)));

/** Bytes of the event that every round parses beside. */
export const floorBytes = texts[0]?.length ?? 0;

const floor: Work = {
  name: "JSON.parse of an event",
  step: (number) => JSON.parse(texts[number % texts.length] ?? "") as Json,
};

/** µs an operation over the rounds, and how many times what the floor took beside. */
export interface Cost {
  readonly us: number;
  readonly leastUs: number;
  readonly mostUs: number;
  readonly timesFloor: number;
}

/** Measures one work; its first round is not counted. */
export function costOf(work: Work): Cost {
  const ours: number[] = [];
  const floors: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    work.prepare?.(round * operations);
    const floorUs = roundOf(floor, round * operations);
    const oursUs = roundOf(work, round * operations);
    if (round === 0) continue;
    ours.push(oursUs);
    floors.push(floorUs);
  }
  return {
    us: median(ours),
    leastUs: Math.min(...ours),
    mostUs: Math.max(...ours),
    timesFloor: median(ratios(ours, floors)),
  };
}

function roundOf(work: Work, first: number): number {
  const startedNs = Bun.nanoseconds();
  for (let number = first; number < first + operations; number += 1) work.step(number);
  return (Bun.nanoseconds() - startedNs) / 1_000 / operations;
}
