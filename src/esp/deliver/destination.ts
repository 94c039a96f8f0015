/**
 * A destination is a value: what it can do, its settings, and for each ability how rows become a request and an answer
 * becomes verdicts. It holds no queue, no cursor and no clock; the loop (deliverer.ts) has all that, the same for all.
 * docs/destinations/writing-one.md leads through making one.
 */
import type { z } from "zod";
import type { CapabilityName } from "../../model/delivery/delivery.ts";
import type { Window } from "../../model/delivery/pacing.ts";
import type { ErrorClass, Verdict } from "../../model/delivery/verdict.ts";
import type { Change } from "../../model/change.ts";
import type { Json, JsonObject } from "../../model/event.ts";
import type { Identifier } from "../../model/identifier.ts";

/** A type of destination, as `type: …` in freshet.yaml names it. */
export interface Destination<Settings = unknown> {
  readonly type: string;
  /** As people call it: `Customer.io`. */
  readonly title: string;
  /** Its own settings, beside those that all have (config/destinations.ts). Keys must not be those. */
  readonly settings: z.ZodType<Settings>;
  /** Everything it can do whatever the settings; freshet.yaml may ask for nothing else. */
  readonly can: readonly CapabilityName[];
  /** Texts of the settings that no log, preview or dead letter may show. */
  readonly secrets: (settings: Settings) => readonly string[];
  /** Makes no request. */
  readonly open: (settings: Settings, tools: Tools) => OpenDestination;
}

/** What a destination may use of the world. */
export interface Tools {
  readonly nowMs: () => number;
  /** Sends a request of its own (tokens, lists of fields), guarded and bounded as all are. */
  readonly fetch: (request: OutRequest) => Promise<Answer>;
  /**
   * For what is no HTTP: the address that a host of the settings may be connected to. Never rejects; absent: there is
   * nowhere to connect to.
   */
  readonly reach?: (host: string) => Promise<Reached>;
}

/** Where a host may be connected to. */
export type Reached =
  { readonly kind: "address"; readonly address: string } | { readonly kind: "refused"; readonly why: string };

/** A destination with its settings. One ability that is absent is not there. */
export interface OpenDestination {
  readonly limits: Limits;
  /** What a profile is called there, or what it would need for that. */
  readonly identify: (subject: Subject) => Identified;
  /** Statuses that mean something else here than usual (model/delivery/verdict.ts). */
  readonly errors?: Readonly<Record<number, ErrorClass>>;
  /** A request that changes nothing and shows that the credentials are good; null: there is none. */
  readonly probe: OutRequest | null;
  /** Gets new credentials after a `refresh` verdict; false: that did not work. */
  readonly refresh?: () => Promise<boolean>;
  /** What it can't take of a profile, such as a name that is reserved; the loop leaves it out and says so. */
  readonly refuseField?: (field: string, value: Json) => string | null;
  /** Channels whose suppressions it can be told of; absent: all. */
  readonly channels?: readonly string[];
  /**
   * Somebody whose name changes is renamed there (`former` of the row), and keeps what was told of them: it is told
   * again, or taken back. Absent: they are somebody new.
   */
  readonly renames?: true;
  readonly upsert?: Capability<UpsertRow>;
  readonly audience?: Capability<AudienceRow>;
  readonly suppress?: Capability<SuppressRow>;
  readonly event?: Capability<EventRow>;
  readonly send?: Capability<SendRow>;
  readonly erase?: Capability<EraseRow>;
  readonly changes?: Capability<ChangeRow> & {
    /** Waits so long for more changes to fill a request. */
    readonly lingerMs?: number;
  };
  readonly readBack?: ReadBack;
  /** Lets go of what it keeps open, such as connections of a pool; nothing is asked of it after that. */
  readonly close?: () => void;
}

/** Documented limits; freshet.yaml may set lower ones. */
export interface Limits {
  readonly windows: readonly Window[];
  /** Requests at the same time. */
  readonly connections: number;
  /** A request that is not answered by then has an unknown outcome. */
  readonly timeoutMs?: number;
}

/** One ability. */
export interface Capability<Row> {
  /** Most rows and bytes of body a request may have. */
  readonly maxRows: number;
  readonly maxBytes: number;
  /**
   * What a repeat does: nothing (`idempotent`: the same state again, or rows that carry an id that the other side
   * knows again), or harm (`uncertain`: somebody gets a second mail).
   */
  readonly repeat: "idempotent" | "uncertain";
  /** Rows with another group don't share a request; absent: all may. */
  readonly group?: (row: Row) => string;
  /** Why a row can't be sent at all, such as a message without a template; it becomes a dead letter. */
  readonly refuse?: (row: Row) => string | null;
  /** How rows go out: by HTTP, or in a way of its own. */
  readonly way: HttpWay<Row> | OwnWay<Row>;
}

export interface HttpWay<Row> {
  readonly kind: "http";
  /** The whole request. Pure: a preview shows it, and the same rows make the same bytes. */
  readonly request: (rows: readonly Row[]) => OutRequest;
  /**
   * Finds out what the request needs to be made, such as the ids of fields, and keeps it. Null: it can be made; else
   * what becomes of the rows.
   */
  readonly ready?: (rows: readonly Row[]) => Promise<Verdict | null>;
  /**
   * What an answer means. Null: what its status usually means, with `errors` of the destination. Throwing means that
   * the answer is not what was documented: outcome unknown.
   */
  readonly read?: (answer: Answered, rows: readonly Row[]) => Reading | null;
  /** How a job that `read` spoke of is followed. */
  readonly job?: {
    readonly request: (id: string) => OutRequest;
    readonly read: (
      answer: Answered,
      rows: readonly ProfileRow[],
    ) => Reading | { readonly kind: "running" } | null;
  };
}

/** What an answer means, or what else has to be asked to know that. */
export type Reading = Verdict | Ask;

/** One more request, whose answer tells. */
export interface Ask {
  readonly kind: "ask";
  readonly request: OutRequest;
  readonly read: (answer: Answered) => Reading | null;
}

export interface OwnWay<Row> {
  readonly kind: "own";
  /** What would be sent, for people to read. */
  readonly describe: (rows: readonly Row[]) => string | Promise<string>;
  readonly perform: (rows: readonly Row[], signal: AbortSignal) => Promise<Verdict>;
}

/** A request to a destination; its body is text, or bytes. */
export interface OutRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

/** An answer of any status; header names in lower case, text cut at a million characters. */
export interface Answered {
  readonly kind: "answer";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/** `wasSent` false: nothing of the request can have arrived. */
export type Answer = Answered | { readonly kind: "failed"; readonly why: string; readonly wasSent: boolean };

/** A profile as far as its name at a destination depends on it. */
export interface Subject {
  readonly profileId: string;
  readonly identifiers: readonly Identifier[];
  readonly userId: string | null;
  /** Normalised; that of the trait, else of the identifier. */
  readonly email: string | null;
}

/** What a profile is called at a destination, such as `{ id: "42" }`. Kept until the profile is erased there. */
export type ProfileKey = Readonly<Record<string, string>>;

export type Identified =
  | { readonly kind: "key"; readonly key: ProfileKey }
  /** `missing`: what it would need, such as `an e-mail address`. */
  | { readonly kind: "none"; readonly missing: string };

/** What every row says of its profile. */
export interface ProfileRow {
  readonly profileId: string;
  readonly key: ProfileKey;
}

/** A profile's fields, as far as they differ from what was acknowledged. */
export interface UpsertRow extends ProfileRow {
  /** It was never acknowledged under this key. */
  readonly isNew: boolean;
  /** What it was called there before, newest first. */
  readonly former: readonly ProfileKey[];
  /** Channels that must not be used, each with the reason, as far as the destination is told of them. */
  readonly suppressed: Readonly<Record<string, string>>;
  readonly set: Readonly<Record<string, Json>>;
  /** Fields that are to have no value any more. */
  readonly clear: readonly string[];
  /** All fields, for destinations that replace. */
  readonly all: Readonly<Record<string, Json>>;
  /** Seq of the state that is sent: higher is newer. */
  readonly version: number;
  /** When that state came about. */
  readonly timestampMs: number;
}

export interface AudienceRow extends ProfileRow {
  readonly audience: string;
  readonly isMember: boolean;
}

export interface SuppressRow extends ProfileRow {
  /** As it is now; null: it has none. */
  readonly email: string | null;
  readonly channel: string;
  /** Null: the suppression is lifted. */
  readonly reason: string | null;
}

/** An event of a profile, forwarded. */
export interface EventRow extends ProfileRow {
  /** The same at every repeat. */
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly properties: JsonObject;
  readonly timestampMs: number;
  readonly messageId: string;
}

/** A message to one person, made at the moment of sending. */
export interface SendRow extends ProfileRow {
  /** The same at every repeat: idempotency key and, for mail, the left part of the Message-ID. */
  readonly id: string;
  readonly email: string | null;
  readonly message: Message;
}

/** What is sent. */
export interface Message {
  readonly subject: string | null;
  readonly html: string | null;
  readonly text: string | null;
  /** The destination's own template, filled with `data`; null: html and text are the message. */
  readonly template: string | null;
  readonly data: JsonObject;
  readonly topic: string | null;
  /** Further mail headers, such as List-Unsubscribe. */
  readonly headers: Readonly<Record<string, string>>;
}

export interface EraseRow extends ProfileRow {}

/** One entry of the change log, in order. */
export interface ChangeRow {
  /** `<epoch>.<seq>`, the same at every repeat. */
  readonly id: string;
  readonly change: Change;
}

/** Reads what a destination has of a profile, for drift. */
export interface ReadBack {
  readonly request: (key: ProfileKey) => OutRequest;
  /** Fields by name, null for what it does not have; "missing": it does not know the profile; null: can't be told. */
  readonly read: (answer: Answered) => Readonly<Record<string, Json>> | "missing" | null;
}

/** The abilities that take rows, with the row each takes. */
export interface Rows {
  readonly upsert: UpsertRow;
  readonly audience: AudienceRow;
  readonly suppress: SuppressRow;
  readonly event: EventRow;
  readonly send: SendRow;
  readonly erase: EraseRow;
  readonly changes: ChangeRow;
}

export type RowCapability = keyof Rows;
