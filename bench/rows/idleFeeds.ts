/** Memory of a feed reader that nothing happens to: the slope of the server's RSS from 100 to 1,100 of them. */
import { readFileSync } from "node:fs";
import { readFeed } from "../load/feedReader.ts";
import type { Bench } from "../support/bench.ts";
import { readAuthorization, startOurs } from "../support/ours.ts";
import type { Row } from "../support/row.ts";
import { median } from "../support/stats.ts";

const first = 100;
const more = 1_000;
/** Longer than a heartbeat, so that every reader has been written to. */
const settleMs = 12_000;
const samples = 8;

export const idleFeeds: Row = {
  name: "idle-feeds",
  when: "always",
  run: async (bench) => {
    const slopes: number[] = [];
    for (let run = 1; run <= Math.min(3, bench.options.pairs); run += 1) {
      slopes.push(await slopeKb(bench));
      bench.say(`  run ${run}: ${slopes.at(-1)?.toFixed(1)} KB a reader`);
    }
    return [
      {
        id: "idle-feeds",
        work: "idle SSE client, RSS slope from 100 to 1,100",
        floor: null,
        unit: "KB",
        ours: slopes,
        floors: null,
        aim: { kind: "atMost", value: 16 },
        note: "",
      },
    ];
  },
};

async function slopeKb(bench: Bench): Promise<number> {
  const ours = await startOurs(bench);
  const closers: { close(): void }[] = [];
  let ending = false;
  const open = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      closers.push(
        await readFeed(
          ours.port,
          "/v1/feed",
          readAuthorization,
          () => {},
          (why) => {
            if (!ending) bench.say(`  a reader was lost: ${why}`);
          },
        ),
      );
    }
    return restingKb(ours.child.pid);
  };
  const before = await open(first);
  const after = await open(more);
  ending = true;
  for (const reader of closers) reader.close();
  await ours.child.stop();
  return (after - before) / more;
}

async function restingKb(pid: number): Promise<number> {
  await Bun.sleep(settleMs);
  const values: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    values.push(Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]));
    await Bun.sleep(250);
  }
  return median(values);
}
