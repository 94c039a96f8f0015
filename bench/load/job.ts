/** What the load client is asked to do and what it reports; plain data, passed as one argument and one line. */
import type { LatencySummary } from "./latencies.ts";

export type LoadRequest =
  /** `POST /v1/track`, one event. */
  | { readonly kind: "track" }
  /** `POST /v1/batch` with `size` events. */
  | { readonly kind: "batch"; readonly size: number }
  /** `GET` of one path, again and again. */
  | { readonly kind: "get"; readonly path: string }
  /**
   * `GET /v1/profiles/user_id:…` of a random user, or another path with the userId at its end; `conditional` asks with the
   * ETag that a first round collected, `unique` for each user once before any comes again.
   */
  | {
      readonly kind: "profile";
      readonly conditional: boolean;
      readonly path?: string;
      readonly unique?: boolean;
    }
  /** `POST` of `size` random users' identifiers, as `{"ids":[…]}`. */
  | { readonly kind: "many"; readonly path: string; readonly size: number };

export interface LoadJob {
  readonly port: number;
  readonly request: LoadRequest;
  readonly connections: number;
  /** Null: every connection sends its next request on the answer (closed loop). */
  readonly ratePerSecond: number | null;
  readonly warmupSeconds: number;
  readonly seconds: number;
  /** Measure until so many answers instead of for a time; null: for `seconds`. */
  readonly answers: number | null;
  /** UserIds that events, or reads, are spread over. */
  readonly users: number;
  /** Value of the Authorization header; null: none is sent. */
  readonly authorization: string | null;
  /** A feed to read beside: an event's latency then ends when its frame is read, not with its answer. */
  readonly feed: { readonly path: string; readonly authorization: string } | null;
  readonly seed: number;
  /** True: an answer 429 is taken as one, and not counted; otherwise it fails the run. */
  readonly mayBeRefused?: boolean;
}

export interface LoadReport {
  /** Answers within the measured time. */
  readonly answers: number;
  readonly perSecond: number;
  readonly latency: LatencySummary;
  /** Share of one core that the client itself used. */
  readonly cpuShare: number;
}
