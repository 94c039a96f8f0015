/** What is measured of the algebra as a whole. Made one after the other, so that one work's profiles at a time live. */
import { nextDeadline, readComputed } from "../../src/model/computed.ts";
import { noDefinitions } from "../../src/model/definition.ts";
import type { Json, OrderKey } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { addLink, attribute, emptyRecord, noteAnonymous } from "../../src/model/link.ts";
import { merge } from "../../src/model/merge.ts";
import { emptyState } from "../../src/model/profile.ts";
import { readTraits } from "../../src/model/trait.ts";
import { pack, thirty } from "./definitions.ts";
import { added, identified, messageId, startMs, viewed } from "./events.ts";
import { folding, live, replay, stateOf, type Work } from "./work.ts";

const known = stateOf(3, (number) => identified(number, true), noDefinitions);
const busy = stateOf(50, viewed, thirty);
for (let number = 0; number < 12; number += 1) fold(busy, added(100 + number), replay, thirty);
const stored = JSON.stringify(known);
const record = emptyRecord();

const unchanging = (number: number) => identified(number, false);
const changing = (number: number) => identified(number, true);
const plain = { options: live, definitions: noDefinitions };
const shop = { options: live, definitions: pack, before: 10 };

function keyAt(number: number): OrderKey {
  return [startMs + number * 1_000, startMs, 0, messageId(number)];
}

export const works: readonly (() => Work)[] = [
  () => folding({ ...plain, name: "fold: track, no computed traits", make: viewed, before: 0 }),
  () => folding({ ...plain, name: "fold: identify, 8 traits, nothing new", make: unchanging, before: 1 }),
  () => folding({ ...plain, name: "fold: identify, 8 traits, 2 changed", make: changing, before: 1 }),
  () => folding({ ...shop, name: "fold: Product Viewed, 11 traits defined", make: viewed }),
  () => folding({ ...shop, name: "fold: the same again, as a rebuild does", make: viewed, options: replay }),
  () => folding({ ...shop, name: "fold: cart and orders, 11 traits defined", make: added }),
  () => ({ name: "merge: a profile of 10 leaves into a new one", step: () => merge(emptyState(), known) }),
  () => ({
    name: "link: an event with both ids, and one with none",
    step: (number) => [
      addLink(record, keyAt(number), "u-1"),
      noteAnonymous(record, keyAt(number)),
      attribute(record, keyAt(number)),
    ],
  }),
  () => ({ name: "read: 8 plain traits", step: () => readTraits(known) }),
  () => ({
    name: "read: 30 computed traits over 62 events",
    step: (number) => readComputed(busy, thirty, startMs + number),
  }),
  () => ({
    name: "read: next deadline of 30 computed traits",
    step: (number) => nextDeadline(busy, thirty, startMs + number),
  }),
  () => ({ name: "store: JSON.stringify of 8 plain traits", step: () => JSON.stringify(known) }),
  () => ({ name: "store: JSON.parse of the same", step: () => JSON.parse(stored) as Json }),
];
