/** Keeps the last measured figures of each row, and writes the table of docs/performance.md from them. */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { table, type Measured } from "./report.ts";

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
  "start",
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
}

function section(results: readonly Measured[]): string {
  const runs = Map.groupBy(results, ({ machine, measuredAt }) => `${measuredAt}: ${machine}.`);
  const notes = results
    .filter((result) => result.note !== "")
    .map((result) => `- ${result.work}: ${result.note}.`);
  const machines = [...runs].map(([line, those]) =>
    `- ${line} ${runs.size > 1 ? `(${those.map((result) => result.id).join(", ")})` : ""}`.trim(),
  );
  return [
    table(results),
    "Measured on",
    machines.join("\n"),
    ...(notes.length > 0 ? ["Notes", notes.join("\n")] : []),
  ].join("\n\n");
}

function rank(id: string): number {
  const exact = order.indexOf(id);
  const place = exact >= 0 ? exact : order.findLastIndex((name) => id.startsWith(name));
  return place < 0 ? order.length : place;
}
