/** Profiles whose size is told. */
import { noDefinitions } from "../../src/model/definition.ts";
import type { Event, JsonObject } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { pack } from "./definitions.ts";
import { added, eventOf, identified, startMs, viewed } from "./events.ts";
import { replay, stateOf } from "./work.ts";

/** Bytes of a state as it would be stored. */
export function bytesOf(state: ProfileState): number {
  return JSON.stringify(state).length;
}

function withTraits(views: number, stepMs = 1): ProfileState {
  const at = (number: number) => startMs + number * stepMs;
  const make = (number: number) => ({
    ...viewed(number),
    timestampMs: at(number),
    receivedAtMs: at(number) + 120,
  });
  const state = stateOf(views, make, pack);
  fold(state, identified(0, false), replay, pack);
  return state;
}

/** One trait an event; the address comes part by part. */
function leafByLeaf(number: number): Event {
  const whole = Object.entries(identified(0, false).traits);
  const [name, value] = whole[number % whole.length] ?? ["none", null];
  const traits = (given: JsonObject) => eventOf(number, { type: "identify", name: null, traits: given });
  if (name !== "address") return traits({ [name]: value });
  const parts = Object.entries(value as JsonObject);
  const [key, inner] = parts[Math.floor(number / whole.length)] ?? ["street", "Long Road 7"];
  return traits({ address: { [key]: inner } });
}

export const sizes: readonly (readonly [name: string, state: ProfileState])[] = [
  ["nothing", emptyState()],
  ["8 traits from one identify", stateOf(1, (number) => identified(number, false), noDefinitions)],
  ["the same, each leaf from an event of its own", stateOf(10, leafByLeaf, noDefinitions)],
  ["8 traits and 20 views, 11 traits defined", withTraits(20)],
  ["8 traits and 200 views, 11 traits defined", withTraits(200)],
  ["8 traits and 1,000 views, 11 traits defined", withTraits(1_000)],
  ["8 traits and 5,000 views in as many minutes", withTraits(5_000, 60_000)],
  ["7 acts of a cart", stateOf(7, added, pack)],
  ["10 orders", stateOf(10, (number) => added(number * 8 + 7), pack)],
];
