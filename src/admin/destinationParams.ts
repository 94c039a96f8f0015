/** What is asked of destinations: what each operation takes and gives. */
import { z } from "zod";
import type {
  DeliveryReport,
  DestinationReport,
  DriftReport,
  HistoryPoint,
  PreviewReport,
  ProbeReport,
} from "../esp/deliver/reports.ts";
import type { DeadLetter } from "../store/ops/deliveries.ts";

const destinationName = z.string().min(1).max(64);
const identifier = z.strictObject({
  namespace: z.enum(["live", "test"]),
  type: z.string().min(1).max(64),
  value: z.string().min(1).max(2_048),
});

export const destinationParams = {
  "destinations.list": z.strictObject({}),
  "destinations.history": z.strictObject({ name: destinationName, range: z.enum(["hour", "day"]) }),
  "destinations.test": z.strictObject({ name: destinationName }),
  "destinations.preview": identifier.extend({ name: destinationName }),
  "destinations.explain": identifier,
  "destinations.deadLetters": z.strictObject({
    name: destinationName,
    beforeId: z.int().min(1).nullable(),
    limit: z.int().min(1).max(1_000),
  }),
  "destinations.replay": z.strictObject({
    name: destinationName,
    /** Null: all, but for those of which nobody knows whether they went out. */
    ids: z.array(z.int().min(1)).min(1).max(1_000).nullable(),
  }),
  "destinations.discard": z.strictObject({
    name: destinationName,
    ids: z.array(z.int().min(1)).min(1).max(1_000),
  }),
  "destinations.pause": z.strictObject({ name: destinationName, isPaused: z.boolean() }),
  "destinations.drift": z.strictObject({
    name: destinationName,
    sample: z.int().min(1).max(1_000),
    /** Sends what differs again. */
    repair: z.boolean(),
  }),
  "destinations.refill": z.strictObject({ name: destinationName }),
  "destinations.forget": z.strictObject({ name: destinationName }),
} as const;

export interface DestinationResults {
  readonly "destinations.list": readonly DestinationReport[];
  readonly "destinations.history": readonly HistoryPoint[];
  readonly "destinations.test": ProbeReport;
  readonly "destinations.preview": PreviewReport;
  readonly "destinations.explain": readonly DeliveryReport[];
  readonly "destinations.deadLetters": readonly DeadLetter[];
  readonly "destinations.replay": { readonly count: number };
  readonly "destinations.discard": { readonly count: number };
  readonly "destinations.pause": null;
  /** Null: it can't be read back. */
  readonly "destinations.drift": DriftReport | null;
  readonly "destinations.refill": null;
  /** How much waited for it, dead letters among it. */
  readonly "destinations.forget": { readonly count: number };
}
