/**
 * Verification: SQLite's own check of every page, every row's checksum, every body readable, and fold equality:
 * a rebuild from the journal gives the same canonical JSON for every profile as the one in use.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Restore } from "./accept.ts";
import type { Rules } from "../model/rules.ts";
import { compareProfiles } from "./compareProfiles.ts";
import { folderPaths } from "./folder.ts";
import { JournalReader } from "./journalReader.ts";
import { openProfileStore, type ProfileStore } from "./lmdb.ts";
import { Memberships } from "./memberships.ts";
import { rebuildProfiles } from "./rebuild.ts";
import { epochsFor, instantAfter } from "./segmentEpochs.ts";
import { definitionsWith } from "./segmentLists.ts";
import { checksumOf, rowFlags, rowKind, storedEvent, type EventRow } from "./row.ts";

/** What was found. `problems` is empty when all is well. */
export interface VerifyReport {
  readonly rows: number;
  readonly profiles: number;
  readonly watermark: number;
  /** Sentences, each naming the seq or pid it is about; at most a hundred, then a count. */
  readonly problems: readonly string[];
}

/** The folder to check. */
export interface VerifyJob {
  readonly folder: string;
  /** Null: only the journal is checked. */
  readonly profilesFolder: string | null;
  readonly hotProfiles: number;
  /** The rules that the folder is used with. */
  readonly rules: Rules;
}

export interface VerifyDeps {
  readonly restore: Restore;
  readonly onProgress: (share: number) => void;
  readonly signal: AbortSignal;
}

const maxProblems = 100;
const pageRows = 2_000;

/** Checks a data folder; the service may run. */
export async function verifyFolder(job: VerifyJob, deps: VerifyDeps): Promise<VerifyReport> {
  using reader = new JournalReader(folderPaths(job.folder).journal);
  const problems = new Problems();
  for (const line of reader.integrityProblems()) problems.add(`SQLite: ${line}`);
  const rows = checkRows(reader, problems, deps);
  if (job.profilesFolder === null || problems.count > 0)
    return { rows, profiles: 0, watermark: 0, problems: problems.list() };
  const compared = await compareFold(job, job.profilesFolder, reader, problems, deps);
  return { rows, ...compared, problems: problems.list() };
}

function checkRows(reader: JournalReader, problems: Problems, deps: VerifyDeps): number {
  const head = reader.head();
  let count = 0;
  for (let after = 0; after < head;) {
    deps.signal.throwIfAborted();
    const rows = readPage(reader, after, head, problems);
    for (const row of rows) {
      count += 1;
      checkRow(row, reader, problems, deps);
    }
    after = rows.at(-1)?.seq ?? after + pageRows;
    deps.onProgress((0.3 * after) / Math.max(1, head));
  }
  return count;
}

/** A page of rows; where SQLite can't read it, row by row, so that the damaged one is named. */
function readPage(reader: JournalReader, after: number, head: number, problems: Problems): EventRow[] {
  try {
    return reader.rowsAfter(after, pageRows);
  } catch {
    const rows: EventRow[] = [];
    for (let seq = after + 1; seq <= Math.min(head, after + pageRows); seq += 1) {
      try {
        const row = reader.row(seq);
        if (row !== null) rows.push(row);
      } catch (error) {
        problems.add(`row ${seq} can't be read: ${reason(error)}`);
      }
    }
    return rows;
  }
}

function checkRow(row: EventRow, reader: JournalReader, problems: Problems, deps: VerifyDeps): void {
  if (row.kind !== rowKind.event || (row.flags & rowFlags.erased) !== 0) return;
  if (row.body === null || row.checksum !== checksumOf(row.seq, row.body)) {
    problems.add(`row ${row.seq} is damaged: its checksum does not match`);
    return;
  }
  try {
    deps.restore(storedEvent(row, reader.sourceName(row.source)));
  } catch (error) {
    problems.add(`row ${row.seq} is damaged: ${reason(error)}`);
  }
}

async function compareFold(
  job: VerifyJob,
  profilesFolder: string,
  reader: JournalReader,
  problems: Problems,
  deps: VerifyDeps,
): Promise<{ readonly profiles: number; readonly watermark: number }> {
  const scratch = join(job.folder, `verify-${process.pid}`);
  const stores: ProfileStore[] = [];
  try {
    const lived = openProfileStore(profilesFolder, { readOnly: true });
    stores.push(lived);
    const rebuilt = openProfileStore(scratch, { readOnly: false });
    stores.push(rebuilt);
    // One snapshot of the profiles in use is compared, whatever the writer does meanwhile.
    return lived.snapshot((frozen) => {
      const watermark = frozen.readMeta()?.watermark ?? 0;
      const definitions = definitionsWith(reader, job.rules);
      const { passed } = rebuildProfiles({
        ...deps,
        reader,
        store: rebuilt,
        definitions,
        epochs: epochsFor(reader, job.rules, watermark, instantAfter(reader.row(watermark))),
        upTo: watermark,
        hotProfiles: job.hotProfiles,
        onProgress: (share) => deps.onProgress(0.3 + 0.6 * share),
      });
      for (const seq of passed) problems.add(`row ${seq} can't be folded`);
      const tell = (problem: string) => problems.add(problem);
      const profiles = compareProfiles(frozen, rebuilt, new Memberships(definitions), tell);
      return { profiles, watermark };
    });
  } catch (error) {
    deps.signal.throwIfAborted();
    problems.add(`the profiles can't be compared (${reason(error)}): \`freshet rebuild\` makes them anew`);
    return { profiles: 0, watermark: 0 };
  } finally {
    for (const store of stores) await store.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

class Problems {
  readonly #list: string[] = [];
  count = 0;

  add(sentence: string): void {
    this.count += 1;
    if (this.#list.length < maxProblems) this.#list.push(sentence);
  }

  list(): string[] {
    return this.count > maxProblems ? [...this.#list, `and ${this.count - maxProblems} more`] : this.#list;
  }
}
