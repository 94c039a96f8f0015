/**
 * What it costs to wait: CPU time of a server that nobody asks anything, with and without profiles that fall due later.
 * Arguments: profiles, seconds.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Bench } from "../support/bench.ts";
import { cpuMs } from "../support/cpuTime.ts";
import { startOurs, writeAuthorization } from "../support/ours.ts";
import { Processes } from "../support/processes.ts";

const [profiles = "100000", seconds = "30"] = process.argv.slice(2);
const batchEvents = 500;

/** Everybody who looked falls due in thirty days. */
const waiting = "version: 1\nsegments:\n  lookers: { event: Looked, within: 30d }\n";
const none = "version: 1\n";

await using processes = new Processes();
const bench = new Bench({ pairs: 1, seconds: 3 }, processes, (line) => console.error(line));
for (const [name, config] of Object.entries({ none, waiting })) {
  const folder = processes.folder();
  const path = join(processes.folder(), "freshet.yaml");
  writeFileSync(path, config);
  const { port, child } = await startOurs(bench, folder, ["--config", path]);
  await fill(port);
  // What filling left to do is done by then.
  await Bun.sleep(10_000);
  const before = cpuMs([child.pid]);
  await Bun.sleep(Number(seconds) * 1_000);
  const usedMs = cpuMs([child.pid]) - before;
  await child.stop();
  console.log(JSON.stringify({ name, profiles: Number(profiles), cpuMsPerSecond: usedMs / Number(seconds) }));
}

async function fill(port: number): Promise<void> {
  for (let from = 0; from < Number(profiles); from += batchEvents) {
    const batch = Array.from({ length: Math.min(batchEvents, Number(profiles) - from) }, (_, at) => ({
      type: "track",
      userId: `u${from + at}`,
      event: "Looked",
      messageId: `m${from + at}`,
    }));
    const answer = await fetch(`http://127.0.0.1:${port}/v1/batch`, {
      method: "POST",
      headers: { Authorization: writeAuthorization, "Content-Type": "application/json" },
      body: JSON.stringify({ batch }),
    });
    if (answer.status !== 200) throw new Error(`the server answered ${answer.status}`);
  }
}
