/** Hears when the configuration file, a file of the tracking plan or a segment's list is saved. */
import { existsSync, watch, type FSWatcher } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { ServeSettings } from "./config/settings.ts";
import { listFilesOf } from "./model/segmentRule.ts";

/** Editors write a file in several steps. */
const settleMs = 300;

export class ConfigWatch implements Disposable {
  readonly #onSaved: () => void;
  readonly #onProblem: (folder: string) => void;
  readonly #watchers = new Map<string, FSWatcher>();
  /** By folder: names of its files that are meant; null: all. */
  #meant: ReadonlyMap<string, ReadonlySet<string> | null> = new Map();
  #timer: Timer | null = null;

  constructor(onSaved: () => void, onProblem: (folder: string) => void) {
    this.#onSaved = onSaved;
    this.#onProblem = onProblem;
  }

  /** Watches what these settings were read from, and nothing else any more. */
  follow(settings: ServeSettings): void {
    this.#meant = foldersOf(settings);
    for (const [folder, watcher] of this.#watchers)
      if (!this.#meant.has(folder)) {
        watcher.close();
        this.#watchers.delete(folder);
      }
    for (const folder of this.#meant.keys()) if (!this.#watchers.has(folder)) this.#watch(folder);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watcher of this.#watchers.values()) watcher.close();
    this.#watchers.clear();
  }

  #watch(folder: string): void {
    if (!existsSync(folder)) return;
    try {
      // The folder, since most editors put another file in the file's place.
      const watcher = watch(folder, { persistent: false }, (_kind, name) => {
        const names = this.#meant.get(folder);
        if (names === undefined || (names !== null && name !== null && !names.has(name))) return;
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = setTimeout(this.#onSaved, settleMs);
      });
      watcher.on("error", () => {
        watcher.close();
        this.#watchers.delete(folder);
      });
      this.#watchers.set(folder, watcher);
    } catch {
      this.#onProblem(folder);
    }
  }
}

function foldersOf({ configPath, configOrigin, planFolder, rules }: ServeSettings) {
  const folders = new Map<string, Set<string> | null>();
  const path = resolve(configPath);
  const lists = rules.segments.flatMap(({ rule }) => listFilesOf(rule));
  const files =
    configOrigin === "builtIn" ? [] : [path, ...lists.map((list) => resolve(dirname(path), list))];
  for (const file of files) {
    const names = folders.get(dirname(file)) ?? new Set<string>();
    folders.set(dirname(file), names.add(basename(file)));
  }
  if (planFolder !== null) folders.set(planFolder, null);
  return folders;
}
