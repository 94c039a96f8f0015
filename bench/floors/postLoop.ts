/** Posts bodies that stand in a file, one a line, over so many connections; prints rows a second as JSON. */
import { readFileSync } from "node:fs";

const [, , port = "", file = "", connections = "4"] = process.argv;
const bodies = readFileSync(file, "utf8").trimEnd().split("\n");
const rowsOf = (body: string) => (JSON.parse(body) as { readonly rows: readonly unknown[] }).rows.length;
const rows = bodies.reduce((sum, body) => sum + rowsOf(body), 0);
const headers = { "Content-Type": "application/json" };
const startedMs = Bun.nanoseconds() / 1e6;
let next = 0;

async function post(): Promise<void> {
  for (let at = next++; at < bodies.length; at = next++) {
    const body = bodies[at] ?? "";
    const answer = await fetch(`http://127.0.0.1:${port}/in/profiles`, { method: "POST", body, headers });
    if (!answer.ok) throw new Error(`the mock answered ${answer.status}`);
    await answer.text();
  }
}

await Promise.all(Array.from({ length: Number(connections) }, post));
console.log(JSON.stringify({ perSecond: (rows / (Bun.nanoseconds() / 1e6 - startedMs)) * 1_000 }));
