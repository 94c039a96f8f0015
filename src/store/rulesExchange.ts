/**
 * The writer's part in changing the rules at work (nextProfiles.ts): catches the new profiles up between groups, takes
 * them into use in one turn, and writes the rows that tell followers what is another now.
 *
 *   idle → prepare() → catching up, a slice a turn → taken → telling → idle
 *                    ↘ something came that only a rebuild repeats: given up, and said
 */
import { rmSync } from "node:fs";
import type { Clock } from "../lib/clock.ts";
import type { CrashPoint } from "../lib/crashPoint.ts";
import { errorText } from "../lib/describeError.ts";
import type { Rules } from "../model/rules.ts";
import type { Restore } from "./accept.ts";
import { appendAct } from "./acts.ts";
import { ReplayNotPossible } from "./catchUp.ts";
import { leftToTell, type RuleChanges } from "./compareRules.ts";
import { folderPaths, removeStrayProfiles } from "./folder.ts";
import type { FromWriter } from "./messages.ts";
import { NextProfiles } from "./nextProfiles.ts";
import { takeEpochs } from "./segmentEpochs.ts";
import { classifyWriteFailure } from "./sqlite.ts";
import { readUntold, writeUntold, type Untold } from "./untold.ts";
import { rulesIn, rulesMeta } from "./usedDefinitions.ts";
import type { Writer } from "./writer.ts";

export interface RulesExchangeDeps {
  readonly writer: Writer;
  readonly folder: string;
  readonly restore: Restore;
  readonly hotProfiles: number;
  readonly clock: Clock;
  readonly crash: CrashPoint;
  readonly post: (message: FromWriter) => void;
}

const catchUpRows = 500;

export class RulesExchange {
  readonly #deps: RulesExchangeDeps;
  #next: NextProfiles | null = null;
  /** True while new profiles are made: late links wait, since what they move can't be caught up with. */
  holdsLinks = false;

  constructor(deps: RulesExchangeDeps) {
    this.#deps = deps;
  }

  /** Opens profiles of other rules, to be caught up from here on. */
  async prepare(name: string, rules: Rules): Promise<void> {
    const { writer, folder, restore, hotProfiles } = this.#deps;
    await this.giveUp("other rules came");
    if (writer.mode !== "live") return this.#refuse(name, "the profiles in use are rebuilt");
    try {
      const use = { journal: writer.journal, restore, hotProfiles };
      this.#next = new NextProfiles(name, folderPaths(folder).profiles(name), rules, use);
    } catch (error) {
      this.#refuse(name, errorText(error));
    }
  }

  /** One slice of work; true if there may be more. */
  async advance(): Promise<boolean> {
    const next = this.#next;
    if (next === null) return false;
    const { writer } = this.#deps;
    if (writer.mode !== "live") {
      await this.giveUp("the profiles in use are rebuilt");
      return true;
    }
    try {
      if (next.catchUp(catchUpRows, writer.head)) await this.#take(next);
    } catch (error) {
      if (classifyWriteFailure(error) === "io") throw error;
      await this.giveUp(error instanceof ReplayNotPossible ? error.message : errorText(error));
    }
    return true;
  }

  /** Lets go of profiles that are not in use yet. */
  async giveUp(why: string): Promise<void> {
    const next = this.#next;
    if (next === null) return;
    this.#next = null;
    await next.close();
    this.#refuse(next.name, why);
  }

  /** Writes what a change of the rules did to these profiles, and what is left to tell after them. */
  tell(changes: RuleChanges["changes"], untold: Untold | null): void {
    const { writer, clock, crash } = this.#deps;
    const committedAtMs = clock.nowMs();
    writer.act((folded) => {
      if (folded !== null)
        for (const [pid, compared] of changes) {
          const profile = folded.hot.profile(pid);
          if (profile === undefined || profile.pid !== pid) continue;
          const diff = leftToTell(compared, profile, folded.definitions, committedAtMs);
          if (diff === null) continue;
          folded.hot.touch(profile);
          const act = { kind: "definition", seq: writer.nextSeq(), committedAtMs } as const;
          appendAct(writer.journal, profile, { ...act, diff: JSON.stringify(diff) });
        }
      writeUntold(writer.journal, untold);
    });
    crash("afterRulesTold");
    if (untold === null) this.sweep();
  }

  untold(): Untold | null {
    return readUntold(this.#deps.writer.journal);
  }

  /** Removes profile folders that nobody needs any more. */
  sweep(): void {
    const { journal } = this.#deps.writer;
    const kept = [journal.getMeta("profilesFolder"), this.untold()?.folder ?? null, this.#next?.name ?? null];
    if (!this.holdsLinks) removeStrayProfiles(this.#deps.folder, kept);
  }

  async #take(next: NextProfiles): Promise<void> {
    const { writer, clock, crash, post } = this.#deps;
    const { journal } = writer;
    const earlier = this.untold();
    // Followers who were not told of the change before this one hear of both at once, from what they last knew.
    const untold: Untold = {
      folder: earlier === null ? journal.getMeta("profilesFolder") : earlier.folder,
      rules: earlier === null ? rulesIn(journal.getMeta(rulesMeta)) : earlier.rules,
      afterPid: 0,
      atMs: clock.nowMs(),
    };
    this.#next = null;
    crash("beforeRulesTaken");
    writer.act(() => {
      journal.setMeta("profilesFolder", next.name);
      journal.setMeta(rulesMeta, JSON.stringify(next.rules));
      takeEpochs(journal, next.epochs, writer.head);
      writeUntold(journal, untold);
    });
    const former = writer.exchange(next.folded);
    crash("afterRulesTaken");
    post({
      kind: "rulesTaken",
      folder: next.folded.store.folder,
      visible: writer.visible,
      rules: next.rules,
      untold,
    });
    await former.store.close();
  }

  #refuse(name: string, why: string): void {
    rmSync(folderPaths(this.#deps.folder).profiles(name), { recursive: true, force: true });
    this.#deps.post({ kind: "rulesNotTaken", why });
  }
}
