/**
 * `bun run bench`: measures the rows of docs/performance.md, floors and ours interleaved in the same run.
 *
 *   --only <name>   the row of that name (repeatable)      --pairs <n>     pairs a row, 5 by default
 *   --seconds <n>   measured seconds of each load, 3            --long          the long rows too
 *   --compare       the row against another stack too           --json          results as JSON on stdout
 *   --write         keep the results in bench/results.json and docs/performance.md
 */
import { parseArgs } from "node:util";
import { rows } from "./rows.ts";
import { Bench } from "./support/bench.ts";
import { flushMs, machineLine } from "./support/machine.ts";
import { NotHere } from "./support/notHere.ts";
import { Processes } from "./support/processes.ts";
import { conditionsOf, holds, table, type Measured } from "./support/report.ts";
import { keep } from "./support/results.ts";
import type { Row } from "./support/row.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    long: { type: "boolean", default: false },
    compare: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
  },
});

const pairs = positive("--pairs", values.pairs);
const seconds = positive("--seconds", values.seconds);
const chosen = rows.filter(isChosen);
if (chosen.length === 0) throw new Error(`no such row; there are: ${rows.map((row) => row.name).join(", ")}`);

const measured: Measured[] = [];
let hasFailed = false;
for (const row of chosen) {
  try {
    const results = await measure(row);
    measured.push(...results);
    if (values.write) keep(results);
  } catch (error) {
    if (error instanceof NotHere) {
      console.error(error.message);
      process.exit(2);
    }
    // The other rows are worth having.
    console.error(`  ${row.name} was not measured:`, error);
    hasFailed = true;
  }
}
console.log(
  values.json ? JSON.stringify(measured, null, 2) : `\n${table(measured)}\n\n${conditionsOf(measured)}`,
);
process.exit(hasFailed || measured.some((result) => holds(result) === false) ? 1 : 0);

async function measure(row: Row): Promise<Measured[]> {
  await using processes = new Processes();
  const stop = () => void processes[Symbol.asyncDispose]().finally(() => process.exit(130));
  process.once("SIGINT", stop);
  process.once("SIGTERM", stop);
  try {
    console.error(row.name);
    const folder = processes.folder();
    const conditions = { machine: machineLine(folder), flushMs: flushMs(folder), seconds };
    const bench = new Bench({ pairs, seconds }, processes, (line) => console.error(line));
    const results = await row.run(bench);
    const measuredAt = new Date().toISOString().slice(0, 10);
    return results.map((result) => ({ ...result, ...conditions, measuredAt, pairs: result.ours.length }));
  } finally {
    process.off("SIGINT", stop);
    process.off("SIGTERM", stop);
  }
}

function isChosen(row: Row): boolean {
  if (values.only !== undefined) return values.only.includes(row.name);
  return (
    row.when === "always" ||
    (row.when === "long" && values.long) ||
    (row.when === "compare" && values.compare)
  );
}

function positive(option: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${option} expects a number above 0`);
  return value;
}
