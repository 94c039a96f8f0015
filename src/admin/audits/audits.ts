/**
 * Audits at work: counts what came once a minute, looks at everything once an hour (or when asked), keeps what was found
 * in ops.db, and tells the alerts. The work is done on a thread of its own, one piece at a time; what stands here passes
 * it on.
 */
import type { Clock } from "../../lib/clock.ts";
import { describeError } from "../../lib/describeError.ts";
import type { Ids } from "../../lib/id.ts";
import type { Log } from "../../lib/log.ts";
import type { Timers } from "../../lib/timers.ts";
import type { AuditRules } from "../../model/audit/rules.ts";
import type { AuditRan } from "../../store/audit/auditJob.ts";
import type { AuditRun, AuditState, KeptFinding } from "../../store/audit/auditRoom.ts";
import { newestBlock } from "../../store/audit/sealing.ts";
import type { MaintenanceDesk } from "../../store/maintenanceDesk.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { Condition } from "../alerts/condition.ts";

export interface AuditsDeps {
  readonly folder: string;
  /** The journal as it is now. */
  readonly journal: () => { readonly journalId: string; readonly epoch: number; readonly head: number };
  /** A thread of its own: a rebuild must not wait for an audit. */
  readonly maintenance: Pick<MaintenanceDesk, "run" | "close">;
  readonly ops: Pick<OpsDesk, "ask">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly ids: Ids;
  readonly log: Log;
}

/** How it is judged. */
export interface AuditSettings {
  readonly rules: AuditRules;
  /** From which severity on a finding raises an alert. */
  readonly alert: "warning" | "critical" | "never";
}

/** A run with all that it found. */
export interface AuditOutcome {
  readonly run: AuditRun;
  readonly findings: readonly KeptFinding[];
}

const lookEveryMs = 60_000;
/** Sealed blocks that a run of the schedule looks at again: a quarter of a million rows. */
const blocksEach = 64;
/** Profiles are read at most a twentieth of the time. */
const scanShare = 20;
const maxConditions = 50;

export class Audits implements Disposable {
  readonly #deps: AuditsDeps;
  #settings: AuditSettings;
  readonly #timer: Disposable;
  #last: Promise<unknown> = Promise.resolve();
  #isBusy = false;
  #isClosed = false;
  #latest: AuditOutcome | null = null;
  #progress: number | null = null;
  #scannedAtMs = -Infinity;
  #scanTookMs = 0;

  constructor(deps: AuditsDeps, settings: AuditSettings) {
    this.#deps = deps;
    this.#settings = settings;
    this.#timer = deps.timers.every(lookEveryMs, () => this.#look());
  }

  get rules(): AuditRules {
    return this.#settings.rules;
  }

  /** Judges by these from the next piece of work on. */
  use(settings: AuditSettings): void {
    this.#settings = settings;
  }

  /** Share of a run that is done; null when none is under way. */
  get progress(): number | null {
    return this.#progress;
  }

  /** The newest run since the start; null before it. */
  get latest(): AuditOutcome | null {
    return this.#latest;
  }

  /** Looks at everything now, after what is under way. `cause` says who asked. */
  run(cause: string, onProgress: (share: number) => void = () => {}): Promise<AuditOutcome> {
    return this.#inTurn(() => this.#run(cause, onProgress));
  }

  /** Resolves once nothing is under way. */
  async idle(): Promise<void> {
    await this.#last;
  }

  /** What of the newest run is to raise alerts. */
  conditions(): readonly Condition[] {
    const { alert } = this.#settings;
    if (alert === "never") return [];
    return (this.#latest?.findings ?? [])
      .filter(({ severity }) => alert === "warning" || severity === "critical")
      .slice(0, maxConditions)
      .map(({ key, source, sentence, value, expected }) => ({
        id: `audit:${key}`,
        kind: "audit",
        source,
        sentence,
        value,
        threshold: expected ?? 0,
      }));
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#timer[Symbol.dispose]();
    this.#deps.maintenance.close();
  }

  #look(): void {
    if (this.#isBusy || this.#isClosed) return;
    this.#isBusy = true;
    this.#inTurn(() => this.#tend()).then(
      () => {
        this.#isBusy = false;
      },
      (error: unknown) => {
        this.#isBusy = false;
        if (!this.#isClosed) this.#deps.log.warn("an audit could not be done", describeError(error));
      },
    );
  }

  async #tend(): Promise<void> {
    const { ops, clock } = this.#deps;
    const { rules } = this.#settings;
    this.#latest ??= await this.#newestKept();
    await this.#count();
    if (rules.everyMs === 0) return;
    const [last] = await ops.ask("audits", "runs", Number.MAX_SAFE_INTEGER, 1);
    if (last === undefined || Math.abs(clock.nowMs() - last.endedAtMs) >= rules.everyMs)
      await this.#run("schedule", () => {});
  }

  async #newestKept(): Promise<AuditOutcome | null> {
    const { ops } = this.#deps;
    const [run] = await ops.ask("audits", "runs", Number.MAX_SAFE_INTEGER, 1);
    return run === undefined ? null : { run, findings: await ops.ask("audits", "findings", run.id) };
  }

  /** Counts and seals what came since the last time. */
  async #count(): Promise<AuditState> {
    const { ops, maintenance, folder, journal, clock } = this.#deps;
    const { rules } = this.#settings;
    for (;;) {
      const now = journal();
      const state = await ops.ask("audits", "state", now);
      if (now.head <= state.cursor && newestBlock(now.head) <= state.lastBlock) return state;
      const job = { kind: "auditTally", folder, rules, fromSeq: state.cursor } as const;
      const counted = await maintenance.run(job, () => {});
      if (!("kind" in counted) || counted.kind !== "tallied") throw new Error("the tally gave no counts");
      const { seals, ...tallied } = counted;
      await ops.ask("audits", "tallied", tallied);
      await ops.ask("audits", "sealed", seals, [], clock.nowMs());
    }
  }

  async #run(cause: string, onProgress: (share: number) => void): Promise<AuditOutcome> {
    const { ops, clock, log } = this.#deps;
    const { rules } = this.#settings;
    const begunAtMs = clock.nowMs();
    this.#progress = 0;
    try {
      const { cursor, erasure } = await this.#count();
      const ran = await this.#judge(begunAtMs, cause, { seq: cursor, erasure }, (share) => {
        this.#progress = share;
        onProgress(share);
      });
      const endedAtMs = clock.nowMs();
      const { findings, scans, checked, report } = ran;
      const run = { begunAtMs, endedAtMs, cause, report };
      const id = await ops.ask("audits", "recorded", run, findings, scans, rules.keepDays);
      await ops.ask("audits", "sealed", [], checked, endedAtMs);
      const critical = findings.filter(({ severity }) => severity === "critical").length;
      this.#latest = {
        run: { ...run, id, findings: findings.length, critical },
        findings: await ops.ask("audits", "findings", id),
      };
      if (critical > 0) log.error("an audit found damage", { count: critical });
      return this.#latest;
    } finally {
      this.#progress = null;
    }
  }

  async #judge(
    nowMs: number,
    cause: string,
    counted: { readonly seq: number; readonly erasure: number },
    onProgress: (share: number) => void,
  ): Promise<AuditRan> {
    const { maintenance, folder, ids, clock } = this.#deps;
    const { rules } = this.#settings;
    const isAsked = cause !== "schedule";
    const scans = isAsked || nowMs - this.#scannedAtMs >= scanShare * this.#scanTookMs;
    const begunMs = clock.monotonicMs();
    const ran = await maintenance.run(
      {
        kind: "auditRun",
        folder,
        rules,
        nowMs,
        seed: ids.random(),
        scans,
        blocks: isAsked ? Number.MAX_SAFE_INTEGER : blocksEach,
        counted,
      },
      onProgress,
    );
    if (!("kind" in ran) || ran.kind !== "ran") throw new Error("the audit gave no findings");
    if (scans) {
      this.#scannedAtMs = nowMs;
      this.#scanTookMs = clock.monotonicMs() - begunMs;
    }
    return ran;
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => {});
    return turn;
  }
}
