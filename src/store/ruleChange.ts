/**
 * Changing the rules at work, seen from the main thread: profiles of the new rules are built by the maintenance thread,
 * caught up and taken by the writer, and then every follower of the feed hears what is another now. Reads keep the
 * old answer until the new profiles are whole, then all of them change at once.
 */
import { rmSync } from "node:fs";
import type { Clock } from "../lib/clock.ts";
import type { RulesRehearsed } from "../model/ruleDifference.ts";
import type { Rules } from "../model/rules.ts";
import type { RuleChanges } from "./compareRules.ts";
import { folderPaths } from "./folder.ts";
import type { MaintenanceDesk } from "./maintenanceDesk.ts";
import type { ControlRequest, FromWriter, ToWriter } from "./messages.ts";
import type { ListBytes } from "./segmentLists.ts";
import type { Untold } from "./untold.ts";

export interface RuleChangeDeps {
  readonly folder: string;
  readonly hotProfiles: number;
  readonly maintenance: MaintenanceDesk;
  readonly ask: <T>(request: ControlRequest) => Promise<T>;
  readonly send: (message: ToWriter) => void;
  /** Waits while the profiles in use are rebuilt. */
  readonly untilLive: () => Promise<void>;
  /** Profiles of the new rules are in use: readers go on with them. */
  readonly onTaken: (taken: Extract<FromWriter, { kind: "rulesTaken" }>) => void;
  readonly clock: Pick<Clock, "monotonicMs">;
  /** True while requests wait for the writer, which telling must stand back behind. */
  readonly isBusy: () => boolean;
  /** Share of the work that is done, 0 to 1; null when none is under way. */
  readonly onProgress: (share: number | null) => void;
}

/** What a change of the rules did. */
export interface RulesApplied {
  /** False: the rules were these already. */
  readonly changed: boolean;
  /** Profiles whose traits are others than before. */
  readonly profiles: number;
}

/** A busy river may bring an erasure in each try. */
const tries = 5;
/** Profiles compared at a time, and rows written in one transaction. */
const pageProfiles = 5_000;
const tellRows = 250;
const pauseFactor = 4;
const longestPauseMs = 500;
/** Building, and telling, as shares of the whole. */
const buildShare = 0.8;

type Outcome = Extract<FromWriter, { kind: "rulesTaken" | "rulesNotTaken" }>;

export class RuleChange {
  readonly #deps: RuleChangeDeps;
  #rules: Rules;
  #taking: ((outcome: Outcome) => void) | null = null;
  #last: Promise<unknown> = Promise.resolve();
  #closed = false;
  /** Of whoever asked for the change that is under way. */
  #onProgress: (share: number) => void = () => {};

  constructor(deps: RuleChangeDeps, rules: Rules) {
    this.#deps = deps;
    this.#rules = rules;
  }

  /** The rules in use. */
  get rules(): Rules {
    return this.#rules;
  }

  /**
   * Takes other rules into use, with the content of the lists that they name; resolves when every follower can hear of
   * it. Throws when that can't be done.
   */
  apply(
    rules: Rules,
    lists?: ListBytes,
    onProgress: (share: number) => void = () => {},
  ): Promise<RulesApplied> {
    return this.#inTurn(() => {
      this.#onProgress = onProgress;
      return this.#apply(rules, lists);
    });
  }

  /** Finds what other rules would do, on a copy that is thrown away; nothing changes. */
  rehearse(
    rules: Rules,
    lists: ListBytes | undefined,
    from: { readonly profiles: string; readonly nowMs: number },
    onProgress: (share: number) => void,
  ): Promise<RulesRehearsed> {
    return this.#inTurn(async () => {
      await this.#deps.ask({ act: "checkRules", rules, lists });
      return this.#rehearse(rules, from.profiles, from.nowMs, onProgress);
    });
  }

  /** Goes on telling what the last run of the server could not. */
  resume(untold: Untold, profiles: string): Promise<number> {
    return this.#inTurn(() => this.#tell(untold, profiles));
  }

  /** The writer's word on profiles that were handed to it. */
  receive(outcome: Outcome): void {
    if (outcome.kind === "rulesTaken") {
      this.#rules = outcome.rules;
      this.#deps.onTaken(outcome);
    }
    this.#taking?.(outcome);
    this.#taking = null;
  }

  close(): void {
    this.#closed = true;
    this.#taking?.({ kind: "rulesNotTaken", why: "the server is shutting down" });
    this.#taking = null;
  }

  #say(share: number): void {
    this.#onProgress(share);
    this.#deps.onProgress(share);
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work).finally(() => {
      this.#onProgress = () => {};
      this.#deps.onProgress(null);
    });
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #rehearse(
    rules: Rules,
    profiles: string,
    nowMs: number,
    onProgress: (share: number) => void,
  ): Promise<RulesRehearsed> {
    const { folder, hotProfiles, maintenance, ask } = this.#deps;
    const { head } = await ask<{ readonly head: number }>({ act: "holdLinks", holds: true });
    let name: string | null = null;
    try {
      const job = { kind: "rebuild", isBeside: true, folder, upTo: head, hotProfiles, rules } as const;
      const built = await maintenance.run(job, (share) => onProgress(share * buildShare));
      if (!("watermark" in built && "folder" in built)) throw new Error("the rebuild gave no profiles");
      name = built.folder;
      return await this.#count(
        { folder: profiles, rules: this.#rules, afterPid: 0, atMs: nowMs },
        name,
        rules,
      );
    } finally {
      if (name !== null) rmSync(folderPaths(folder).profiles(name), { recursive: true, force: true });
      if (!this.#closed) await ask({ act: "holdLinks", holds: false });
    }
  }

  async #count(from: Untold, profiles: string, rules: Rules): Promise<RulesRehearsed> {
    const counted = { profiles: 0, changed: 0 };
    const traits: Record<string, number> = {};
    const segments: Record<string, { entered: number; exited: number }> = {};
    for (let left: Untold | null = from; left !== null;) {
      const page = await this.#compare(profiles, rules, left);
      const { changes, nextPid, profiles: seen } = page;
      counted.profiles += seen;
      counted.changed += changes.length;
      for (const [, diff] of changes) {
        for (const name of Object.keys(diff.traits ?? {})) traits[name] = (traits[name] ?? 0) + 1;
        for (const name of diff.segments?.entered ?? [])
          (segments[name] ??= { entered: 0, exited: 0 }).entered += 1;
        for (const name of diff.segments?.exited ?? [])
          (segments[name] ??= { entered: 0, exited: 0 }).exited += 1;
      }
      left = nextPid === null ? null : { ...left, afterPid: nextPid };
    }
    return { ...counted, traits, segments };
  }

  async #apply(rules: Rules, lists?: ListBytes): Promise<RulesApplied> {
    if (JSON.stringify(rules) === JSON.stringify(this.#rules)) return { changed: false, profiles: 0 };
    await this.#deps.ask({ act: "checkRules", rules, lists });
    const taken = await this.#take(rules);
    return { changed: true, profiles: await this.#tell(taken.untold, nameOf(taken.folder)) };
  }

  async #take(rules: Rules): Promise<Extract<Outcome, { kind: "rulesTaken" }>> {
    const { ask } = this.#deps;
    let why = "";
    try {
      for (let attempt = 1; attempt <= tries && !this.#closed; attempt += 1) {
        await this.#deps.untilLive();
        if (this.#closed) break;
        const { head } = await ask<{ readonly head: number }>({ act: "holdLinks", holds: true });
        const outcome = await this.#build(rules, head);
        if (outcome.kind === "rulesTaken") return outcome;
        ({ why } = outcome);
      }
    } finally {
      if (!this.#closed) await ask({ act: "holdLinks", holds: false });
    }
    throw new Error(`the new rules could not be taken into use: ${why}`);
  }

  async #build(rules: Rules, upTo: number): Promise<Outcome> {
    const { folder, hotProfiles, maintenance, send } = this.#deps;
    const built = await maintenance.run(
      { kind: "rebuild", isBeside: true, folder, upTo, hotProfiles, rules },
      (share) => this.#say(share * buildShare),
    );
    if (!("watermark" in built && "folder" in built)) throw new Error("the rebuild gave no profiles");
    if (this.#closed) return { kind: "rulesNotTaken", why: "the server is shutting down" };
    return new Promise((resolve) => {
      this.#taking = resolve;
      send({ kind: "takeRules", folder: built.folder, rules });
    });
  }

  /** One page of what the rules make another, on the maintenance thread. */
  async #compare(profiles: string, rules: Rules, untold: Untold): Promise<RuleChanges> {
    const { folder, maintenance } = this.#deps;
    const job = { kind: "compareRules", folder, profiles, rules, untold, limit: pageProfiles } as const;
    const page = await maintenance.run(job, () => {});
    if (!("changes" in page)) throw new Error("the comparison gave no changes");
    return page;
  }

  /** Where events wait for the writer, four fifths of its time are left to them. */
  async #tellSome(changes: RuleChanges["changes"], untold: Untold): Promise<void> {
    const { ask, clock, isBusy } = this.#deps;
    const startedMs = clock.monotonicMs();
    await ask({ act: "tellRules", changes, untold });
    if (isBusy()) await Bun.sleep(Math.min(longestPauseMs, (clock.monotonicMs() - startedMs) * pauseFactor));
  }

  /** Tells followers, page by page; returns how many profiles changed. */
  async #tell(untold: Untold, profiles: string): Promise<number> {
    const { ask } = this.#deps;
    const rules = this.#rules;
    let told = 0;
    for (let left: Untold | null = untold; left !== null && !this.#closed;) {
      const page = await this.#compare(profiles, rules, left);
      const { changes, nextPid } = page;
      for (let at = 0; at < changes.length && !this.#closed; at += tellRows)
        await this.#tellSome(changes.slice(at, at + tellRows), left);
      told += changes.length;
      const after: Untold | null = nextPid === null ? null : { ...left, afterPid: nextPid };
      if (!this.#closed) await ask({ act: "tellRules", changes: [], untold: after });
      this.#say(buildShare + (1 - buildShare) / 2);
      left = after;
    }
    return told;
  }
}

/** Name of a profile folder inside the data folder. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}
