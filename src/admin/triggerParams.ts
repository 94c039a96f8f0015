/** What is asked of triggers: what each operation takes and gives. */
import { z } from "zod";
import type { TriggerCounts, TriggerEntry } from "../store/ops/triggerTable.ts";

const days = z.int().min(1).max(180);

export const triggerParams = {
  "triggers.list": z.strictObject({ days }),
  "triggers.log": z.strictObject({
    namespace: z.enum(["live", "test"]),
    /** Of a person, or of a trigger. */
    of: z.union([
      z.strictObject({ type: z.string().min(1).max(64), value: z.string().min(1).max(2_048) }),
      z.strictObject({ trigger: z.string().min(1).max(64) }),
    ]),
    limit: z.int().min(1).max(1_000),
  }),
} as const;

/** A trigger with what it did. */
export interface TriggerReport extends TriggerCounts {
  /** What sets it off, and what it sends, in words; null: freshet.yaml names it no more. */
  readonly words: string | null;
  readonly holdout: number;
  readonly goal: string | null;
}

export interface TriggerResults {
  readonly "triggers.list": readonly TriggerReport[];
  /** Null: nobody has that identifier. */
  readonly "triggers.log": readonly TriggerEntry[] | null;
}
