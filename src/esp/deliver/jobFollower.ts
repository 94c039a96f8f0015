/** Follows what a destination works on by itself: asks for the result until there is one, then settles the rows. */
import { retryWaitMs } from "../../model/delivery/backoff.ts";
import type { RowVerdict } from "../../model/delivery/verdict.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { DeliveryJob } from "../../store/ops/deliveries.ts";
import { sentOf, verdictAfterAsking } from "./answers.ts";
import type { Courier, CourierDeps, Parcel } from "./courier.ts";
import type { Capability, ProfileRow, RowCapability, Rows } from "./destination.ts";
import type { Wake } from "./wake.ts";

/** A job that has no result after so long has none: its rows are sent again. */
const longestMs = 24 * 3_600_000;
const idleMs = 5_000;
const askWaits = { first: 2_000, most: 60_000 };

export interface JobFollowerDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly id: number;
  readonly courier: Courier;
  readonly parts: CourierDeps;
  readonly wake: Wake;
}

/** Follows jobs until the signal aborts. */
export async function followJobs(deps: JobFollowerDeps): Promise<void> {
  const { ops, id, parts, wake } = deps;
  while (!parts.signal.aborted) {
    const { job, nextDueMs } = await ops.ask("deliveryJobs", "due", id, parts.nowMs());
    if (job !== null) await followOne(job, deps);
    else await wake.sleep(nextDueMs === null ? idleMs : Math.min(idleMs, nextDueMs - parts.nowMs()));
  }
}

async function followOne(
  job: DeliveryJob,
  { ops, id, courier, parts, wake }: JobFollowerDeps,
): Promise<void> {
  const name = job.operation as RowCapability;
  const capability = parts.open[name] as Capability<Rows[RowCapability]> | undefined;
  const way = capability?.way.kind === "http" ? capability.way.job : undefined;
  const parcels = job.rows.map(parcelOf);
  const isLate = parts.nowMs() - job.startedAtMs > longestMs && job.attempts > 20;
  if (way === undefined || parcels.length === 0 || isLate) {
    const verdict: RowVerdict = { kind: "retry", reason: "the job had no result" };
    await courier.settleJob(name, parcels, verdict, { kind: "failed", why: verdict.reason, wasSent: false });
    await ops.ask("deliveryJobs", "end", id, job.job);
    return;
  }
  const turn = await parts.turn({ rows: 0, bytes: 0 }, "behavioural");
  const later = async (waitMs: number) =>
    ops.ask("deliveryJobs", "later", id, job.job, parts.nowMs() + waitMs);
  if (!turn) {
    await later(askWaits.first);
    return;
  }
  let isRunning = false;
  const rows: readonly ProfileRow[] = parcels.map(({ row }) => row as ProfileRow);
  const { verdict, answer } = await verdictAfterAsking(
    await parts.send(way.request(job.job)),
    parts,
    (answered) => {
      const read = way.read(answered, rows);
      if (read?.kind !== "running") return read;
      isRunning = true;
      return { kind: "done" };
    },
    (further) => courier.ask(further, "behavioural"),
  );
  parts.told(sentOf("job", [], verdict, answer, parts.nowMs()));
  if (isRunning || verdict.kind === "job") return later(waitOf(job));
  switch (verdict.kind) {
    case "rows":
    case "done":
    case "drop":
      await courier.settleJob(name, parcels, verdict, answer);
      break;
    case "split":
      await courier.settleJob(name, parcels, { kind: "retry", reason: verdict.reason }, answer);
      break;
    case "unknown":
    case "retry":
    case "refresh":
    case "stop": {
      // The question failed, not the job; a result that says "again" comes as rows.
      if (verdict.kind === "refresh" && parts.open.refresh !== undefined) await parts.open.refresh();
      await later(retryWaitMs(Math.min(job.attempts + 1, 5), null, parts.random()) + askWaits.first);
      return;
    }
  }
  await ops.ask("deliveryJobs", "end", id, job.job);
  wake.wake();
}

function waitOf({ attempts }: DeliveryJob): number {
  return Math.min(askWaits.most, askWaits.first * 2 ** Math.min(attempts, 5));
}

/** What more there is to be sent of a profile is seen when it is looked at again. */
function parcelOf(row: DeliveryJob["rows"][number]): Parcel {
  const { after, ...delivery } = row;
  // Written by the send of the row alone.
  const key = JSON.parse(row.known?.key ?? "{}") as ProfileRow["key"];
  const bare: ProfileRow = { profileId: row.profile, key };
  return {
    delivery,
    // Read for whom it is about alone.
    row: bare,
    before: null,
    after,
    more: row.kind === "profile",
    againAtMs: null,
    isBare: true,
  };
}
