/**
 * Takes rows of one ability to a destination and says what became of each: packs them to the allowed size, waits its
 * turn, writes down what a crash must not hide, sends, reads the answer, and splits where one row spoils the rest.
 */
import type { CrashPoint } from "../../lib/crashPoint.ts";
import { retryWaitMs } from "../../model/delivery/backoff.ts";
import { isTooOld, type Lane } from "../../model/delivery/delivery.ts";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type {
  Acknowledgement,
  Beginning,
  Delivery,
  DeliveryRef,
  NewDeadLetter,
  Settlement,
} from "../../store/ops/deliveries.ts";
import { answerText, harmful, performed, sentOf, sizeOf, verdictAfterAsking, type Sent } from "./answers.ts";
import type { Answer, Capability, OpenDestination, OutRequest, RowCapability, Rows } from "./destination.ts";
import { forLetter, shownRequest, type Mask } from "./mask.ts";

/** A row that is to be sent, and what holds once it was taken. */
export interface Parcel<Name extends RowCapability = RowCapability> {
  readonly delivery: Delivery;
  readonly row: Rows[Name];
  /** What is written down of the profile before it is sent; null: there is nothing to write. */
  readonly before: Pick<Beginning, "key" | "meanwhile"> | null;
  readonly after: Acknowledgement | null;
  readonly more: boolean;
  readonly againAtMs: number | null;
  /** Its row is not what was sent, only whom it is about: it waited for a job. */
  readonly isBare?: boolean;
}

/** What the loop gives a courier. */
export interface CourierDeps {
  readonly open: OpenDestination;
  readonly mask: Mask;
  readonly nowMs: () => number;
  readonly monotonicMs: () => number;
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Ends a request that is under way. */
  readonly cut: AbortSignal;
  readonly crash: CrashPoint;
  readonly send: (request: OutRequest) => Promise<Answer>;
  /** Waits for a connection that is free; to be disposed of once the answer is there. */
  readonly connection: (lane: Lane) => Promise<Disposable>;
  /** Waits for the turn of a request; false: nothing may be sent now, the rows go back. */
  readonly turn: (
    cost: { readonly rows: number; readonly bytes: number },
    lane: Lane,
    isFurther?: boolean,
  ) => Promise<boolean>;
  readonly begin: (beginnings: readonly Beginning[], leased: boolean) => Promise<void>;
  readonly settle: (settlements: readonly Settlement[]) => Promise<void>;
  /** Rows that were not tried. */
  readonly release: (deliveries: readonly Delivery[]) => Promise<void>;
  readonly stop: (reason: string) => Promise<void>;
  /** Told of every request. */
  readonly told: (sent: Sent) => void;
}

/** Rows whose failures are noted one by one; more would only repeat one sentence. */
const mostNoted = 50;

/** Whatever a row is, its ability takes it: parcels are made together with their ability. */
type AnyCapability = Capability<Rows[RowCapability]>;

export class Courier {
  readonly #deps: CourierDeps;

  constructor(deps: CourierDeps) {
    this.#deps = deps;
  }

  /** Sends parcels of one ability and lane. Every row is settled or released when this resolves. */
  async deliver(name: RowCapability, parcels: readonly Parcel[], lane: Lane): Promise<void> {
    const capability = this.#deps.open[name] as AnyCapability | undefined;
    if (capability === undefined) return this.#deps.release(parcels.map(({ delivery }) => delivery));
    const waiting = packs(await this.#withoutRefused(name, capability, parcels), capability.maxRows);
    for (let pack = waiting.pop(); pack !== undefined; pack = waiting.pop()) {
      const goesOn = await this.#sendPack(name, capability, pack, lane, waiting);
      if (goesOn) continue;
      const left = waiting.flat().map(({ delivery }) => delivery);
      if (left.length > 0) await this.#deps.release(left);
      return;
    }
  }

  /** Makes dead letters of what can't be sent at all. */
  async #withoutRefused(
    name: RowCapability,
    { refuse }: AnyCapability,
    parcels: readonly Parcel[],
  ): Promise<readonly Parcel[]> {
    if (refuse === undefined) return parcels;
    const sent: Parcel[] = [];
    for (const parcel of parcels) {
      const reason = refuse(parcel.row);
      if (reason === null) sent.push(parcel);
      else await this.#settleEach(name, [parcel], [{ kind: "drop", reason }], null, 0);
    }
    return sent;
  }

  /** False: nothing more is to be sent now. */
  async #sendPack(
    name: RowCapability,
    capability: AnyCapability,
    pack: readonly Parcel[],
    lane: Lane,
    waiting: (readonly Parcel[])[],
  ): Promise<boolean> {
    const deps = this.#deps;
    const rows = pack.map(({ row }) => row);
    const { way } = capability;
    const unready = (way.kind === "http" ? await way.ready?.(rows) : null) ?? null;
    if (unready !== null) return this.#apply(name, capability, pack, unready, null, 0, waiting);
    const request = way.kind === "http" ? way.request(rows) : null;
    const bytes = request === null ? 0 : sizeOf(request.body);
    if (bytes > capability.maxBytes) {
      const reason = `larger than the ${capability.maxBytes} bytes that a request may have`;
      if (pack.length > 1) waiting.push(...halves(pack));
      else await this.#settleEach(name, pack, [{ kind: "drop", reason }], null, 0);
      return true;
    }
    const sent = await this.#sendInTurn(capability, pack, request, bytes, lane);
    if (sent === null) {
      await deps.release(pack.map(({ delivery }) => delivery));
      return false;
    }
    deps.crash("afterDeliverySent");
    const { verdict, answer, durationMs } = sent;
    const goesOn = await this.#apply(name, capability, pack, verdict, answer, durationMs, waiting);
    deps.crash("afterDeliverySettled");
    return goesOn;
  }

  /** Sends once a connection is free; null: it is not its turn. */
  async #sendInTurn(
    capability: AnyCapability,
    pack: readonly Parcel[],
    request: OutRequest | null,
    bytes: number,
    lane: Lane,
  ): Promise<{
    readonly verdict: Verdict;
    readonly answer: Answer | null;
    readonly durationMs: number;
  } | null> {
    const deps = this.#deps;
    const rows = pack.map(({ row }) => row);
    const isUncertain = capability.repeat === "uncertain";
    // What may be there does no harm when nothing goes out; what may have gone out is held for a person.
    if (!isUncertain) await this.#begin(pack, false);
    using _connection = await deps.connection(lane);
    if (!(await deps.turn({ rows: rows.length, bytes }, lane))) return null;
    if (isUncertain) await this.#begin(pack, true);
    deps.crash("beforeDeliverySent");
    const startedMs = deps.monotonicMs();
    const attempt = await this.#attempt(capability, rows, request, lane, 0);
    return { ...attempt, durationMs: deps.monotonicMs() - startedMs };
  }

  async #begin(pack: readonly Parcel[], leased: boolean): Promise<void> {
    const beginnings = pack.flatMap(({ delivery, before }) =>
      before === null ? [] : [{ ref: refOf(delivery), ...before }],
    );
    if (beginnings.length > 0) await this.#deps.begin(beginnings, leased);
  }

  /** One request, and a second one where the first shows that the credentials are out of date. */
  async #attempt(
    capability: AnyCapability,
    rows: readonly Rows[RowCapability][],
    request: OutRequest | null,
    lane: Lane,
    refreshes: number,
  ): Promise<{ readonly verdict: Verdict; readonly answer: Answer | null }> {
    const { open, send, cut } = this.#deps;
    const { way } = capability;
    if (way.kind === "own") return { verdict: await performed(() => way.perform(rows, cut)), answer: null };
    const { verdict, answer } = await verdictAfterAsking(
      await send(request ?? way.request(rows)),
      this.#deps,
      (answered) => way.read?.(answered, rows) ?? null,
      (further) => this.ask(further, lane),
    );
    if (verdict.kind !== "refresh") return { verdict, answer };
    const isRefreshed = refreshes === 0 && open.refresh !== undefined && (await open.refresh());
    if (isRefreshed) return this.#attempt(capability, rows, null, lane, refreshes + 1);
    return { verdict: { kind: "stop", reason: `the credentials are refused (${verdict.reason})` }, answer };
  }

  /** One more request to know what an answer means; it waits its turn as well. */
  async ask(request: OutRequest, lane: Lane): Promise<Answer> {
    const isTurn = await this.#deps.turn({ rows: 0, bytes: sizeOf(request.body) }, lane, true);
    return isTurn ? this.#deps.send(request) : { kind: "failed", why: "it was not its turn", wasSent: false };
  }

  async #apply(
    name: RowCapability,
    capability: AnyCapability,
    pack: readonly Parcel[],
    verdict: Verdict,
    answer: Answer | null,
    durationMs: number,
    waiting: (readonly Parcel[])[],
  ): Promise<boolean> {
    const deps = this.#deps;
    deps.told(
      sentOf(
        name,
        pack.map(({ delivery }) => delivery),
        verdict,
        answer,
        deps.nowMs(),
      ),
    );
    switch (verdict.kind) {
      case "split":
        if (pack.length === 1) {
          await this.#settleEach(name, pack, [{ kind: "drop", reason: verdict.reason }], answer, durationMs);
          return true;
        }
        waiting.push(...halves(pack));
        return true;
      case "refresh":
      case "stop":
        // First: nobody else takes up what is given back, and stops it anew after somebody resumed it.
        await deps.stop(verdict.reason);
        await deps.settle(pack.map(({ delivery }) => ({ kind: "free", ref: refOf(delivery) }) as const));
        return false;
      case "job": {
        const dueMs = deps.nowMs() + (verdict.afterMs ?? firstPollMs);
        await deps.settle(
          pack.map(
            ({ delivery, after }, position) =>
              ({
                kind: "job",
                ref: refOf(delivery),
                job: verdict.id,
                operation: name,
                dueMs,
                position,
                after,
              }) as const,
          ),
        );
        return true;
      }
      case "rows":
        await this.#settleEach(name, pack, verdict.rows, answer, durationMs);
        return true;
      case "done":
      case "drop":
      case "retry":
      case "unknown": {
        const judged = harmful(verdict, capability.repeat, answer);
        await this.#settleEach(name, pack, Array<RowVerdict>(pack.length).fill(judged), answer, durationMs);
        return judged.kind === "done" || judged.kind === "drop";
      }
    }
  }

  /** Settles rows, each by its own verdict; a missing one is unknown. */
  async #settleEach(
    name: RowCapability,
    pack: readonly Parcel[],
    verdicts: readonly RowVerdict[],
    answer: Answer | null,
    durationMs: number,
  ): Promise<void> {
    // Rows that fail together are tried again together, so that they share a request again.
    const random = this.#deps.random();
    await this.#deps.settle(
      pack.map((parcel, at) =>
        this.#settlement(name, parcel, verdicts[at] ?? missing, answer, durationMs, pack.length, random),
      ),
    );
  }

  /** What is written of a row. */
  #settlement(
    name: RowCapability,
    parcel: Parcel,
    verdict: RowVerdict,
    answer: Answer | null,
    durationMs: number,
    packed: number,
    random: number,
  ): Settlement {
    const { delivery, after, more, againAtMs } = parcel;
    const nowMs = this.#deps.nowMs();
    const status = answer?.kind === "answer" ? answer.status : null;
    const reason = verdict.kind === "done" ? null : this.#deps.mask(verdict.reason).slice(0, 500);
    const note = { operation: name, outcome: verdict.kind, status, reason, durationMs } as const;
    const isNoted =
      verdict.kind === "done" ? delivery.lane !== "batch" : packed <= mostNoted || verdict.kind === "drop";
    const common = { ref: refOf(delivery), ...(isNoted ? { note } : {}) };
    if (verdict.kind === "done") return { ...common, kind: "done", acknowledgement: after, more, againAtMs };
    const uncertain = this.#deps.open[name]?.repeat === "uncertain";
    if (verdict.kind === "drop")
      return {
        ...common,
        kind: "dead",
        letter: this.#letter(name, parcel, "dropped", verdict.reason, answer),
      };
    if (verdict.kind === "unknown" && uncertain && delivery.lane !== "transactional")
      return {
        ...common,
        kind: "dead",
        letter: this.#letter(name, parcel, "uncertain", verdict.reason, answer),
      };
    const attempts = delivery.attempts + 1;
    if (isTooOld(delivery.failingSinceMs ?? nowMs, attempts, nowMs))
      return {
        ...common,
        kind: "dead",
        letter: this.#letter(name, parcel, "tooOld", verdict.reason, answer),
      };
    const askedMs = verdict.kind === "retry" ? (verdict.afterMs ?? null) : null;
    const dueMs = nowMs + retryWaitMs(attempts, askedMs, random);
    return { ...common, kind: "retry", dueMs, nowMs, counts: true, isOpen: verdict.kind === "unknown" };
  }

  #letter(
    name: RowCapability,
    { row, isBare }: Parcel,
    why: NewDeadLetter["why"],
    reason: string,
    answer: Answer | null,
  ): NewDeadLetter {
    const { mask, nowMs, open } = this.#deps;
    const way = (open[name] as AnyCapability | undefined)?.way;
    const request =
      way?.kind === "http" && isBare !== true
        ? forLetter(shownRequest(way.request([row]), mask), mask)
        : null;
    const response = answer === null ? null : forLetter(answerText(answer), mask);
    return { atMs: nowMs(), why, operation: name, reason: mask(reason).slice(0, 500), request, response };
  }

  /** Settles the rows of a job, in the order they were sent. */
  async settleJob(
    name: RowCapability,
    parcels: readonly Parcel[],
    verdict: RowVerdict | { readonly kind: "rows"; readonly rows: readonly RowVerdict[] },
    answer: Answer,
  ): Promise<void> {
    const each = verdict.kind === "rows" ? verdict.rows : Array<RowVerdict>(parcels.length).fill(verdict);
    await this.#settleEach(name, parcels, each, answer, 0);
  }
}

/** What names a row: the rest of it need not cross to the other thread. Whoever made a message is told of all of it. */
function refOf(delivery: Delivery): DeliveryRef {
  if (delivery.kind === "send") return delivery;
  const { profile, kind, item, seq } = delivery;
  return { profile, kind, item, seq };
}

const firstPollMs = 2_000;
const missing: RowVerdict = { kind: "unknown", reason: "the answer says nothing of this row" };

/** In packs of at most so many, the first one last: they are taken from the end. */
function packs(parcels: readonly Parcel[], maxRows: number): (readonly Parcel[])[] {
  const all: (readonly Parcel[])[] = [];
  for (let at = 0; at < parcels.length; at += maxRows) all.push(parcels.slice(at, at + maxRows));
  return all.reverse();
}

function halves(pack: readonly Parcel[]): (readonly Parcel[])[] {
  const middle = Math.ceil(pack.length / 2);
  return [pack.slice(middle), pack.slice(0, middle)];
}
