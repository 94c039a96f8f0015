/** Keeps the last measured figures of each row, and writes the table of docs/performance.md from them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { conditionsOf, table, type Measured } from "./report.ts";

const root = join(import.meta.dir, "..", "..");
const resultsPath = join(root, "bench", "results.json");
const pagePath = join(root, "docs", "performance.md");
const begin = "<!-- bench:begin (written by `bun run bench --write`; not by hand) -->";
const end = "<!-- bench:end -->";

/** Order of the table's rows; results that are not named here stand last. */
const order = [
  "single",
  "batch",
  "get",
  "get-304",
  "get-under-load",
  "freshness",
  "growth",
  "rebuild",
  "idle-feeds",
  "start-empty",
  "start-full",
  "compare",
];

/** Puts these results in the place of older ones of the same id. Throws if the page has no place for the table. */
export function keep(measured: readonly Measured[]): void {
  const kept = existsSync(resultsPath) ? (JSON.parse(readFileSync(resultsPath, "utf8")) as Measured[]) : [];
  const fresh = new Set(measured.map((result) => result.id));
  const all = [...kept.filter((result) => !fresh.has(result.id)), ...measured].sort(
    (a, b) => rank(a.id) - rank(b.id),
  );
  writeFileSync(resultsPath, `${JSON.stringify(all, null, 2)}\n`);
  const page = readFileSync(pagePath, "utf8");
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 || to < from) throw new Error(`${pagePath} has no place for the table`);
  writeFileSync(pagePath, `${page.slice(0, from + begin.length)}\n\n${section(all)}\n\n${page.slice(to)}`);
  const format = Bun.spawnSync([process.execPath, "fmt", "--no-script", pagePath, resultsPath], {
    cwd: root,
  });
  if (!format.success) throw new Error(`what was written can't be formatted: ${format.stderr.toString()}`);
}

function section(results: readonly Measured[]): string {
  const notes = results
    .filter((result) => result.note !== "")
    .map((result) => `- ${result.id}: ${result.note}.`);
  const missing = order.filter((name) => !results.some((result) => result.id.startsWith(name)));
  return [
    table(results),
    conditionsOf(results),
    ...(notes.length > 0 ? ["Notes", notes.join("\n")] : []),
    ...(missing.length > 0 ? [`Not measured yet: ${missing.join(", ")}.`] : []),
  ].join("\n\n");
}

function rank(id: string): number {
  const exact = order.indexOf(id);
  const place = exact >= 0 ? exact : order.findLastIndex((name) => id.startsWith(name));
  return place < 0 ? order.length : place;
}
