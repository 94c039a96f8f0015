/** Ingest while a change of the definitions is computed from a million events, against ingest without. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Bench } from "../support/bench.ts";
import { startOurs, writeAuthorization, type Ours } from "../support/ours.ts";
import type { Row } from "../support/row.ts";

const size = 100;
const events = 1_000_000;
const load = {
  request: { kind: "batch", size },
  connections: 48,
  authorization: writeAuthorization,
} as const;

/** Two configurations in turn, so that each change computes everything anew. */
const configs = ["count", "unique"].map(
  (aggregate) => `version: 1
computedTraits:
  seen: { aggregate: ${aggregate}, event: Product Viewed${aggregate === "unique" ? ", property: product_id" : ""} }
segments:
  seers: { trait: seen, atLeast: ${aggregate === "unique" ? 2 : 5} }
`,
);

export const definitionChange: Row = {
  name: "definitionChange",
  when: "long",
  run: async (bench) => {
    const config = join(bench.processes.folder(), "freshet.yaml");
    writeFileSync(config, configs[0] ?? "");
    const flags = ["--config", config, "--watch-config", "false"];
    const ours = await startOurs(bench, bench.processes.folder(), flags);
    await bench.load({ ...load, port: ours.port, warmupSeconds: 0, answers: events / size });
    const figures = await bench.interleave({
      alone: async () => (await bench.load({ ...load, port: ours.port })).perSecond * size,
      changing: async () => {
        const change = beginChange(bench, ours, config);
        const perSecond = (await bench.load({ ...load, port: ours.port })).perSecond * size;
        if (change.hasEnded()) throw new Error("the change was through before the load was");
        await change.line(/profiles have other values now/);
        return perSecond;
      },
    });
    await ours.child.stop();
    return [
      {
        id: "definitionChange",
        work: "events/s while a change of the definitions is computed",
        floor: "the same server without a change",
        unit: "events/s",
        ours: figures.changing,
        floors: figures.alone,
        aim: { kind: "atLeast", value: 0.85 },
        note: `${events.toLocaleString("en-US")} events and more, a computed trait and a segment that rests on it`,
      },
    ];
  },
};

/** Puts the other configuration in the file's place and begins to apply it, as an operator does. */
function beginChange(bench: Bench, ours: Ours, config: string) {
  const now = readFileSync(config, "utf8");
  writeFileSync(config, configs.find((text) => text !== now) ?? "");
  return bench.processes.start("src/main.ts", ["config", "apply", "--data", ours.folder]);
}
