/** `freshet import`: events of a file into the journal, in the import lane. */
import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import { DiskFailed, type CallOperation, type OperationParams } from "../admin/operation.ts";
import type { Answer } from "../store/accept.ts";
import { dataFolder, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { csvRows, HeaderError, ndjsonRows, type ImportRow } from "./importRows.ts";
import { startProgress, type Progress } from "./progress.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly source: string;
  readonly trust: string;
  readonly text?: string;
  readonly json: boolean;
}

/** A request holds at most so many events and about so many characters. */
const batchEvents = 500;
const batchLength = 400_000;
/** Problems told one by one before only their number is. */
const maxTold = 20;

interface Tally {
  readonly rows: number;
  readonly accepted: number;
  /** There before: an event with the same messageId from the same source. */
  readonly known: number;
  readonly rejected: number;
}

export function addImport(program: Command, context: CliContext): void {
  const command = program
    .command("import <file>")
    .description("take in the events of an .ndjson or .csv file; the same file again brings nothing twice")
    .option("--source <name>", "source that the events belong to", "default")
    .option("--trust <trust>", "server or browser", "server")
    .option("--text <columns>", "CSV columns to keep as text even where they look like numbers")
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action(async (file: string, flags: Flags) => {
    const rows = rowsOf(file, flags);
    const into = target(flags);
    const tally = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "write", mayCreate: true },
      (call) => {
        using progress = startProgress(context, "import");
        return new Importer(call, into, context, progress, statSync(file).size).run(rows);
      },
    );
    if (flags.json) await context.print(`${JSON.stringify(tally)}\n`);
    else
      await context.print(
        `${tally.rows} rows: ${tally.accepted} accepted, ${tally.known} known before, ${tally.rejected} rejected\n`,
      );
    if (tally.rejected > 0) throw new Exit(exitCodes.failed);
  });
}

type Target = Omit<OperationParams<"import">, "events">;

function target(flags: Flags): Target {
  if (flags.trust !== "server" && flags.trust !== "browser")
    throw new UsageError("--trust: expected server or browser");
  if (!/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/.test(flags.source))
    throw new UsageError("--source: expected a name of at most 64 letters, digits, _ . -");
  return { namespace: flags.test ? "test" : "live", source: flags.source, trust: flags.trust };
}

function rowsOf(file: string, flags: Flags): AsyncGenerator<ImportRow> {
  if (!existsSync(file) || !statSync(file).isFile()) throw new UsageError("there is no such file");
  if (/\.csv$/i.test(file))
    return csvRows(file, new Set((flags.text ?? "").split(",").map((column) => column.trim())));
  if (/\.(ndjson|jsonl)$/i.test(file)) return ndjsonRows(file);
  throw new UsageError("expected a file that ends in .ndjson, .jsonl or .csv");
}

class Importer {
  readonly #call: CallOperation;
  readonly #target: Target;
  readonly #context: CliContext;
  readonly #progress: Progress;
  readonly #fileBytes: number;
  #batch: { readonly row: number; readonly json: string }[] = [];
  #batchLength = 0;
  #readLength = 0;
  #rows = 0;
  #accepted = 0;
  #known = 0;
  #rejected = 0;

  constructor(call: CallOperation, into: Target, context: CliContext, progress: Progress, fileBytes: number) {
    this.#call = call;
    this.#target = into;
    this.#context = context;
    this.#progress = progress;
    this.#fileBytes = Math.max(1, fileBytes);
  }

  async run(rows: AsyncGenerator<ImportRow>): Promise<Tally> {
    try {
      for await (const row of rows) {
        if (this.#context.interrupted.aborted) break;
        await this.#take(row);
      }
    } catch (error) {
      if (error instanceof HeaderError) throw new UsageError(error.message);
      throw error;
    }
    await this.#flush();
    if (this.#rejected > maxTold) this.#context.tell(`and ${this.#rejected - maxTold} more`);
    return { rows: this.#rows, accepted: this.#accepted, known: this.#known, rejected: this.#rejected };
  }

  async #take(row: ImportRow): Promise<void> {
    this.#rows += 1;
    if (row.kind === "bad") {
      this.#reject(row.row, row.why);
      return;
    }
    this.#batch.push(row);
    this.#batchLength += row.json.length;
    if (this.#batch.length >= batchEvents || this.#batchLength >= batchLength) await this.#flush();
  }

  async #flush(): Promise<void> {
    const batch = this.#batch;
    if (batch.length === 0) return;
    this.#batch = [];
    this.#readLength += this.#batchLength;
    this.#batchLength = 0;
    const answer = await this.#send(batch.map(({ json }) => json));
    if (answer.kind === "unavailable") return;
    const { rejected } = answer;
    if (answer.kind === "rejected" && rejected.length === 0)
      for (const { row } of batch) this.#reject(row, answer.error.message);
    else this.#count(batch.length - rejected.length, answer.kind === "accepted" ? (answer.known ?? 0) : 0);
    for (const { index, error } of rejected) this.#reject(batch[index]?.row ?? 0, error.message);
    this.#progress.update(this.#readLength / this.#fileBytes);
  }

  #count(taken: number, known: number): void {
    this.#accepted += taken - known;
    this.#known += known;
  }

  /** Sends until the server has room. */
  async #send(events: string[]): Promise<Answer> {
    for (;;) {
      using outlet = outletFor(this.#context, null);
      const answer = await this.#call("import", { ...this.#target, events }, outlet);
      if (answer.kind !== "unavailable" || this.#context.interrupted.aborted) return answer;
      if (answer.code === "disk_full")
        throw new DiskFailed("the journal could not be written: the disk is full");
      await Bun.sleep(answer.retryAfterSeconds * 1_000);
    }
  }

  #reject(row: number, why: string): void {
    this.#rejected += 1;
    if (this.#rejected <= maxTold) this.#context.tell(`row ${row}: ${why}`);
  }
}
