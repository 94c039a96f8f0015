/**
 * The configuration at work: read again when its file changes, on SIGHUP or when an operator asks; checked whole before
 * anything of it is used; what decides about profiles and events is taken into use while the service goes on.
 */
import { existsSync, watch, type FSWatcher } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { ConfigError } from "./config/configError.ts";
import type { ServeSettings } from "./config/settings.ts";
import type { Clock } from "./lib/clock.ts";
import { errorText } from "./lib/describeError.ts";
import type { Log } from "./lib/log.ts";
import { rulesDiff, type RuleDifference } from "./model/rulesDiff.ts";
import type { RulesRehearsed } from "./store/ruleChange.ts";
import type { StoreAdmin } from "./store/storeApi.ts";

export interface LiveConfigDeps {
  readonly admin: StoreAdmin;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads flags, environment and file again. Throws ConfigError. */
  readonly load: () => ServeSettings;
}

/** What applying the file as it is would change. */
export interface ConfigDifference {
  readonly rules: readonly RuleDifference[];
  readonly plan: boolean;
  /** Sections that are another and are read at the next start only. */
  readonly atNextStart: readonly string[];
}

export interface ConfigPlan extends ConfigDifference {
  /** What the new rules would do to profiles; null when they are the same. */
  readonly effect: RulesRehearsed | null;
}

export interface ConfigApplied extends ConfigDifference {
  /** Profiles that have other values now. */
  readonly profiles: number;
}

/** Editors write a file in several steps. */
const settleMs = 300;

/** Rules about who is who can't change under profiles that were joined by others. */
const fixedParts: ReadonlySet<string> = new Set(["identity"]);

export class LiveConfig implements Disposable {
  readonly #deps: LiveConfigDeps;
  #used: ServeSettings;
  readonly #watchers: FSWatcher[] = [];
  #timer: Timer | null = null;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: LiveConfigDeps, used: ServeSettings) {
    this.#deps = deps;
    this.#used = used;
  }

  /** Notes what the server started with. */
  async started(): Promise<void> {
    await this.#note("start", this.#used);
  }

  /** Compares the file with what is in use. Throws ConfigError. */
  difference(): ConfigDifference {
    return differenceOf(this.#used, this.#deps.load());
  }

  /** The same with what it would do to profiles, found on a copy beside the service. Throws ConfigError. */
  async plan(onProgress: (share: number) => void): Promise<ConfigPlan> {
    const next = this.#deps.load();
    const difference = differenceOf(this.#used, next);
    refuseFixed(difference);
    const effect =
      difference.rules.length === 0
        ? null
        : await this.#deps.admin.rehearseRules(next.rules, next.lists, onProgress);
    return { ...difference, effect };
  }

  /** Takes the file into use; after others that were asked for before. Throws ConfigError, with nothing changed. */
  apply(by: string): Promise<ConfigApplied> {
    const turn = this.#last.then(() => this.#apply(by));
    this.#last = turn.catch(() => {});
    return turn;
  }

  /** Applies for someone who hears of it in the log only. */
  async applyAndSay(by: string): Promise<void> {
    const { log } = this.#deps;
    try {
      const { rules, plan, atNextStart, profiles } = await this.apply(by);
      if (rules.length === 0 && !plan && atNextStart.length === 0) return;
      log.info("the configuration was applied", { signal: by, count: profiles });
      if (atNextStart.length > 0)
        log.warn("parts of the configuration are read at the next start only", {
          signal: by,
          why: atNextStart.join(", "),
        });
    } catch (error) {
      // Problems of a file name its keys and what was expected, none of its values.
      const why = error instanceof ConfigError ? error.lines.join("; ") : errorText(error);
      log.error("the configuration was not applied, the one before stays in use", { signal: by, why });
    }
  }

  /** Applies the file whenever it, or the tracking plan's folder, changes. */
  watch(): void {
    const { configPath, planFolder } = this.#used;
    const path = resolve(configPath);
    // The folder, since most editors put another file in the file's place.
    if (existsSync(dirname(path))) this.#watch(dirname(path), (name) => name === basename(path));
    if (planFolder !== null && existsSync(planFolder)) this.#watch(planFolder, () => true);
  }

  [Symbol.dispose](): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
  }

  #watch(folder: string, isMeant: (name: string) => boolean): void {
    try {
      const watcher = watch(folder, { persistent: false }, (_kind, name) => {
        if (name !== null && !isMeant(name)) return;
        if (this.#timer !== null) clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.applyAndSay("watch"), settleMs);
      });
      watcher.on("error", () => watcher.close());
      this.#watchers.push(watcher);
    } catch {
      this.#deps.log.warn("the configuration can't be watched; freshet config apply takes it into use", {
        folder,
      });
    }
  }

  async #apply(by: string): Promise<ConfigApplied> {
    const next = this.#deps.load();
    const difference = differenceOf(this.#used, next);
    refuseFixed(difference);
    const { admin } = this.#deps;
    const { profiles } =
      difference.rules.length === 0 ? { profiles: 0 } : await admin.applyRules(next.rules, next.lists);
    if (difference.plan) await admin.usePlan(next.plan);
    this.#used = { ...this.#used, rules: next.rules, plan: next.plan, configText: next.configText };
    await this.#note(by, next);
    return { ...difference, profiles };
  }

  async #note(by: string, { configText }: ServeSettings): Promise<void> {
    if (configText !== null)
      await this.#deps.admin.noteConfig({ appliedAtMs: this.#deps.clock.nowMs(), by, text: configText });
  }
}

/** Settings that are no section of the file, or are compared for themselves. */
const otherwise: ReadonlySet<string> = new Set([
  "rules",
  "lists",
  "plan",
  "configPath",
  "configText",
  "planFolder",
  "crashAt",
]);

function differenceOf(used: ServeSettings, next: ServeSettings): ConfigDifference {
  const keys = Object.keys(used).filter((key) => !otherwise.has(key));
  // Settings are plain data.
  const was: Readonly<Record<string, unknown>> = { ...used };
  const is: Readonly<Record<string, unknown>> = { ...next };
  return {
    rules: rulesDiff(used.rules, next.rules),
    plan: JSON.stringify(used.plan) !== JSON.stringify(next.plan),
    atNextStart: keys.filter((key) => JSON.stringify(was[key]) !== JSON.stringify(is[key])),
  };
}

function refuseFixed({ rules }: ConfigDifference): void {
  const fixed = rules.filter(({ part }) => fixedParts.has(part));
  if (fixed.length > 0)
    throw new ConfigError(
      fixed.map(
        ({ part, name, kind }) =>
          `${part}.${name} is ${kind}: who is who can't change at work; stop the server and start it with this file, which rebuilds the profiles`,
      ),
    );
}
