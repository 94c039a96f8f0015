/**
 * The blocks of a folder: read at the start and whenever a file changes. A file that can't be used leaves the block as it
 * was, serving, and that is said, with line and column.
 */
import { existsSync, readdirSync, readFileSync, statSync, watch, type FSWatcher } from "node:fs";
import { basename, join } from "node:path";
import { makeBlock, blockName, type Block } from "./block.ts";
import { newEngine } from "./engine.ts";
import { BlockProblem } from "./frontMatter.ts";

export interface ShelfOptions {
  readonly folder: string;
  readonly linkHosts: readonly string[] | null;
  /** Told of every file that can't be used, and once it can again. */
  readonly notice: (level: "info" | "error", sentence: string) => void;
}

const maxBlocks = 1_000;
const maxFileBytes = 256 * 1024;
/** Editors write a file in several steps. */
const settleMs = 100;

export class Shelf implements Disposable {
  readonly #options: ShelfOptions;
  #blocks: ReadonlyMap<string, Block> = new Map();
  #problems: ReadonlyMap<string, string> = new Map();
  #watcher: FSWatcher | null = null;
  #timer: Timer | null = null;

  constructor(options: ShelfOptions) {
    this.#options = options;
    this.reload();
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
  reload(): void {
    const { folder, linkHosts } = this.#options;
    const blocks = new Map<string, Block>();
    const problems = new Map<string, string>();
    const partials = this.#read(join(folder, "partials"), problems);
    const common = JSON.stringify([...partials]);
    const use = { engine: newEngine(Object.fromEntries(partials)), linkHosts };
    for (const [name, text] of this.#read(folder, problems)) {
      try {
        blocks.set(name, makeBlock(name, text, common, use));
      } catch (error) {
        if (!(error instanceof BlockProblem)) throw error;
        problems.set(name, error.message);
      }
    }
    for (const name of problems.keys()) {
      const before = this.#blocks.get(name);
      if (before !== undefined) blocks.set(name, before);
    }
    this.#tell(problems, blocks);
    this.#blocks = blocks;
    this.#problems = problems;
  }

  /** Reloads whenever something in the folder changes. */
  watch(): void {
    const { folder } = this.#options;
    if (!existsSync(folder)) return;
    this.#watcher = watch(folder, { persistent: false, recursive: true }, () => {
      if (this.#timer !== null) clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.reload(), settleMs);
    });
    this.#watcher.on("error", () => this.#watcher?.close());
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#watcher?.close();
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
