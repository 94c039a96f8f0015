/**
 * Audits a data folder that nobody serves, without resting in between, and prints what a row and a profile cost in
 * microseconds of CPU, next to the floor: reading the same rows, or profiles, and parsing them. Argument: data folder.
 */
import { restore } from "../../src/ingest/judge.ts";
import { usualAuditRules } from "../../src/model/audit/rules.ts";
import { runAudit } from "../../src/store/audit/auditJob.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { parseProfile } from "../../src/store/profileText.ts";
import { JournalReader } from "../../src/store/journalReader.ts";
import { openOpsDatabase } from "../../src/store/ops/opsMigrations.ts";
import { openReadOnlyStore } from "../../src/store/readOnlyStore.ts";

const [folder = ""] = process.argv.slice(2);
const paths = folderPaths(folder);
openOpsDatabase(paths.ops).close();
const deps = {
  restore,
  onProgress: () => {},
  signal: new AbortController().signal,
  breathe: () => Promise.resolve(),
};

/** Microseconds of CPU that the work takes. */
async function cpuOf(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return user + system;
}

const reader = new JournalReader(paths.journal);
const rows = Math.min(200_000, reader.head());
const readUs = await cpuOf(() => {
  for (let after = 0; after < rows;) {
    const page = reader.rowsAfter(after, 5_000);
    for (const { body } of page) if (body !== null) JSON.parse(Buffer.from(body).toString("utf8"));
    after = page.at(-1)?.seq ?? rows;
  }
});
const countUs = await cpuOf(() =>
  runAudit({ kind: "auditTally", folder, rules: usualAuditRules, fromSeq: 0 }, deps),
);
reader[Symbol.dispose]();

const store = openReadOnlyStore(folder);
let profiles = 0;
const scanUs = await cpuOf(() => {
  const { stored } = store;
  if (stored === null) throw new Error("the folder holds no profiles");
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: { pid: number; text: string }[] = stored.scan(after, 200);
    for (const { pid, text } of page) parseProfile(pid, text, stored);
    profiles += page.length;
    after = page.at(-1)?.pid;
  }
});
await store.close();
const job = {
  kind: "auditRun",
  folder,
  rules: { ...usualAuditRules, foldSample: 0 },
  nowMs: Bun.nanoseconds() / 1e6,
  seed: 0,
  scans: true,
  blocks: 0,
  counted: { seq: 0, erasure: 0 },
} as const;
const auditUs = await cpuOf(() => runAudit(job, deps));
const foldUs = await cpuOf(() =>
  runAudit({ ...job, scans: false, rules: { ...usualAuditRules, foldSample: 200 } }, deps),
);
const each = (us: number, of: number) => Math.round((us / Math.max(1, of)) * 100) / 100;
console.log(
  JSON.stringify({
    rows,
    readUsPerRow: each(readUs, rows),
    countAndSealUsPerRow: each(countUs, rows),
    profiles,
    parseUsPerProfile: each(scanUs, profiles),
    scanUsPerProfile: each(auditUs, profiles),
    foldUsPerProfile: each(foldUs, 200),
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }),
);
process.exit(0);
