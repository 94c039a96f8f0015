/** The tracking plan: what it says, what broke it, what a change to it would have met. */
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import { numberOf } from "../../esp/query.ts";
import type { JsonObject } from "../../model/event.ts";
import type { PlannedShape, PlanRules } from "../../model/plan.ts";
import type { OperationResults, ViolationReport } from "../operation.ts";
import { notUnderstood, type AdminDeps, type Asked } from "./adminContext.ts";
import type { PlanAnswer, PlanJob, SampleLine, ShapeLine, ViolationLine } from "./configWire.ts";
import { quietOutlet } from "./keyActs.ts";

/** Lines told at once. */
const maxViolations = 300;
const checkBody = z.strictObject({ text: z.string().max(1024 * 1024), days: z.int().min(1).max(90) });

export async function planView({ query }: Asked, deps: AdminDeps): Promise<PlanAnswer> {
  const days = numberOf(query, "days", 7, 1, 90);
  const { call, planJobs } = deps;
  const plan = await call("plan.show", {}, quietOutlet());
  const violations = await call("plan.violations", { days }, quietOutlet());
  return {
    plan: plan === null ? null : planOf(plan),
    days,
    violations: violations.slice(0, maxViolations).map((row) => violationLine(row, deps)),
    job: planJobs.current,
  };
}

/** Begins to hold past events against one file of the plan as it would be. */
export async function checkPlanText({ body }: Asked, { call, planJobs }: AdminDeps): Promise<PlanJob> {
  const params = checkBody.safeParse(await body());
  if (!params.success) throw notUnderstood('Send {"text":"…","days":7}, one file of the plan.');
  if (planJobs.isBusy)
    throw new Refusal("invalid_request", { detail: "A check is under way; wait until that is done." });
  return planJobs.begin("check", async (progress) => {
    const result = await call("plan.check", params.data, { ...quietOutlet(), progress });
    return { isGood: true, sentence: checkedWords(result), result };
  });
}

function checkedWords({ checked, failing, failingNow, event }: OperationResults["plan.check"]): string {
  const broken = failing.allow + failing.quarantine + failing.block;
  const count = (number: number) => number.toLocaleString("en");
  return `${count(checked)} events (${event}) were held against it: ${count(broken)} would break it, ${count(failingNow)} break the plan in use.`;
}

function planOf({ mode, unplanned, sources, events, traits }: PlanRules): PlanAnswer["plan"] {
  const shapes = events.map(({ event, ...shape }) => shapeLine(event, { event }, shape));
  const ofTraits = traits === null ? [] : [shapeLine("identify", { traits: true }, traits)];
  return { mode, unplanned, sources, shapes: [...shapes, ...ofTraits] };
}

function shapeLine(name: string, head: JsonObject, { version, mode, schema }: PlannedShape): ShapeLine {
  const { required, properties } = schema;
  const file = { ...head, version, ...(mode === null ? {} : { mode }), schema };
  return {
    event: name,
    version,
    mode,
    required: Array.isArray(required) ? required.length : 0,
    properties: typeof properties === "object" && properties !== null ? Object.keys(properties).length : 0,
    text: `${JSON.stringify(file, null, 2)}\n`,
  };
}

function violationLine(row: ViolationReport, deps: AdminDeps): ViolationLine {
  return { ...row, samples: row.samples.map((label) => sampleLine(label, deps)) };
}

function sampleLine(label: string, { store }: AdminDeps): SampleLine {
  if (label.startsWith("qrn_")) return { kind: "piece", quarantineId: label };
  const seq = Number(label.slice(1));
  const [change] = store.changes.read(seq - 1, 1).changes;
  if (change?.seq !== seq || change.event === null) return { kind: "gone", label };
  const { profileId, namespace, event } = change;
  return { kind: "event", label, profileId, namespace, messageId: event.messageId };
}
