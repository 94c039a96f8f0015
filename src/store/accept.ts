/**
 * The door of the journal: what ingest hands to the writer and what it gets back.
 * Ingest hands over whole requests as bytes; the writer thread parses, judges, folds and commits them once.
 */
import type { EventError, ErrorCode } from "../errors.ts";
import type { Event, EventType, Namespace } from "../model/event.ts";

/** What a request tells about who sent it; null: not known, or not asked for. */
export interface FrameSender {
  readonly userAgent: string | null;
  readonly address: string | null;
}

/** One request on its way to the journal. */
export interface Frame {
  /** `batch` and `import` bodies hold `{"batch":[…]}`, `stream` bodies what ingest/lines.ts packs; the others hold one event of that type. */
  readonly call: EventType | "batch" | "import" | "stream";
  readonly source: string;
  readonly namespace: Namespace;
  readonly trusted: boolean;
  readonly receivedAtMs: number;
  /** Live frames go before import frames. */
  readonly lane: "live" | "import";
  /** The JSON text, already inflated, as it came. */
  readonly body: Uint8Array;
  /** Of browser sources: a server's own agent and address say nothing about people. */
  readonly sender?: FrameSender | undefined;
}

/** What the pure judge makes of one event in a frame. */
export type Judged =
  | {
      readonly kind: "event";
      readonly event: Event;
      /** The event's own JSON text, to be stored. */
      readonly raw: Uint8Array;
      /** Facts that the body alone does not hold (batch context, clock facts), to be stored beside it; null if none. */
      readonly extra: string | null;
      /** True if the messageId was minted here: it can't be a repeat. */
      readonly minted: boolean;
    }
  | {
      readonly kind: "rejected";
      readonly error: EventError;
      readonly messageId: string | null;
      readonly raw: Uint8Array;
    };

/** What the pure judge makes of a frame: the whole refused, or a verdict for each event. */
export type Verdict =
  | { readonly kind: "refused"; readonly error: EventError; readonly status: number }
  | {
      readonly kind: "judged";
      readonly events: readonly Judged[];
      /** The upstream's id that its source has reached with these events; kept in their transaction. */
      readonly lastEventId?: string;
    };

/** The judge: pure, injected into the writer (see ingest/judge.ts). `mintId` makes a messageId where one is missing. */
export type Judge = (frame: Frame, mintId: () => string) => Verdict;

/** One rejected event in an answer. */
export interface Rejected {
  readonly index: number;
  readonly messageId: string | null;
  /** Absent: it was not kept (the tracking plan blocks it). */
  readonly quarantineId?: string;
  readonly error: EventError;
}

/** The writer's answer to a frame, given after the commit. */
export type Answer =
  | {
      readonly kind: "accepted";
      readonly rejected: readonly Rejected[];
      /** Of an import: how many events were there before. */
      readonly known?: number;
    }
  /** Every event was bad, or the body itself: all in quarantine. */
  | {
      readonly kind: "rejected";
      readonly status: number;
      readonly error: EventError;
      readonly rejected: readonly Rejected[];
    }
  /** Not now: nothing of the frame is promised. */
  | {
      readonly kind: "unavailable";
      readonly code: Extract<ErrorCode, "overloaded" | "draining" | "disk_full">;
      readonly retryAfterSeconds: number;
    };

/** The one way in. Resolves after the commit (and, while /readyz is 200, after the profile is readable). */
export interface Accept {
  submit(frame: Frame): Promise<Answer>;
}

/** An event as the journal keeps it. */
export interface StoredEvent {
  readonly namespace: Namespace;
  readonly source: string;
  readonly trusted: boolean;
  readonly type: EventType;
  readonly name: string | null;
  readonly messageId: string;
  readonly timestampMs: number;
  readonly receivedAtMs: number;
  readonly index: number;
  readonly raw: Uint8Array;
  readonly extra: string | null;
}

/** Makes the judged event again from what the journal keeps: the same Event that the judge made. Pure, injected. */
export type Restore = (stored: StoredEvent) => Event;
