/**
 * What the algebra costs: µs an operation beside JSON.parse of an event in the same round, the same for each kind of
 * computed trait alone, and bytes a profile as it would be stored. `bun bench/algebra.ts`, about 15 s.
 */
import { nextDeadline, valueAt } from "../src/model/computed.ts";
import { noDefinitions } from "../src/model/definition.ts";
import { kinds, type Kind } from "./algebra/definitions.ts";
import { startMs } from "./algebra/events.ts";
import { bytesOf, sizes } from "./algebra/sizes.ts";
import { costOf, floorBytes, folding, live, replay, stateOf } from "./algebra/work.ts";
import { works } from "./algebra/works.ts";

/** Events of its kind that a profile has when a kind is measured. */
const before = 20;

const wide = (text: string) => text.padEnd(46);
const cell = (text: string | number, width = 10) => String(text).padStart(width);

console.log(
  `${wide("µs an operation")}${cell("median")}  least – most      × JSON.parse (${floorBytes} bytes)`,
);
for (const make of works) {
  const { name, step, prepare } = make();
  const cost = costOf({ name, step, ...(prepare === undefined ? {} : { prepare }) });
  const spread = `${cost.leastUs.toFixed(2)} – ${cost.mostUs.toFixed(2)}`;
  console.log(`${wide(name)}${cell(cost.us.toFixed(2))}  ${spread.padEnd(16)}${cost.timesFloor.toFixed(2)}`);
}

console.log(
  `\n${wide(`one trait alone, ${before} events and more a profile`)}${["fold µs", "again µs", "read µs", "due µs", "bytes"].map((head) => cell(head)).join("")}`,
);
for (const kind of kinds)
  console.log(
    `${wide(kind.name)}${costsOf(kind)
      .map((figure) => cell(figure))
      .join("")}`,
  );

console.log(`\n${wide("bytes a profile (JSON of its state)")}`);
for (const [name, state] of sizes) console.log(`${wide(name)}${cell(bytesOf(state))}`);

/** µs of a first fold, of one again, of a read and of its next deadline; bytes that the evidence adds. */
function costsOf({ name, definitions, make }: Kind): string[] {
  const common = { name, make, definitions, before };
  const state = stateOf(before, make, definitions);
  const bare = stateOf(before, make, noDefinitions);
  const [trait] = definitions.computed;
  if (trait === undefined) throw new Error(`${name} defines no trait`);
  const costs = [
    costOf(folding({ ...common, options: live })),
    costOf(folding({ ...common, options: replay })),
    costOf({ name, step: (number) => valueAt(state, trait, startMs + number) }),
    costOf({ name, step: (number) => nextDeadline(state, definitions, startMs + number) }),
  ];
  return [...costs.map(({ us }) => us.toFixed(2)), String(bytesOf(state) - bytesOf(bare))];
}
