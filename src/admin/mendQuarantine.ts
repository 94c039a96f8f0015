/** Mending what was refused and sending it again: a rehearsal first, then piece by piece through the door it came to. */
import { ExpressionProblem } from "../lib/expression.ts";
import type { JsonObject } from "../model/event.ts";
import { applyMapping } from "../model/mapping.ts";
import { findingText } from "../model/plan.ts";
import type { TrackingPlan } from "../model/planCheck.ts";
import { judge } from "../ingest/judge.ts";
import type { Frame, Verdict } from "../store/accept.ts";
import type { QuarantineRow } from "../store/journalReader.ts";
import type { StoreAdmin } from "../store/storeApi.ts";
import { OperationFailed, type OperationParams, type Outlet } from "./operation.ts";
import type { MendReport } from "./workReports.ts";

export interface MendDeps {
  readonly admin: StoreAdmin;
  /** The tracking plan in use; null: there is none. */
  readonly plan: () => TrackingPlan | null;
  readonly openExpression: OpenExpression;
}

/** An expression that is ready, with bounds on its time, stack and memory. */
export interface RunningExpression extends AsyncDisposable {
  /** Throws ExpressionProblem. */
  evaluate(input: unknown): Promise<unknown>;
}

/** Throws ExpressionProblem for one that can't be used. */
export type OpenExpression = (text: string) => Promise<RunningExpression>;

type Params = OperationParams<"quarantine.mend">;

/** Pieces read at a time. */
const pagePieces = 200;
const maxSamples = 3;

/** Mends pieces; a dry run changes nothing, but can't foretell what folding refuses. Throws OperationFailed. */
export async function mendQuarantine(params: Params, deps: MendDeps, outlet: Outlet): Promise<MendReport> {
  await using expression = params.expression === null ? null : await opened(params.expression, deps);
  const report = new Report(params.dryRun);
  const total = countOf(params, deps.admin);
  for (const row of rowsOf(params, deps.admin)) {
    if (outlet.signal.aborted) break;
    const mended = await mend(row, params, expression);
    report.take(row);
    if (mended.kind === "problem") report.refused("mapping", mended.why);
    else await send(row, mended.event, params.dryRun, deps, report);
    if (mended.kind === "mended") report.sample(row, mended.event);
    outlet.progress(Math.min(1, report.pieces / Math.max(1, total)));
  }
  return report.done();
}

async function send(
  row: QuarantineRow,
  event: JsonObject,
  dryRun: boolean,
  deps: MendDeps,
  report: Report,
): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify(event));
  if (dryRun) {
    const refused = rehearse(row, event, body, deps.plan());
    if (refused === null) report.accepted();
    else report.refused(refused.code, refused.message);
    return;
  }
  const replayed = await deps.admin.replayQuarantine(row.id, body);
  if (replayed.kind === "accepted") report.accepted();
  else if (replayed.kind === "refused") report.refused(replayed.error.code, replayed.error.message);
  else report.refused(replayed.kind, "The piece can't be sent again.");
}

type Mended =
  | { readonly kind: "mended"; readonly event: JsonObject }
  | { readonly kind: "problem"; readonly why: string };

async function mend(
  row: QuarantineRow,
  { mapping }: Params,
  expression: RunningExpression | null,
): Promise<Mended> {
  const event = parsed(row.body);
  if (event === null) return { kind: "problem", why: "The piece is no JSON object." };
  let mended: unknown = applyMapping(event, mapping);
  try {
    if (expression !== null) mended = await expression.evaluate(mended);
  } catch (error) {
    if (error instanceof ExpressionProblem)
      return { kind: "problem", why: `The expression fails: ${error.message}` };
    throw error;
  }
  const result = asObject(mended);
  if (result === null) return { kind: "problem", why: "The expression gives no object." };
  // Under another messageId, an event that is there already would enter twice.
  if (JSON.stringify(result["messageId"]) !== JSON.stringify(event["messageId"]))
    return { kind: "problem", why: "The mapping changes the messageId." };
  return { kind: "mended", event: result };
}

/** Why the door would refuse the event; null: it would not. */
function rehearse(
  row: QuarantineRow,
  event: JsonObject,
  body: Uint8Array,
  plan: TrackingPlan | null,
): { readonly code: string; readonly message: string } | null {
  const own: unknown = event["type"];
  const isMany = row.call === "batch" || row.call === "import" || row.call === "stream";
  const frame = {
    call: isMany && typeof own === "string" ? own : row.call,
    source: row.source,
    namespace: row.namespace === "test" ? "test" : "live",
    trusted: row.trusted === 1,
    receivedAtMs: row.received_at_ms,
    lane: "live",
    body,
  } as Frame;
  const verdict: Verdict = judge(frame, () => "rehearsed");
  if (verdict.kind === "refused") return verdict.error;
  const [judged] = verdict.events;
  if (judged === undefined) return null;
  if (judged.kind === "rejected") return judged.error;
  const finding = plan?.check(judged.event) ?? null;
  return finding === null || finding.mode === "allow"
    ? null
    : { code: "plan_violation", message: findingText(finding) };
}

/** Pieces that wait, the newest first; each is read before it is sent. */
function* rowsOf({ ids, code, source }: Params, admin: StoreAdmin): Generator<QuarantineRow> {
  if (ids !== null) {
    for (const id of ids) {
      const row = admin.quarantinePiece(id);
      if (row !== null && row.replayed_at_ms === null) yield row;
    }
    return;
  }
  for (let before: number | null = null; ;) {
    const page: readonly QuarantineRow[] = admin.quarantineWaiting(
      code ?? "",
      source ?? "",
      before,
      pagePieces,
    );
    yield* page;
    const last = page.at(-1);
    if (last === undefined || page.length < pagePieces) return;
    before = last.id;
  }
}

function countOf({ ids, code, source }: Params, admin: StoreAdmin): number {
  if (ids !== null) return ids.length;
  const group = admin.quarantineGroups(1_000).find((one) => one.code === code && one.source === source);
  if (group === undefined)
    throw new OperationFailed(`nothing waits in the quarantine with code ${code ?? ""} from ${source ?? ""}`);
  return group.count;
}

async function opened(text: string, { openExpression }: MendDeps): Promise<RunningExpression> {
  try {
    return await openExpression(text);
  } catch (error) {
    if (error instanceof ExpressionProblem)
      throw new OperationFailed(`the expression can't be used: ${error.message}`);
    throw error;
  }
}

function parsed(body: Uint8Array): JsonObject | null {
  try {
    return asObject(JSON.parse(Buffer.from(body).toString("utf8")) as unknown);
  } catch {
    return null;
  }
}

function asObject(value: unknown): JsonObject | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonObject) : null;
}

/** Pieces that are held for one reason, and how many of them were taken. */
interface Held {
  readonly code: string;
  readonly message: string;
  pieces: number;
  accepted: number;
}

class Report {
  readonly #withSamples: boolean;
  readonly #refused = new Map<string, { code: string; message: string; count: number }>();
  readonly #samples: MendReport["samples"][number][] = [];
  readonly #held = new Map<string, Held>();
  /** The reason of the piece that was taken last. */
  #holding: Held | null = null;
  #accepted = 0;
  pieces = 0;

  constructor(withSamples: boolean) {
    this.#withSamples = withSamples;
  }

  /** The piece that is told of next. */
  take({ code, message }: QuarantineRow): void {
    this.pieces += 1;
    const key = `${code} ${message}`;
    const known = this.#held.get(key) ?? { code, message, pieces: 0, accepted: 0 };
    known.pieces += 1;
    this.#held.set(key, known);
    this.#holding = known;
  }

  accepted(): void {
    this.#accepted += 1;
    if (this.#holding !== null) this.#holding.accepted += 1;
  }

  refused(code: string, message: string): void {
    const key = `${code} ${message}`;
    const known = this.#refused.get(key);
    if (known === undefined) this.#refused.set(key, { code, message, count: 1 });
    else known.count += 1;
  }

  sample(row: QuarantineRow, after: JsonObject): void {
    if (this.#withSamples && this.#samples.length < maxSamples)
      this.#samples.push({ quarantineId: `qrn_${row.id}`, before: parsed(row.body), after });
  }

  done(): MendReport {
    return {
      pieces: this.pieces,
      accepted: this.#accepted,
      held: [...this.#held.values()].sort((left, right) => right.pieces - left.pieces),
      refused: [...this.#refused.values()].sort((left, right) => right.count - left.count),
      samples: this.#samples,
    };
  }
}
