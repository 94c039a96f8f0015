/** What the admin API answers, field by field; the page is written against these. Times are ISO 8601 UTC. */
import type { Identifier } from "./profileWire.ts";

/** GET /admin/api/session */
export type SessionAnswer =
  | { readonly signedIn: false }
  | {
      readonly signedIn: true;
      readonly keyId: string;
      /** The source that the key belongs to. */
      readonly source: string;
      /** To be sent as X-CSRF-Token with everything but GET. */
      readonly csrfToken: string;
      readonly expiresAt: string;
      readonly version: string;
    };

/** The columns of a point of the river's history, in order. Latencies are milliseconds since receipt; null: none. */
export const pointColumns = [
  "atMs",
  "requests",
  "events",
  "refused",
  "visible",
  "fed",
  "committedP50",
  "committedP95",
  "committedP99",
  "visibleP50",
  "visibleP95",
  "visibleP99",
  "fedP50",
  "fedP95",
  "fedP99",
  "journalBytes",
  "profilesBytes",
] as const;

/** One second or one minute. Rates are per second. */
export type Point = readonly (number | null)[];

/** Something to be said about how the river runs. */
export interface Word {
  readonly level: "good" | "slow" | "wrong";
  readonly sentence: string;
  /** What to do; null where nothing is. */
  readonly hint: string | null;
}

/** A source since the start of the server. */
export interface SourceAnswer {
  readonly source: string;
  readonly lastSeenAt: string | null;
  readonly requests: number;
  readonly refused: number;
  readonly lastRefusedAt: string | null;
  readonly lastRefusedCode: string | null;
}

/** A source that Freshet follows by itself. */
export interface FollowLine {
  readonly source: string;
  readonly url: string;
  readonly state: string;
  readonly lastEventAt: string | null;
  readonly retries: number;
  readonly failing: string | null;
}

/** Something wrong with ingest, raised now or cleared since the start. */
export interface AlertLine {
  readonly id: string;
  readonly kind: string;
  readonly source: string | null;
  readonly sentence: string;
  readonly raisedAt: string;
  readonly clearedAt: string | null;
}

/** GET /admin/api/alerts */
export interface AlertsAnswer {
  readonly alerts: readonly AlertLine[];
  readonly nextCursor: null;
}

/** POST /admin/api/alerts/test: what the webhook said. */
export type AlertTestAnswer =
  | { readonly kind: "sent"; readonly status: number }
  | { readonly kind: "failed"; readonly why: string }
  | { readonly kind: "noWebhook" };

/** A change as the river shows it. */
export interface RiverEvent {
  readonly seq: number;
  readonly profileId: string;
  readonly identifiers: readonly Identifier[];
  readonly namespace: "live" | "test";
  readonly cause: string;
  readonly type: string | null;
  readonly name: string | null;
  readonly source: string | null;
  readonly messageId: string | null;
  readonly timestamp: string;
  /** From receipt to commit; null for what no request brought. */
  readonly committedMs: number | null;
  readonly traits: readonly string[];
}

/** GET /admin/api/river */
export interface RiverAnswer {
  readonly now: string;
  readonly mode: "live" | "rebuilding" | "closed";
  readonly progress: number | null;
  readonly words: readonly Word[];
  readonly columns: readonly string[];
  readonly seconds: readonly Point[];
  readonly minutes: readonly Point[];
  readonly sources: readonly SourceAnswer[];
  readonly follows: readonly FollowLine[];
  /** Raised now, the newest first. */
  readonly alerts: readonly AlertLine[];
  readonly newest: readonly RiverEvent[];
  readonly head: number;
  readonly totals: { readonly events: number; readonly repeated: number; readonly refused: number };
  readonly streams: number;
}

/** What waits in the quarantine for one reason from one source. */
export interface GroupAnswer {
  readonly code: string;
  readonly message: string;
  readonly hint: string;
  readonly source: string;
  readonly count: number;
  readonly oldestAt: string;
  readonly newestAt: string;
}

/** GET /admin/api/quarantine */
export interface GroupsAnswer {
  readonly groups: readonly GroupAnswer[];
  readonly nextCursor: null;
}

/** A quarantined piece in a list. */
export interface PieceLine {
  readonly quarantineId: string;
  readonly code: string;
  readonly message: string;
  readonly source: string;
  readonly namespace: string;
  readonly call: string;
  readonly messageId: string | null;
  readonly receivedAt: string;
  readonly replayedAt: string | null;
  readonly bytes: number;
}

/** GET /admin/api/quarantine/pieces */
export interface PiecesAnswer {
  readonly pieces: readonly PieceLine[];
  readonly nextCursor: string | null;
}

/** GET /admin/api/quarantine/piece */
export interface PieceAnswer extends PieceLine {
  readonly hint: string;
  /** The input as it came, as text; bytes that are no UTF-8 are shown as U+FFFD. */
  readonly raw: string;
}

/** What became of one piece. */
export interface ReplayResult {
  readonly quarantineId: string;
  readonly outcome: "accepted" | "refused" | "stored" | "replayed" | "missing";
  readonly code: string | null;
  readonly message: string | null;
}

/** POST /admin/api/quarantine/replay */
export interface ReplayAnswer {
  readonly results: readonly ReplayResult[];
  /** Go on with this; null when the group is through. */
  readonly nextCursor: string | null;
}

/** A key without its text. */
export interface KeyLine {
  readonly id: string;
  readonly kind: "write" | "secret";
  readonly namespace: "live" | "test";
  readonly source: string;
  readonly trust: "browser" | "server";
  readonly scopes: readonly string[];
  readonly readableTraits: readonly string[] | null;
  readonly blocks: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
  readonly createdAt: string;
  readonly revokedAt: string | null;
  /** True for a key that freshet.yaml or the demo gives at the start, and which ends with the run. */
  readonly configured: boolean;
}

/** GET /admin/api/keys */
export interface KeysAnswer {
  readonly keys: readonly KeyLine[];
  readonly nextCursor: null;
}

/** POST /admin/api/keys: the only time that the key's text is told. */
export interface MadeKeyAnswer {
  readonly key: string;
  readonly info: KeyLine;
}

/** Long work of the page's. */
export interface JobAnswer<Kind extends string = "backup" | "verify", Result = null> {
  readonly kind: Kind;
  readonly startedAt: string;
  readonly progress: number;
  readonly endedAt: string | null;
  /** A sentence about how it ended; null while it runs. */
  readonly sentence: string | null;
  readonly isGood: boolean | null;
  /** What it gave; null while it runs, and where it failed. */
  readonly result: Result | null;
}

/** GET /admin/api/storage */
export interface StorageAnswer {
  readonly sizes: readonly { readonly name: string; readonly bytes: number }[];
  readonly diskFreeBytes: number;
  readonly diskBytes: number;
  readonly head: number;
  /** Bytes a day that the data grew by lately; null while too little was seen. */
  readonly growthBytesPerDay: number | null;
  /** Bytes of journal and profiles by the minute, a day at most, oldest first. */
  readonly history: readonly (readonly [atMs: number, journalBytes: number, profilesBytes: number])[];
  readonly backups: readonly { readonly name: string; readonly at: string; readonly bytes: number }[];
  readonly backupFolder: string;
  readonly job: JobAnswer | null;
  readonly lastVerify: { readonly at: string; readonly outcome: string; readonly detail: unknown } | null;
}

/** GET /admin/api/audit */
export interface AuditAnswer {
  readonly entries: readonly {
    readonly id: number;
    readonly at: string;
    readonly actor: string | null;
    readonly address: string | null;
    readonly action: string;
    readonly target: string | null;
    readonly outcome: string;
    readonly detail: unknown;
  }[];
  readonly nextCursor: string | null;
}
