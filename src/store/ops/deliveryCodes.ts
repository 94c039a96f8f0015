/** How words about deliveries are written in ops.db: by their place in these lists, which therefore only grow. */
import { deliveryKinds, lanes, type DeliveryKind, type Lane } from "../../model/delivery/delivery.ts";
import { assert } from "../../lib/assert.ts";

/** `asleep`: nothing is to be done before it is due, and nothing waits for it. */
export const states = ["queued", "sending", "job", "asleep"] as const;
export type DeliveryState = (typeof states)[number];

export const codeOfLane = (lane: Lane): number => lanes.indexOf(lane);
export const codeOfKind = (kind: DeliveryKind): number => deliveryKinds.indexOf(kind);
export const codeOfState = (state: DeliveryState): number => states.indexOf(state);

export function laneOfCode(code: number): Lane {
  return wordOf(lanes, code);
}

export function kindOfCode(code: number): DeliveryKind {
  return wordOf(deliveryKinds, code);
}

export function stateOfCode(code: number): DeliveryState {
  return wordOf(states, code);
}

function wordOf<Word>(words: readonly Word[], code: number): Word {
  const word = words[code];
  assert(word !== undefined, "ops.db holds a code that this program does not know");
  return word;
}
