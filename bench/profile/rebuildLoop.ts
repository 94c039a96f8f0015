/**
 * Rebuilds the profiles of a data folder that nobody serves, as the maintenance thread does, and prints rows a second.
 * Argument: data folder.
 */
import { rmSync } from "node:fs";
import { restore } from "../../src/ingest/judge.ts";
import { systemIds } from "../../src/lib/id.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { Journal } from "../../src/store/journal.ts";
import { useRules } from "../../src/store/usedDefinitions.ts";
import { runMaintenance } from "../../src/store/maintenance.ts";

const [folder = ""] = process.argv.slice(2);
const journal = new Journal(folderPaths(folder).journal, systemIds);
const upTo = journal.head();
const rules = useRules(journal, "stored", 0);
journal[Symbol.dispose]();

const startMs = Bun.nanoseconds() / 1e6;
const rebuilt = await runMaintenance(
  { kind: "rebuild", isBeside: false, folder, upTo, hotProfiles: 25_000, rules },
  { restore, onProgress: () => {}, signal: new AbortController().signal, breathe: () => Promise.resolve() },
);
const elapsedMs = Bun.nanoseconds() / 1e6 - startMs;
if (!("folder" in rebuilt)) throw new Error("nothing was rebuilt");
rmSync(folderPaths(folder).profiles(rebuilt.folder), { recursive: true });
console.log(JSON.stringify({ perSecond: (upTo * 1_000) / elapsedMs }));
process.exit(0);
