/** What an operator asks of destinations and does with them. */
import type { Clock } from "../../lib/clock.ts";
import { canonicalJson } from "../../model/canonicalJson.ts";
import type { ChangeLog } from "../../store/changeLog.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { Delivery, DeliveryStory, KnownProfile } from "../../store/ops/deliveries.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import type { Parcel } from "./courier.ts";
import type { Deliverer } from "./deliverer.ts";
import type { Deliveries, RemovedDestination } from "./deliveries.ts";
import type { Capability, RowCapability, Rows } from "./destination.ts";
import { shownAnswer, shownRequest } from "./mask.ts";
import { gate, planProfile } from "./planning.ts";
import type { DeliveryReport, DestinationReport, PreviewReport, ProbeReport } from "./reports.ts";

export interface ActDeps {
  readonly deliveries: Deliveries;
  readonly ops: Pick<OpsDesk, "ask">;
  readonly changes: ChangeLog;
  readonly clock: Clock;
}

/** Steps that a preview follows at most. */
const mostSteps = 50;

/** All destinations as they stand, and those that are configured no more, as long as something is left of them. */
export async function reports({
  deliveries,
  changes,
  clock,
}: ActDeps): Promise<readonly DestinationReport[]> {
  const nowMs = clock.nowMs();
  const running = [...deliveries.running.values()].map((one) => report(one, changes, nowMs));
  const removed = await deliveries.removed();
  return [...(await Promise.all(running)), ...removed.map((one) => reportOfRemoved(one, nowMs))];
}

/** When the next change came about that it has not taken up; what it waits for to fill a request is not late. */
function oldestUnread({ cursor, setUp }: Deliverer, changes: ChangeLog): number | null {
  if (changes.head() <= cursor) return null;
  const [next] = changes.read(cursor, 1).changes;
  if (next === undefined || next.namespace !== setUp.setting.namespace) return null;
  return next.committedAtMs + (setUp.open.changes?.lingerMs ?? 0);
}

function reportOfRemoved({ name, type, queue }: RemovedDestination, nowMs: number): DestinationReport {
  return {
    name,
    type,
    namespace: "live",
    can: [],
    state: "removed",
    stopped: null,
    lag: { changes: 0, ms: queue.oldestMs === null ? 0 : Math.max(0, nowMs - queue.oldestMs) },
    queue: queue.byLane,
    jobs: queue.jobs,
    deadLetters: queue.deadLetters,
    backfill: null,
    acknowledged: 0,
    failed: 0,
    lastSentAtMs: null,
    lastError: null,
    drift: null,
  };
}

async function report(deliverer: Deliverer, changes: ChangeLog, nowMs: number): Promise<DestinationReport> {
  const { setUp, counts, backfill, cursor } = deliverer;
  const { name, type, namespace } = setUp.setting;
  const queue = await deliverer.queue();
  return {
    name,
    type,
    namespace,
    can: abilitiesOf(deliverer),
    state: stateOf(deliverer),
    stopped: deliverer.gate.stopped,
    lag: {
      changes: Math.max(0, changes.head() - cursor),
      ms: Math.max(0, nowMs - Math.min(queue.oldestMs ?? nowMs, oldestUnread(deliverer, changes) ?? nowMs)),
    },
    queue: queue.byLane,
    jobs: queue.jobs,
    deadLetters: queue.deadLetters,
    backfill: backfill === null ? null : { ...backfill, ...progressOf(backfill, nowMs) },
    acknowledged: counts.acknowledged,
    failed: counts.failed,
    lastSentAtMs: counts.lastSentAtMs,
    lastError: counts.lastError,
    drift: counts.drift,
  };
}

function abilitiesOf({ setUp: { open } }: Deliverer): readonly string[] {
  const { upsert, audience, suppress, event, send, erase, changes, readBack } = open;
  const abilities = { upsert, audience, suppress, event, send, erase, changes, readBack };
  return Object.entries(abilities).flatMap(([name, ability]) => (ability === undefined ? [] : [name]));
}

function stateOf({ gate: { isPaused, stopped, breaker } }: Deliverer): DestinationReport["state"] {
  if (isPaused) return "paused";
  if (stopped !== null) return "stopped";
  return breaker.kind === "closed" ? "working" : "held";
}

/** By number: profiles are spread over the numbers evenly enough for a guess. */
function progressOf(
  { afterPid, toPid, startedAtMs, doneAtMs }: NonNullable<Deliverer["backfill"]>,
  nowMs: number,
): { readonly share: number; readonly etaMs: number | null } {
  if (doneAtMs !== null || toPid === 0) return { share: 1, etaMs: null };
  const share = Math.min(1, afterPid / toPid);
  const etaMs = share === 0 ? null : Math.round(((nowMs - startedAtMs) / share) * (1 - share));
  return { share, etaMs };
}

/** Tries the credentials. */
export async function probe({ setUp }: Deliverer): Promise<ProbeReport> {
  const { open, mask, send } = setUp;
  if (open.probe === null)
    return { isGood: null, sentence: "it has no request that would only try the credentials" };
  let answer = await send(open.probe, AbortSignal.timeout(60_000));
  const isRefused = answer.kind === "answer" && answer.status === 401;
  if (isRefused && open.refresh !== undefined && (await open.refresh()))
    answer = await send(open.probe, AbortSignal.timeout(60_000));
  const isGood = answer.kind === "answer" && answer.status < 400;
  return { isGood, sentence: `${isGood ? "it answers" : "it refuses"}: ${shownAnswer(answer, mask)}` };
}

/** The exact requests for a profile, one after the other, as if each were taken. */
export async function preview(
  { setUp, id }: Deliverer,
  profile: StoredProfile,
  { ops, clock }: Pick<ActDeps, "ops" | "clock">,
): Promise<PreviewReport> {
  const { known } = await ops.ask("deliveryStories", "of", id, profile.profileId);
  const nowMs = clock.nowMs();
  const { refused } = setUp.wantedOf(profile, nowMs);
  const base = { profileId: profile.profileId, refused };
  const denied = gate(profile, setUp.setting, nowMs);
  if (denied !== null) return { ...base, requests: [], isDifference: false, reason: denied };
  const { requests, reason } = await steps(setUp, profile, known, nowMs);
  if (requests.length > 0 || reason !== null)
    return { ...base, requests, isDifference: known !== null, reason };
  return { ...base, ...(await steps(setUp, profile, null, nowMs)), isDifference: false };
}

async function steps(
  setUp: Deliverer["setUp"],
  profile: StoredProfile,
  known: DeliveryStory["known"],
  nowMs: number,
): Promise<Pick<PreviewReport, "requests" | "reason">> {
  const requests: { operation: string; text: string }[] = [];
  let at = known;
  for (let step = 0; step < mostSteps; step += 1) {
    const planned = planProfile(rowOf(profile, at, nowMs), profile, setUp, nowMs);
    if (planned.kind !== "parcel") {
      const reason = planned.kind === "nothing" ? planned.reason : null;
      return { requests, reason: requests.length === 0 ? reason : null };
    }
    const { capability, parcel } = planned;
    requests.push({ operation: capability, text: await shown(capability, parcel, setUp) });
    at = {
      key: parcel.row !== undefined && "key" in parcel.row ? parcel.row.key : {},
      // Written just now, in planning.
      acknowledged: JSON.parse(parcel.after?.fields ?? "{}") as KnownProfile["acknowledged"],
      version: profile.version,
      // Of interest before the first of them alone.
      former: [],
      ackedAtMs: null,
    };
  }
  return { requests, reason: null };
}

async function shown(
  name: RowCapability,
  { row }: Parcel,
  { open, mask }: Deliverer["setUp"],
): Promise<string> {
  const way = (open[name] as Capability<Rows[RowCapability]> | undefined)?.way;
  if (way === undefined) return "";
  if (way.kind === "own") return mask(await way.describe([row]));
  await way.ready?.([row]);
  return shownRequest(way.request([row]), mask);
}

/** A row of the queue as there would be one for this profile now. */
function rowOf(
  { profileId, version }: StoredProfile,
  known: DeliveryStory["known"],
  nowMs: number,
): Delivery {
  return {
    profile: profileId,
    kind: "profile",
    item: "",
    seq: version,
    lane: "behavioural",
    sinceMs: nowMs,
    attempts: 0,
    failingSinceMs: null,
    payload: null,
    known:
      known === null
        ? null
        : {
            key: canonicalJson(known.key),
            former: `[${known.former.join(",")}]`,
            fields: JSON.stringify(known.acknowledged),
            version: known.version,
          },
  };
}

/** What of a profile was sent where, what was not, and why. */
export async function explain(profile: StoredProfile, deps: ActDeps): Promise<readonly DeliveryReport[]> {
  const nowMs = deps.clock.nowMs();
  return Promise.all(
    [...deps.deliveries.running.values()].map(async ({ setUp, id }): Promise<DeliveryReport> => {
      const story = await deps.ops.ask("deliveryStories", "of", id, profile.profileId);
      const deadLetters = await deps.ops.ask("deadLetters", "of", id, profile.profileId);
      const { refused } = setUp.wantedOf(profile, nowMs);
      const denied = gate(profile, setUp.setting, nowMs);
      const planned = planProfile(rowOf(profile, story.known, nowMs), profile, setUp, nowMs);
      const reason = denied ?? (planned.kind === "nothing" ? planned.reason : null);
      const { name, type } = setUp.setting;
      return {
        ...story,
        destination: name,
        type,
        deadLetters,
        refused,
        reason,
        unsent:
          reason === null && planned.kind === "parcel" ? unsentOf(planned.capability, planned.parcel) : [],
      };
    }),
  );
}

function unsentOf(capability: RowCapability, { row }: Parcel): readonly string[] {
  if (capability === "upsert" && "set" in row)
    return [...Object.keys(row.set), ...row.clear.map((name) => `${name} (to be cleared)`)];
  if ("audience" in row) return [`audience ${row.audience}`];
  return "channel" in row ? [`suppression of ${row.channel}`] : [capability];
}
