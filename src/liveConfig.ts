/**
 * The configuration at work: read again when its file changes, on SIGHUP or when an operator asks; checked whole before
 * anything of it is used; what decides about profiles and events is taken into use while the service goes on.
 */
import { changeableOf, differenceLine, differenceOf, isSame, rebuildProblems } from "./configDifference.ts";
import { editableFile, replaceFile, type EditableFile } from "./configFileEdit.ts";
import { ConfigWatch } from "./configWatch.ts";
import type {
  ConfigApplied,
  ConfigDifference,
  ConfigPlanned,
  ConfigSaved,
  ConfigVerdict,
} from "./admin/workReports.ts";
import { ConfigError } from "./config/configError.ts";
import type { ServeSettings } from "./config/settings.ts";
import type { Clock } from "./lib/clock.ts";
import { errorText } from "./lib/describeError.ts";
import type { Log } from "./lib/log.ts";
import type { StoreAdmin } from "./store/storeApi.ts";

export interface LiveConfigDeps {
  readonly admin: StoreAdmin;
  /** Takes other destinations and triggers into use. */
  readonly useWaysOut: (next: Pick<ServeSettings, "destinations" | "triggers">) => Promise<void>;
  /** Watches the data by other rules from now on. */
  readonly useWatching: (next: Pick<ServeSettings, "audits" | "freshness">) => void;
  readonly clock: Clock;
  readonly log: Log;
  /** Reads flags, environment and file again, or this text in the file's place. Throws ConfigError. */
  readonly load: (text?: string) => ServeSettings;
  /** True while new rules would be computed before anybody could notice. */
  readonly isQuick: () => boolean;
}

type OnProgress = (share: number) => void;

const unheard: OnProgress = () => {};

export class LiveConfig implements Disposable {
  readonly #deps: LiveConfigDeps;
  #used: ServeSettings;
  readonly #watch: ConfigWatch;
  #isWatching = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(deps: LiveConfigDeps, used: ServeSettings) {
    this.#deps = deps;
    this.#used = used;
    this.#watch = new ConfigWatch(
      () => void this.applyAndSay("watch"),
      (folder) =>
        deps.log.warn("the configuration can't be watched; freshet config apply takes it into use", {
          folder,
        }),
    );
  }

  /**
   * Notes what the server started with, and takes into use what changed since the last run: at once where that is
   * quick, else while profiles of before are read.
   */
  async started(settings: ServeSettings): Promise<void> {
    if (differenceOf(this.#used, settings).rules.length === 0) return this.#note("start", settings, []);
    if (this.#deps.isQuick()) return this.applyAndSay("start");
    this.#deps.log.info(
      "definitions changed since the last run: the former ones are used until they are computed",
    );
    this.applyAndSay("start").catch(() => {});
  }

  /** Compares the file with what is in use. Throws ConfigError. */
  difference(): ConfigDifference {
    return differenceOf(this.#used, this.#deps.load());
  }

  /** What is wrong with a text, or what it would change. */
  check(text: string): ConfigVerdict {
    try {
      return { problems: [], difference: differenceOf(this.#used, this.#deps.load(text)) };
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error;
      const prefix = `${this.#used.configPath}: `;
      const problems = error.marks().map((mark) => ({ ...mark, text: withoutPrefix(mark.text, prefix) }));
      return { problems, difference: null };
    }
  }

  /**
   * What the file, or a text in its place, would change, with what it would do to profiles: found on a copy beside the
   * service. What can't be changed at work is left out of the copy, and named. Throws ConfigError.
   */
  async plan(text: string | null, onProgress: OnProgress): Promise<ConfigPlanned> {
    const next = this.#deps.load(text ?? undefined);
    const difference = differenceOf(this.#used, next);
    const { rules } = changeableOf(this.#used, next);
    const effect =
      difference.rules.length === 0
        ? null
        : await this.#deps.admin.rehearseRules(rules, next.lists, onProgress);
    return { ...difference, effect };
  }

  /** Takes the file into use; after others that were asked for before. Throws ConfigError, with nothing changed. */
  apply(by: string, onProgress: OnProgress = unheard): Promise<ConfigApplied> {
    return this.#inTurn(() => this.#apply(by, this.#deps.load(), onProgress));
  }

  /**
   * Puts a text in the file's place and takes it into use; `base` names what the file held when the editing began.
   * Throws ConfigError for a wrong text, with nothing changed.
   */
  save(text: string, base: string, by: string, onProgress: OnProgress = unheard): Promise<ConfigSaved> {
    return this.#inTurn(async (): Promise<ConfigSaved> => {
      const next = this.#deps.load(text);
      const problems = rebuildProblems(differenceOf(this.#used, next));
      if (problems.length > 0) throw new ConfigError(problems);
      const file = this.file();
      if (file.fixedBecause !== null) return { kind: "fixed", why: file.fixedBecause };
      if (file.base !== base) return { kind: "changed" };
      if (file.text !== text) replaceFile(file.path, text);
      return { kind: "saved", applied: await this.#apply(by, next, onProgress) };
    });
  }

  /** The file, and whether it can be replaced. */
  file(): EditableFile {
    return editableFile(this.#used);
  }

  /** Applies for someone who hears of it in the log only. */
  async applyAndSay(by: string): Promise<void> {
    const { log } = this.#deps;
    try {
      const applied = await this.apply(by);
      const { atNextStart, profiles } = applied;
      if (isSame(applied)) return;
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

  /** Applies the file whenever it, a file of the tracking plan or a segment's list changes. */
  watch(): void {
    this.#isWatching = true;
    this.#watch.follow(this.#used);
  }

  [Symbol.dispose](): void {
    this.#isWatching = false;
    this.#watch[Symbol.dispose]();
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #apply(by: string, next: ServeSettings, onProgress: OnProgress): Promise<ConfigApplied> {
    const difference = differenceOf(this.#used, next);
    const problems = rebuildProblems(difference);
    if (problems.length > 0) throw new ConfigError(problems);
    const { admin } = this.#deps;
    const { profiles } =
      difference.rules.length === 0
        ? { profiles: 0 }
        : await admin.applyRules(next.rules, next.lists, onProgress);
    if (difference.plan.length > 0) await admin.usePlan(next.plan);
    if (difference.destinations.length > 0) await this.#deps.useWaysOut(next);
    if (difference.watching.length > 0) this.#deps.useWatching(next);
    const { rules, plan, destinations, triggers, audits, freshness, configText, configOrigin, planFolder } =
      next;
    this.#used = {
      ...this.#used,
      rules,
      plan,
      destinations,
      triggers,
      audits,
      freshness,
      configText,
      configOrigin,
      planFolder,
    };
    if (this.#isWatching) this.#watch.follow(this.#used);
    await this.#note(
      by,
      next,
      [...difference.rules, ...difference.plan, ...difference.destinations, ...difference.watching].map(
        differenceLine,
      ),
    );
    return { ...difference, profiles };
  }

  async #note(by: string, { configText }: ServeSettings, changes: readonly string[]): Promise<void> {
    if (configText === null) return;
    await this.#deps.admin.noteConfig({
      appliedAtMs: this.#deps.clock.nowMs(),
      by,
      text: configText,
      changes,
    });
  }
}

/** Whoever looks at the text knows which file it is. */
function withoutPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
