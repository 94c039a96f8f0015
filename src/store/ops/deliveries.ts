/** Deliveries as the rest of the program sees them; what stands in ops.db is told in deliveryRoom.ts. Plain data. */
import type { DeliveryKind, Lane } from "../../model/delivery/delivery.ts";
import type { Acknowledged } from "../../model/delivery/difference.ts";

/** A destination as it is remembered. */
export interface DestinationState {
  readonly id: number;
  readonly name: string;
  readonly type: string;
  readonly cursor: number;
  readonly isPaused: boolean;
  /** Why nothing is sent before an operator acts; null: it is not stopped. */
  readonly stopped: string | null;
  readonly backfill: Backfill | null;
}

/** The walk over all profiles after a destination was added or its mapping changed. */
export interface Backfill {
  /** Profiles up to this number are in the queue or done. */
  readonly afterPid: number;
  /** Profiles beyond it were made later, and come as changes. */
  readonly toPid: number;
  readonly rows: number;
  readonly startedAtMs: number;
  /** Null while it is under way. */
  readonly doneAtMs: number | null;
}

/** What opening a destination says of it. */
export interface DestinationOpening {
  readonly name: string;
  readonly type: string;
  readonly epoch: number;
  readonly head: number;
  /** Stands for what is sent of a profile: another one begins a backfill. */
  readonly mapping: string;
  /** Stands for where and how it is sent: another one lifts a stop. */
  readonly settings: string;
  readonly nowMs: number;
  /** Whether profiles are sent at all; else there is nothing to fill. */
  readonly takesProfiles: boolean;
  /** Whether it is told of erasures. */
  readonly erases: boolean;
  /** Kinds whose repeat does harm. */
  readonly uncertain: readonly DeliveryKind[];
}

/** Something to be delivered. Of the kind `profile` there is one row a profile, however often it changed. */
export interface NewDelivery {
  readonly profile: string;
  readonly kind: DeliveryKind;
  /** Tells rows of one kind apart: a seq, an idempotency key; empty for `profile`. */
  readonly item: string;
  readonly lane: Lane;
  readonly seq: number;
  /** When what it tells came about. */
  readonly atMs: number;
  readonly payload: string | null;
}

/** Which row, and in which state of it. */
export interface DeliveryRef {
  readonly profile: string;
  readonly kind: DeliveryKind;
  readonly item: string;
  readonly seq: number;
}

/** A row that was taken, with what its profile is known by there. */
export interface Delivery extends DeliveryRef {
  readonly lane: Lane;
  readonly sinceMs: number;
  readonly attempts: number;
  readonly failingSinceMs: number | null;
  readonly payload: string | null;
  readonly known: KnownText | null;
}

/** The same as KnownProfile, as it stands in its row: many of them cross the thread's border, and texts do so for little. */
export interface KnownText {
  /** Canonical JSON. */
  readonly key: string;
  /** JSON of the names it had before, oldest first; null: none. */
  readonly former: string | null;
  /** JSON of what is acknowledged. */
  readonly fields: string;
  readonly version: number;
}

/** What a destination knows of a profile. */
export interface KnownProfile {
  readonly key: Readonly<Record<string, string>>;
  readonly acknowledged: Acknowledged;
  readonly version: number;
}

/** What is acknowledged after a send. */
export interface Acknowledgement {
  /** JSON of what is acknowledged then. */
  readonly fields: string;
  readonly version: number;
}

/** What a send said of itself, for people. Texts are masked already. */
export interface AttemptNote {
  readonly operation: string;
  readonly outcome: "done" | "retry" | "drop" | "unknown" | "job" | "skipped";
  readonly status: number | null;
  readonly reason: string | null;
  readonly durationMs: number;
}

export type DeadWhy = "dropped" | "tooOld" | "uncertain";

/** What became of a row that was taken. */
export type Settlement = { readonly ref: DeliveryRef; readonly note?: AttemptNote } & (
  | {
      readonly kind: "done";
      /** Null: it told nothing of the profile's fields. */
      readonly acknowledgement: Acknowledgement | null;
      /** More of the same profile is to be sent at once. */
      readonly more: boolean;
      /** The profile will be another by itself then; null: never. */
      readonly againAtMs: number | null;
    }
  | {
      readonly kind: "retry";
      readonly dueMs: number;
      readonly nowMs: number;
      readonly counts: boolean;
      /** Whether it was taken can't be known. */
      readonly isOpen?: boolean;
    }
  | { readonly kind: "dead"; readonly letter: NewDeadLetter }
  | {
      readonly kind: "job";
      readonly job: string;
      readonly operation: string;
      readonly dueMs: number;
      /** The row's place in the request. */
      readonly position: number;
      /** What is acknowledged once the job is done. */
      readonly after: Acknowledgement | null;
    }
  /** The profile is another one by now: that one is to be sent. */
  | { readonly kind: "moved"; readonly to: string }
  /** It was not tried. */
  | { readonly kind: "free" }
);

export interface NewDeadLetter {
  readonly atMs: number;
  readonly why: DeadWhy;
  readonly operation: string;
  readonly reason: string;
  readonly request: string | null;
  readonly response: string | null;
}

export interface DeadLetter extends NewDeadLetter, DeliveryRef {
  readonly id: number;
  readonly lane: Lane;
  readonly payload: string | null;
}

/** What is told before a send that a crash must not hide. */
export interface Beginning {
  readonly ref: DeliveryRef;
  /** What the profile is called there, in canonical JSON. */
  readonly key: string;
  /** JSON of what is acknowledged until the outcome is known; null: it tells nothing of the profile's fields. */
  readonly meanwhile: string | null;
}

/** A job on the other side, and the rows that wait for it in the order they were sent. */
export interface DeliveryJob {
  readonly job: string;
  readonly operation: string;
  readonly startedAtMs: number;
  readonly attempts: number;
  readonly rows: readonly (Delivery & { readonly after: Acknowledgement | null })[];
}

export interface QueueCounts {
  readonly byLane: Readonly<Record<Lane, number>>;
  /** When the oldest thing that is not delivered came about; null: all is. */
  readonly oldestMs: number | null;
  readonly jobs: number;
  readonly deadLetters: number;
}

/** What is known of one profile at one destination. */
export interface DeliveryStory {
  readonly destination: string;
  readonly known:
    (KnownProfile & { readonly former: readonly string[]; readonly ackedAtMs: number | null }) | null;
  readonly queued: readonly (Delivery & { readonly dueMs: number; readonly state: string })[];
  readonly deadLetters: readonly DeadLetter[];
  readonly attempts: readonly (AttemptNote & { readonly atMs: number })[];
}

/** What happened to people themselves: who merged into whom, who was erased. */
export type PeopleAct =
  /** A merge was undone: the profile is its own again. */
  | { readonly kind: "undo"; readonly profile: string; readonly seq: number; readonly atMs: number }
  | {
      readonly kind: "merge";
      readonly into: string;
      readonly from: readonly string[];
      readonly seq: number;
      readonly atMs: number;
    }
  | {
      readonly kind: "erase";
      readonly profiles: readonly string[];
      readonly seq: number;
      readonly atMs: number;
    };
