/**
 * The blocks of a folder: read at the start and whenever a file changes. A file that can't be used leaves the block as it
 * was, serving, and that is said, with line and column.
 */
import { existsSync, readdirSync, readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import { basename, join } from "node:path";
import { makeBlock, blockName, type Block } from "./block.ts";
import { newEngine, type Engine } from "./engine.ts";
import { BlockProblem } from "./frontMatter.ts";

export interface ShelfOptions {
  readonly folder: string;
  readonly linkHosts: readonly string[] | null;
  /** Told of every file that can't be used, and once it can again. */
  readonly notice: (level: "info" | "error", sentence: string) => void;
}

/** What all blocks have in common. */
interface Shared {
  readonly partials: ReadonlyMap<string, string>;
  readonly engine: Engine;
  /** The text of all partials. */
  readonly common: string;
}

const goneWords = "its file is gone; the block is let go at the next start";
const maxBlocks = 1_000;
const maxFileBytes = 256 * 1024;
/** Editors write a file in several steps. */
const settleMs = 100;

export class Shelf implements Disposable {
  readonly #options: ShelfOptions;
  #blocks: ReadonlyMap<string, Block> = new Map();
  #problems: ReadonlyMap<string, string> = new Map();
  #shared: Shared = { partials: new Map(), engine: newEngine({}), common: "[]" };
  /** Reading under way; one at a time, so that an older look never wins over a newer one. */
  #reading: Promise<void> = Promise.resolve();
  #watcher: FSWatcher | null = null;
  #timer: Timer | null = null;

  private constructor(options: ShelfOptions) {
    this.#options = options;
  }

  /** Reads the folder; files that can't be used are told, never thrown. */
  static async open(options: ShelfOptions): Promise<Shelf> {
    const shelf = new Shelf(options);
    await shelf.reload();
    return shelf;
  }

  get(name: string): Block | null {
    return this.#blocks.get(name) ?? null;
  }

  /** Every block that serves, by name. */
  get blocks(): readonly Block[] {
    return [...this.#blocks.values()];
  }

  /** Files that can't be used as they are now, with the reason. */
  get problems(): ReadonlyMap<string, string> {
    return this.#problems;
  }

  /** Reads all files again. */
  reload(): Promise<void> {
    const reading = this.#reading.then(() => this.#readAll());
    // A folder that could not be read once must not keep the next look from happening.
    this.#reading = reading.catch(() => {});
    return reading;
  }

  /** A block that is not saved yet, with the partials there are. Throws BlockProblem. */
  draft(name: string, text: string): Promise<Block> {
    const { engine, common } = this.#shared;
    return makeBlock(name, text, common, { engine, linkHosts: this.#options.linkHosts });
  }

  async #readAll(): Promise<void> {
    const { folder, linkHosts } = this.#options;
    const blocks = new Map<string, Block>();
    const problems = new Map<string, string>();
    const partials = this.#partials(problems);
    const shared = {
      engine: newEngine(Object.fromEntries(partials)),
      common: JSON.stringify([...partials]),
      partials,
    };
    for (const [name, text] of this.#read(folder, problems)) {
      try {
        blocks.set(name, await makeBlock(name, text, shared.common, { engine: shared.engine, linkHosts }));
      } catch (error) {
        if (!(error instanceof BlockProblem)) throw error;
        problems.set(name, error.message);
      }
    }
    // E-mails that ask for it may be under way: what serves goes on serving.
    for (const name of this.#blocks.keys())
      if (!blocks.has(name) && !problems.has(name)) problems.set(name, goneWords);
    for (const name of problems.keys()) {
      const before = this.#blocks.get(name);
      if (before !== undefined) blocks.set(name, before);
    }
    this.#tell(problems, blocks);
    this.#shared = shared;
    this.#blocks = blocks;
    this.#problems = problems;
  }

  /** Reloads whenever something in the folder changes. */
  watch(): void {
    const { folder } = this.#options;
    if (!existsSync(folder)) return;
    this.#watcher = watch(folder, { persistent: false, recursive: true }, () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = setTimeout(() => {
        this.reload().catch((error: unknown) => {
          this.#options.notice("error", `the content folder can't be read: ${String(error)}`);
        });
      }, settleMs);
    });
    this.#watcher.on("error", () => this.#watcher?.close());
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#watcher?.close();
  }

  /** Partials that can be used; instead of a broken one the one before. */
  #partials(problems: Map<string, string>): ReadonlyMap<string, string> {
    const engine = newEngine({});
    const good = new Map<string, string>();
    for (const [name, text] of this.#read(join(this.#options.folder, "partials"), problems)) {
      try {
        engine.parse(text, 0);
        good.set(name, text);
      } catch (error) {
        if (!(error instanceof BlockProblem)) throw error;
        problems.set(`partials/${name}`, error.message);
        const before = this.#shared.partials.get(name);
        if (before !== undefined) good.set(name, before);
      }
    }
    return good;
  }

  #read(folder: string, problems: Map<string, string>): readonly (readonly [name: string, text: string])[] {
    if (!existsSync(folder)) return [];
    const files = readdirSync(folder).filter((file) => file.endsWith(".liquid"));
    return files
      .sort()
      .slice(0, maxBlocks)
      .flatMap((file) => {
        const name = basename(file, ".liquid");
        const path = join(folder, file);
        if (!blockName.test(name)) {
          problems.set(name, "a name has lower-case letters, digits, - and _, and at most 64 of them");
          return [];
        }
        if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) > maxFileBytes) {
          problems.set(name, `larger than ${maxFileBytes} bytes`);
          return [];
        }
        return [[name, readFileSync(path, "utf8")] as const];
      });
  }

  #tell(problems: ReadonlyMap<string, string>, blocks: ReadonlyMap<string, Block>): void {
    const { notice } = this.#options;
    for (const [name, why] of problems)
      if (this.#problems.get(name) !== why)
        notice(
          "error",
          `content block ${name} can't be used${blocks.has(name) ? ", the one before goes on serving" : ""}: ${why}`,
        );
    for (const name of this.#problems.keys())
      if (!problems.has(name)) notice("info", `content block ${name} can be used again`);
  }
}
