/** What the admin API works with, and how it answers. */
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Store } from "../../store/storeApi.ts";
import type { AuditLog } from "../../store/ops/audit.ts";
import type { CallOperation } from "../operation.ts";
import type { Alerts } from "../alerts/alerts.ts";
import type { WatchDeps } from "../audits/watchDeps.ts";
import type { AccessDeps, Visitor } from "./access.ts";
import type { Attempts } from "./attempts.ts";
import type { ConfigJob, MendJob, PlanJob } from "./configWire.ts";
import type { Frames } from "./frames.ts";
import type { Jobs } from "./jobs.ts";
import type { Preflights } from "./preflights.ts";
import type { RiverDeps } from "./riverView.ts";

export interface AdminDeps extends AccessDeps {
  readonly store: Pick<Store, "profiles" | "audiences" | "changes" | "admin" | "status">;
  readonly river: RiverDeps;
  readonly alerts: Alerts;
  readonly jobs: Jobs;
  readonly configJobs: Jobs<ConfigJob["kind"], NonNullable<ConfigJob["result"]>>;
  readonly planJobs: Jobs<PlanJob["kind"], NonNullable<PlanJob["result"]>>;
  readonly mendJobs: Jobs<MendJob["kind"], NonNullable<MendJob["result"]>>;
  readonly frames: Frames;
  readonly preflights: Preflights;
  readonly attempts: Attempts;
  readonly call: CallOperation;
  readonly audit: AuditLog;
  /** Audits and freshness. */
  readonly watching: WatchDeps;
  readonly clock: Clock;
  readonly dataFolder: string;
  readonly version: string;
  /** When a feed reader was first handed the change at that seq. */
  readonly fedAtMs: (seq: number) => number | null;
  /** Reads a bounded JSON body; throws Refusal. */
  readonly readJson: (request: Request) => Promise<unknown>;
  readonly refusalAnswer: (refusal: Refusal) => Response;
  /** True where browsers reach this host by https, so that a cookie may be kept to it. */
  readonly isSecureHost: (host: string | null) => boolean;
}

/** A request that was let in. */
export interface Asked {
  readonly visitor: Visitor;
  readonly query: URLSearchParams;
  /** The JSON of the body; only for POST. */
  readonly body: () => Promise<unknown>;
}

/** Headers of every answer: about people, so never stored. */
export const answerHeaders = {
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
  "X-Content-Type-Options": "nosniff",
} as const;

/** Gives a refusal its answer here, since a Basic challenge would make the browser ask for a password by itself. */
export async function answering(
  { refusalAnswer }: Pick<AdminDeps, "refusalAnswer">,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    const response = refusalAnswer(error);
    if (response.headers.has("WWW-Authenticate"))
      response.headers.set("WWW-Authenticate", 'Bearer realm="freshet"');
    return response;
  }
}

/** Params that are not understood. */
export function notUnderstood(detail: string): Refusal {
  return new Refusal("invalid_request", { detail });
}
