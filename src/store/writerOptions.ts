/** What the writer is made from, and what it is given. */
import type { Clock } from "../lib/clock.ts";
import type { CrashPoint } from "../lib/crashPoint.ts";
import type { Ids } from "../lib/id.ts";
import type { Definitions } from "../model/definition.ts";
import type { TrackingPlan } from "../model/planCheck.ts";
import type { Frame, Judge, Restore } from "./accept.ts";
import type { Journal } from "./journal.ts";
import type { MessageIds } from "./messageIds.ts";

export interface WriterOptions {
  readonly journal: Journal;
  readonly messageIds: MessageIds;
  readonly judge: Judge;
  readonly restore: Restore;
  readonly definitions: Definitions;
  readonly plan: TrackingPlan | null;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly hotProfiles: number;
  readonly crash: CrashPoint;
  readonly notice: (level: "info" | "warn" | "error", message: string) => void;
}

/** A frame waiting for its group. */
export interface QueuedFrame {
  readonly id: number;
  readonly frame: Frame;
}
