/**
 * A destination that takes every change, in order (a webhook, an export): there is no queue, its cursor is all it has.
 * What it does not take for a passing reason is tried again before anything later; what it never takes becomes a dead
 * letter, and the next one goes.
 */
import type { CrashPoint } from "../../lib/crashPoint.ts";
import { retryWaitMs } from "../../model/delivery/backoff.ts";
import { formatCursor } from "../../model/cursor.ts";
import { isTooOld } from "../../model/delivery/delivery.ts";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type { Change } from "../../model/change.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { DeadWhy } from "../../store/ops/deliveries.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import { answerText, performed, sizeOf, sentOf, verdictAfterAsking } from "./answers.ts";
import type { CourierDeps } from "./courier.ts";
import type { Answer, ChangeRow, OpenDestination } from "./destination.ts";
import { forLetter, shownRequest } from "./mask.ts";
import type { Wake } from "./wake.ts";

export interface ChangeFollowerDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly id: number;
  readonly changes: ChangeLog;
  readonly namespace: "live" | "test";
  readonly parts: CourierDeps;
  readonly wake: Wake;
  readonly crash: CrashPoint;
}

const lookMs = 5_000;
/** While it can't send; turns come back by themselves. */
const heldMs = 500;

export class ChangeFollower {
  readonly #deps: ChangeFollowerDeps;
  readonly #capability: NonNullable<OpenDestination["changes"]>;
  #cursor: number;
  #attempts = 0;
  #failingSinceMs: number | null = null;
  /** Fewer rows a request after one of them spoiled it. */
  #span: number;

  constructor(deps: ChangeFollowerDeps, capability: NonNullable<OpenDestination["changes"]>, cursor: number) {
    this.#deps = deps;
    this.#capability = capability;
    this.#cursor = cursor;
    this.#span = capability.maxRows;
  }

  get cursor(): number {
    return this.#cursor;
  }

  async follow(): Promise<void> {
    const { changes, parts, wake } = this.#deps;
    while (!parts.signal.aborted) {
      const page = changes.read(this.#cursor, this.#span);
      const mine = page.changes.filter(({ namespace }) => namespace === this.#deps.namespace);
      if (mine.length === 0) {
        if (page.scannedTo > this.#cursor) await this.#advance(page.scannedTo);
        else
          await changes.waitBeyond(
            this.#cursor,
            AbortSignal.any([parts.signal, AbortSignal.timeout(lookMs)]),
          );
        continue;
      }
      const { lingerMs = 0 } = this.#capability;
      const oldest = mine[0]?.committedAtMs ?? 0;
      const isYoung = parts.nowMs() - oldest < lingerMs && parts.nowMs() >= oldest;
      if (isYoung && page.changes.length < this.#span) {
        await wake.sleep(Math.min(lingerMs, lookMs));
        continue;
      }
      await this.#send(mine, page.scannedTo);
    }
  }

  async #send(page: readonly Change[], scannedTo: number): Promise<void> {
    const { parts, changes, wake, crash } = this.#deps;
    const rows = page.map((change) => ({
      id: formatCursor({ epoch: changes.epoch, seq: change.seq }),
      change,
    }));
    const { way, maxBytes } = this.#capability;
    const request = way.kind === "http" ? way.request(rows) : null;
    const bytes = sizeOf(request?.body ?? null);
    if (bytes > maxBytes && rows.length > 1) {
      this.#span = Math.max(1, Math.floor(rows.length / 2));
      return;
    }
    if (!(await parts.turn({ rows: rows.length, bytes }, "behavioural"))) return wake.sleep(heldMs);
    crash("beforeDeliverySent");
    let answer: Answer | null = null;
    let verdict: Verdict;
    if (way.kind === "own") verdict = await performed(() => way.perform(rows, parts.cut));
    else {
      answer = await parts.send(request ?? way.request(rows));
      ({ verdict, answer } = await verdictAfterAsking(
        answer,
        parts,
        (answered) => way.read?.(answered, rows) ?? null,
        (further) => parts.send(further),
      ));
    }
    crash("afterDeliverySent");
    parts.told(sentOf("changes", rows.map(deliveryOf), verdict, answer, parts.nowMs()));
    await this.#apply(rows, scannedTo, verdict, answer);
    crash("afterDeliverySettled");
  }

  async #apply(
    rows: readonly ChangeRow[],
    scannedTo: number,
    verdict: Verdict,
    answer: Answer | null,
  ): Promise<void> {
    switch (verdict.kind) {
      case "done":
        this.#span = Math.min(this.#capability.maxRows, this.#span * 2);
        return this.#advance(scannedTo);
      case "rows":
        return this.#applyEach(rows, scannedTo, verdict.rows, answer);
      case "split":
        if (rows.length > 1) this.#span = Math.max(1, Math.floor(rows.length / 2));
        else await this.#bury(rows[0], "dropped", verdict.reason, answer);
        return;
      case "drop":
        for (const row of rows) await this.#bury(row, "dropped", verdict.reason, answer);
        return;
      case "refresh":
        if ((await this.#deps.parts.open.refresh?.()) === true && this.#attempts === 0) {
          this.#attempts = 1;
          return;
        }
        return this.#deps.parts.stop(verdict.reason);
      case "stop":
        return this.#deps.parts.stop(verdict.reason);
      case "job":
        throw new Error("changes are not taken as jobs");
      case "retry":
      case "unknown":
        return this.#later(rows[0], verdict, answer);
    }
  }

  async #applyEach(
    rows: readonly ChangeRow[],
    scannedTo: number,
    verdicts: readonly RowVerdict[],
    answer: Answer | null,
  ): Promise<void> {
    for (const [at, row] of rows.entries()) {
      const verdict = verdicts[at] ?? { kind: "unknown", reason: "the answer says nothing of it" };
      if (verdict.kind === "done") {
        if (at === rows.length - 1) return this.#advance(scannedTo);
        continue;
      }
      if (verdict.kind === "drop") {
        await this.#bury(row, "dropped", verdict.reason, answer);
        continue;
      }
      const before = rows[at - 1];
      if (before !== undefined && before.change.seq > this.#cursor) await this.#advance(before.change.seq);
      return this.#later(row, verdict, answer);
    }
    await this.#advance(scannedTo);
  }

  async #advance(seq: number): Promise<void> {
    await this.#deps.ops.ask("destinations", "advance", this.#deps.id, seq);
    this.#cursor = seq;
    this.#attempts = 0;
    this.#failingSinceMs = null;
  }

  async #later(
    row: ChangeRow | undefined,
    verdict: Exclude<RowVerdict, { kind: "done" | "drop" }>,
    answer: Answer | null,
  ): Promise<void> {
    const { parts, wake } = this.#deps;
    const nowMs = parts.nowMs();
    this.#attempts += 1;
    this.#failingSinceMs ??= nowMs;
    if (isTooOld(this.#failingSinceMs, this.#attempts, nowMs))
      return this.#bury(row, "tooOld", verdict.reason, answer);
    const askedMs = verdict.kind === "retry" ? (verdict.afterMs ?? null) : null;
    await wake.sleep(retryWaitMs(this.#attempts, askedMs, parts.random()));
  }

  async #bury(
    row: ChangeRow | undefined,
    why: DeadWhy,
    reason: string,
    answer: Answer | null,
  ): Promise<void> {
    if (row === undefined) return;
    const { ops, id, parts } = this.#deps;
    const { mask } = parts;
    const { way } = this.#capability;
    const request = way.kind === "http" ? forLetter(shownRequest(way.request([row]), mask), mask) : null;
    const response = answer === null ? null : forLetter(answerText(answer), mask);
    const letter = {
      atMs: parts.nowMs(),
      why,
      operation: "changes",
      reason: mask(reason),
      request,
      response,
    };
    const { seq, profileId, committedAtMs } = row.change;
    await ops.ask(
      "deadLetters",
      "write",
      id,
      {
        profile: profileId,
        kind: "event",
        item: String(seq),
        lane: "behavioural",
        seq,
        atMs: committedAtMs,
        payload: null,
      },
      letter,
    );
    await this.#advance(seq);
  }
}

function deliveryOf({ change }: ChangeRow) {
  return {
    profile: change.profileId,
    kind: "event",
    item: String(change.seq),
    seq: change.seq,
    lane: "behavioural",
    sinceMs: change.receivedAtMs ?? change.committedAtMs,
    attempts: 0,
    failingSinceMs: null,
    payload: null,
    known: null,
  } as const;
}
