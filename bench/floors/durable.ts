/**
 * Floor: a bare durable server. The same HTTP as ours; a Worker puts the raw body into SQLite (WAL, FULL, group
 * commit) and the answer is given after the commit. Nothing else: no check, no parse, no profile.
 */
import { Elysia } from "elysia";

const accepted = JSON.stringify({ success: true });
const headers = { "content-type": "application/json" };

const worker = new Worker(new URL("./durableWorker.ts", import.meta.url).href);
const waiting: (() => void)[] = [];
let bodies: ArrayBuffer[] = [];

worker.onmessage = (event: MessageEvent<number>) => {
  // Groups are answered in order, so a count says which ones.
  for (const resolve of waiting.splice(0, event.data)) resolve();
};

function flush(): void {
  worker.postMessage(bodies);
  bodies = [];
}

function store(body: ArrayBuffer): Promise<void> {
  if (bodies.length === 0) setImmediate(flush);
  bodies.push(body);
  return new Promise((resolve) => waiting.push(resolve));
}

const app = new Elysia()
  .post(
    "/v1/track",
    async ({ request }) => {
      await store(await request.arrayBuffer());
      return new Response(accepted, { headers });
    },
    { parse: "none" },
  )
  .listen({ port: 0, hostname: "127.0.0.1" });

worker.postMessage(process.argv[2]);
console.log(`listening ${app.server?.port}`);
