/**
 * What the fold with the e-commerce pack costs, against parsing the same event's JSON and getting and putting the same
 * bytes in LMDB. CPU time of one thread, so that other work on the machine counts little; the two take turns. Arguments:
 * folder, turns. Prints nanoseconds an event of each.
 */
import { open } from "lmdb";
import { compile } from "../../src/model/compile.ts";
import type { Event } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { added, viewed } from "../algebra/events.ts";
import { eventJson } from "../load/payload.ts";

const [folder = "", turns = "12"] = process.argv.slice(2);
const profiles = 2_000;
const eventsATurn = 20_000;
const definitions = compile(ecommercePack("EUR"));
const states: ProfileState[] = Array.from({ length: profiles }, emptyState);
const store = open<string, number>({
  path: `${folder}/fold.lmdb`,
  noSync: true,
  encoding: "string",
  compression: false,
});
const text = eventJson(new Date());
let number = 0;
let checked = 0;

/** Seven views, two things put into the cart, one order: of every profile, in turn. */
function made(at: number): Event {
  const turn = (at + Math.floor(at / profiles)) % 10;
  const event = turn < 7 ? viewed(at) : added(at);
  return turn < 9
    ? event
    : {
        ...event,
        name: "Order Completed",
        properties: { order_id: `o-${at}`, total: 84.5, currency: "EUR" },
      };
}

function folding(): void {
  const events = Array.from({ length: eventsATurn }, () => made((number += 1)));
  spent.fold -= cpuNs();
  for (let at = 0; at < eventsATurn; at += 1) {
    const state = states[at % profiles];
    const event = events[at];
    if (state !== undefined && event !== undefined && fold(state, event, {}, definitions).changed !== null)
      checked += 1;
  }
  spent.fold += cpuNs();
}

function floor(): void {
  spent.floor -= cpuNs();
  store.transactionSync(() => {
    for (let at = 0; at < eventsATurn; at += 1) {
      const { userId } = JSON.parse(text) as { readonly userId: string };
      const key = at % profiles;
      checked += userId.length + (store.get(key)?.length ?? 0);
      store.putSync(key, text);
    }
  });
  spent.floor += cpuNs();
}

function cpuNs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) * 1_000;
}

const spent = { fold: 0, floor: 0 };
folding();
floor();
[spent.fold, spent.floor] = [0, 0];
for (let turn = 0; turn < Number(turns); turn += 1) {
  // Profiles of a shop's length: nobody is looked at two thousand times.
  if (turn % 3 === 0) states.fill(emptyState()).forEach((_, at) => (states[at] = emptyState()));
  folding();
  floor();
}
if (checked === 0) throw new Error("nothing was done");
const events = Number(turns) * eventsATurn;
console.log(JSON.stringify({ foldNs: spent.fold / events, floorNs: spent.floor / events }));
await store.close();
