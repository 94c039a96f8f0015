/**
 * The one catalogue of what can be said to a caller: a stable code, the HTTP status, a sentence, what to do.
 * Codes are part of the public contract (docs/protocol.md); sentences may be improved, codes may not change.
 */
interface ErrorEntry {
  readonly status: number;
  readonly message: string;
  readonly hint: string;
}

const catalogue = {
  invalid_json: {
    status: 400,
    message: "The body is not valid JSON.",
    hint: "Send one JSON object in UTF-8, without comments or trailing commas.",
  },
  too_deep: {
    status: 400,
    message: "The JSON is nested too deeply.",
    hint: "Keep objects and arrays within 32 levels.",
  },
  too_large: {
    status: 413,
    message: "The request or event is too large.",
    hint: "Keep an event within 32 KB and a request within 500 KB (4 MB with a secret key).",
  },
  batch_too_large: {
    status: 413,
    message: "The batch holds too many events.",
    hint: "Send at most 2,500 events in a batch.",
  },
  unsupported_encoding: {
    status: 415,
    message: "The content encoding is not supported.",
    hint: "Send the body plain or with Content-Encoding: gzip.",
  },
  invalid_event: {
    status: 400,
    message: "The event does not have the shape of its call.",
    hint: "See the Segment HTTP Tracking API: track needs event, alias needs previousId and userId, group needs groupId.",
  },
  missing_id: {
    status: 400,
    message: "The event names no one.",
    hint: "Set userId or anonymousId to a non-empty string.",
  },
  id_too_long: {
    status: 400,
    message: "An identifier is too long.",
    hint: "Keep userId, anonymousId, previousId and messageId within 512 bytes.",
  },
  forbidden_key: {
    status: 400,
    message: "The event holds a key that is not allowed.",
    hint: "Remove __proto__ keys and keys that stand twice in the envelope.",
  },
  trait_reserved: {
    status: 400,
    message: "That trait is computed or reserved.",
    hint: "Choose another name; computed traits can't be set from outside.",
  },
  plan_violation: {
    status: 400,
    message: "The event breaks the tracking plan.",
    hint: "Send it in the shape that the plan asks for, or change the plan; what is held back can then be replayed.",
  },
  invalid_trait: {
    status: 400,
    message: "A trait breaks what is declared of it.",
    hint: "Send a value as freshet.yaml declares it under traits; the event was taken without that trait.",
  },
  invalid_request: {
    status: 400,
    message: "The request is not understood.",
    hint: "Check the parameters against docs/protocol.md.",
  },
  unauthorized: {
    status: 401,
    message: "No valid key came with the request.",
    hint: "Send a key as Basic user name, Bearer token or X-Write-Key.",
  },
  forbidden: {
    status: 403,
    message: "The key may not do this.",
    hint: "Use a key with the scope that this path needs.",
  },
  not_found: {
    status: 404,
    message: "There is nothing at this path.",
    hint: "See /openapi.json for the paths there are.",
  },
  method_not_allowed: {
    status: 405,
    message: "This path does not take that method.",
    hint: "See /openapi.json for the methods of each path.",
  },
  unknown_host: {
    status: 421,
    message: "This server does not answer for that host name.",
    hint: "Start with --public-url for each name that clients use.",
  },
  invalid_host: {
    status: 400,
    message: "The Host header is missing or malformed.",
    hint: "Send exactly one Host header.",
  },
  profile_not_found: {
    status: 404,
    message: "No profile has that identifier.",
    hint: "Check the identifier's type and value; ids are case-sensitive, e-mail addresses are not.",
  },
  event_not_found: {
    status: 404,
    message: "No event has that messageId.",
    hint: "Check the messageId; a quarantined event is found in the quarantine instead.",
  },
  block_not_found: {
    status: 404,
    message: "There is no content block of that name.",
    hint: "Check the block's name.",
  },
  invalid_cursor: {
    status: 400,
    message: "The cursor is malformed.",
    hint: "Use a cursor exactly as it was given to you, or earliest.",
  },
  cursor_expired: {
    status: 410,
    message: "The cursor can no longer be resumed.",
    hint: "Take a snapshot again and go on from its cursor.",
  },
  before_history: {
    status: 410,
    message: "That instant lies before the journal begins.",
    hint: "Ask for a later time.",
  },
  rate_limited: {
    status: 429,
    message: "Too many requests.",
    hint: "Wait as long as Retry-After says, then send again.",
  },
  overloaded: {
    status: 429,
    message: "The server is busy.",
    hint: "Wait as long as Retry-After says, then send again.",
  },
  disk_full: {
    status: 503,
    message: "The event could not be stored.",
    hint: "The operator must free disk space; send again later.",
  },
  profiles_rebuilding: {
    status: 503,
    message: "Profiles are being rebuilt from the journal.",
    hint: "Events are still taken; read again later. /readyz shows the progress.",
  },
  draining: { status: 429, message: "The server is shutting down.", hint: "Send again in a few seconds." },
  fold_failed: {
    status: 500,
    message: "The event is stored but could not be applied.",
    hint: "It is kept in the quarantine; report it with its messageId.",
  },
  internal: {
    status: 500,
    message: "Something went wrong on our side.",
    hint: "Try again; if it stays, report the requestId.",
  },
} as const satisfies Record<string, ErrorEntry>;

/** A stable error code of the public contract. */
export type ErrorCode = keyof typeof catalogue;

/** Every code with its status, sentence and hint, for docs and /openapi.json. */
export const errorCatalogue: Readonly<Record<ErrorCode, ErrorEntry>> = catalogue;

/** The body of every error answer (docs/protocol.md). Nothing of the input is echoed in it. */
export interface ErrorBody {
  readonly error: {
    readonly code: ErrorCode;
    readonly message: string;
    readonly hint: string;
    readonly docs: string;
    readonly requestId: string;
  };
}

/** The short form that stands beside one event of a batch. */
export interface EventError {
  readonly code: ErrorCode;
  readonly message: string;
  readonly hint: string;
}

/** What went wrong with one event, by code. `detail` replaces the general sentence and must not hold input. */
export function eventError(code: ErrorCode, detail?: string): EventError {
  const entry = errorCatalogue[code];
  return { code, message: detail ?? entry.message, hint: entry.hint };
}

/** The full error body. `detail` replaces the general sentence and must not hold input. */
export function errorBody(code: ErrorCode, requestId: string, detail?: string): ErrorBody {
  return { error: { ...eventError(code, detail), docs: `/docs#${code}`, requestId } };
}

/** An expected refusal that travels as an exception to the HTTP edge, which translates it once. */
export class Refusal extends Error {
  readonly code: ErrorCode;
  readonly detail: string | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, options: { detail?: string; retryAfterSeconds?: number } = {}) {
    super(options.detail ?? errorCatalogue[code].message);
    this.code = code;
    this.detail = options.detail;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
