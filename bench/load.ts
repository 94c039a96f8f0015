/** The load client, a process of its own: takes one job as JSON in its argument, prints one report as JSON. */
import type { LoadJob } from "./load/job.ts";
import { runLoad } from "./load/run.ts";

const job = JSON.parse(process.argv[2] ?? "") as LoadJob;
console.log(JSON.stringify(await runLoad(job)));
process.exit(0);
