/**
 * A consumer of the feed that misses nothing and takes nothing twice, though it and the server may stop at any moment.
 *
 *   bun examples/consumer.ts http://127.0.0.1:8787 sk_… changes.ndjson
 *
 * It keeps every change as one line of a file, and after each page the cursor behind it. When it starts again it goes
 * on from the last cursor in the file; a change that it had written after that comes once more and is known by its
 * version, since versions only grow.
 */
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";

interface Page {
  readonly changes: readonly { readonly version: number }[];
  readonly nextCursor: string;
}

type Line = { readonly version: number } | { readonly cursor: string };

const [origin, key, file] = process.argv.slice(2);
if (origin === undefined || key === undefined || file === undefined) {
  throw new Error("usage: bun examples/consumer.ts <origin> <secret key> <file>");
}

/** Appends one line; a single write, so that a killed process leaves whole lines behind. */
function write(line: Line): void {
  appendFileSync(String(file), `${JSON.stringify(line)}\n`);
}

/** How far the file has come. A last line that was cut off is dropped. */
function read(path: string): { cursor: string; version: number } {
  const text = existsSync(path) ? readFileSync(path, "utf8") : "";
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  if (whole !== text) truncateSync(path, Buffer.byteLength(whole));
  const progress = { cursor: "earliest", version: 0 };
  for (const line of whole.split("\n").filter(Boolean)) Object.assign(progress, JSON.parse(line));
  return progress;
}

/** The next page, asked for until there is an answer, and a whole one. */
async function ask(cursor: string): Promise<Page> {
  const url = `${origin}/v1/changes?cursor=${cursor}&waitMs=20000`;
  for (;;) {
    try {
      const answer = await fetch(url, { headers: { Authorization: `Bearer ${key}` } });
      if (answer.status === 410) break;
      if (answer.status === 200) return (await answer.json()) as Page;
    } catch {
      // The server is away for a moment, or went while it spoke.
    }
    await Bun.sleep(500);
  }
  throw new Error("the server has another journal by now: begin with an empty file");
}

let { cursor, version } = read(file);
for (;;) {
  const page = await ask(cursor);
  for (const change of page.changes) {
    if (change.version > version) write(change);
    version = Math.max(version, change.version);
  }
  if (page.nextCursor !== cursor) write({ cursor: page.nextCursor });
  cursor = page.nextCursor;
}
