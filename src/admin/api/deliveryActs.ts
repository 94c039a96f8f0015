/** Destinations and triggers over the admin API: how they stand, and what may be done, each act written down first. */
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import { numberOf } from "../../esp/query.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { OperationFailed } from "../operation.ts";
import { notUnderstood, type AdminDeps, type Asked } from "./adminContext.ts";
import { audited, targetOf } from "./audited.ts";
import { beforeOf } from "./auditView.ts";
import type {
  DestinationActAnswer,
  DestinationAnswer,
  DestinationsAnswer,
  LettersAnswer,
  ProfileDeliveriesAnswer,
  TriggerLogAnswer,
  TriggersAnswer,
} from "./deliveryWire.ts";
import { quietOutlet } from "./keyActs.ts";
import { quantileOf } from "./quantiles.ts";

const lettersShown = 20;
const logShown = 50;
const driftSample = 50;
const fewestSpans = 30;

const name = z.string().min(1).max(64);
const ids = z.array(z.int().min(1)).min(1).max(1_000);
const actBody = z.discriminatedUnion("act", [
  z.strictObject({ act: z.enum(["pause", "resume", "refill", "forget", "test", "drift", "repair"]), name }),
  z.strictObject({ act: z.literal("replay"), name, ids: ids.nullable() }),
  z.strictObject({ act: z.literal("discard"), name, ids }),
]);
type Act = z.output<typeof actBody>;

export async function destinationsView({ call }: AdminDeps): Promise<DestinationsAnswer> {
  return { destinations: await call("destinations.list", {}, quietOutlet()), nextCursor: null };
}

export async function destinationView(
  query: URLSearchParams,
  { call, clock }: AdminDeps,
): Promise<DestinationAnswer> {
  const destination = (await call("destinations.list", {}, quietOutlet())).find(
    (one) => one.name === query.get("name"),
  );
  if (destination === undefined) throw notThere();
  const range = query.get("range") === "day" ? "day" : "hour";
  const points = await call("destinations.history", { name: destination.name, range }, quietOutlet());
  return {
    destination,
    history: withQuiet(
      points.map(({ latency, ...point }) => ({
        ...point,
        p50: quantileOf(latency, 0.5),
        p95: quantileOf(latency, 0.95),
        p99: quantileOf(latency, 0.99),
      })),
      clock.nowMs(),
    ),
  };
}

/** Times of which there is no point are quiet ones; a chart shows some of them at least. */
function withQuiet(points: DestinationAnswer["history"], nowMs: number): DestinationAnswer["history"] {
  const [first] = points;
  if (first === undefined) return [];
  const { spanMs } = first;
  const quiet = { spanMs, acknowledged: 0, failed: 0, p50: null, p95: null, p99: null };
  const byTime = new Map(points.map((point) => [point.atMs, point]));
  const lastMs = Math.max(Math.floor(nowMs / spanMs) * spanMs, points.at(-1)?.atMs ?? 0);
  const fromMs = Math.min(first.atMs, lastMs - fewestSpans * spanMs);
  return Array.from({ length: (lastMs - fromMs) / spanMs + 1 }, (_, at) => {
    const atMs = fromMs + at * spanMs;
    return byTime.get(atMs) ?? { atMs, ...quiet };
  });
}

export async function lettersView(query: URLSearchParams, deps: AdminDeps): Promise<LettersAnswer> {
  const limit = numberOf(query, "limit", lettersShown, 1, 1_000);
  const params = { name: query.get("name") ?? "", beforeId: beforeOf(query), limit };
  const letters = await there(() => deps.call("destinations.deadLetters", params, quietOutlet()));
  return { letters, nextCursor: letters.length < limit ? null : String(letters.at(-1)?.id ?? 0) };
}

/** Does one act; what could not be done comes back in words. */
export async function actOnDestination(
  { visitor, body }: Asked,
  deps: AdminDeps,
): Promise<DestinationActAnswer> {
  const parsed = actBody.safeParse(await body());
  if (!parsed.success) throw notUnderstood("Send {act, name}, with ids for replay and discard.");
  const { operation, target, run } = planned(parsed.data, deps);
  try {
    return await audited({ action: operation, target }, visitor, deps, run);
  } catch (error) {
    if (error instanceof OperationFailed) return { kind: "problem", problem: error.message };
    throw error;
  }
}

interface PlannedAct {
  readonly operation: string;
  readonly target: string | null;
  readonly run: () => Promise<DestinationActAnswer>;
}

function planned(given: Act, { call }: AdminDeps): PlannedAct {
  const on = given.name;
  const outlet = quietOutlet();
  const plain = { name: on };
  switch (given.act) {
    case "pause":
    case "resume": {
      const params = { name: on, isPaused: given.act === "pause" };
      return {
        operation: "destinations.pause",
        target: targetOf("destinations.pause", params),
        run: async () => {
          await call("destinations.pause", params, outlet);
          return { kind: "done", count: null };
        },
      };
    }
    case "refill":
      return {
        operation: "destinations.refill",
        target: on,
        run: async () => {
          await call("destinations.refill", plain, outlet);
          return { kind: "done", count: null };
        },
      };
    case "forget":
      return {
        operation: "destinations.forget",
        target: on,
        run: async () => ({ kind: "done", ...(await call("destinations.forget", plain, outlet)) }),
      };
    case "test":
      return {
        operation: "destinations.test",
        target: on,
        run: async () => ({ kind: "tested", report: await call("destinations.test", plain, outlet) }),
      };
    case "drift":
    case "repair": {
      const params = { name: on, sample: driftSample, repair: given.act === "repair" };
      return {
        operation: "destinations.drift",
        target: targetOf("destinations.drift", params) ?? on,
        run: async () => ({ kind: "drift", report: await call("destinations.drift", params, outlet) }),
      };
    }
    case "replay": {
      const params = { name: on, ids: given.ids };
      return {
        operation: "destinations.replay",
        target: `${params.ids === null ? "all" : params.ids.length} of ${on}`,
        run: async () => ({ kind: "done", ...(await call("destinations.replay", params, outlet)) }),
      };
    }
    case "discard": {
      const params = { name: on, ids: given.ids };
      return {
        operation: "destinations.discard",
        target: `${params.ids.length} of ${on}`,
        run: async () => ({ kind: "done", ...(await call("destinations.discard", params, outlet)) }),
      };
    }
  }
}

/** What destinations know of a profile, and why it got messages or did not. */
export async function profileDeliveries(
  { profileId, namespace }: StoredProfile,
  { call }: AdminDeps,
): Promise<ProfileDeliveriesAnswer> {
  const id = { namespace, type: "profile_id", value: profileId };
  const [destinations, log] = await there(() =>
    Promise.all([
      call("destinations.explain", id, quietOutlet()),
      call(
        "triggers.log",
        { namespace, of: { type: id.type, value: id.value }, limit: logShown },
        quietOutlet(),
      ),
    ]),
  );
  return { destinations, log: log ?? [], nextCursor: null };
}

export async function triggersView(query: URLSearchParams, { call }: AdminDeps): Promise<TriggersAnswer> {
  const days = numberOf(query, "days", 7, 1, 180);
  return { triggers: await call("triggers.list", { days }, quietOutlet()), nextCursor: null };
}

export async function triggerLog(query: URLSearchParams, { call }: AdminDeps): Promise<TriggerLogAnswer> {
  const trigger = query.get("name") ?? "";
  if (trigger === "" || trigger.length > 64) throw notUnderstood("name takes a trigger.");
  const log = await call(
    "triggers.log",
    { namespace: "live", of: { trigger }, limit: logShown },
    quietOutlet(),
  );
  return { log: log ?? [], nextCursor: null };
}

/** An operation that fails for what is not there. */
async function there<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof OperationFailed) throw notThere();
    throw error;
  }
}

function notThere(): Refusal {
  return new Refusal("not_found", { detail: "There is no such destination." });
}
