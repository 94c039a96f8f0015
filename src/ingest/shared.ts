/** What the outer object of a batch says about all of its events: sentAt, context, integrations. */
import { eventError } from "../errors.ts";
import type { Json, JsonObject } from "../model/event.ts";
import { maxSharedBytes } from "./limits.ts";
import { isObject, type Problem } from "./normalise.ts";

export interface Shared {
  readonly kind: "shared";
  /** Stands in for an event's missing sentAt. */
  readonly sentAt: unknown;
  /** What is stored beside each event, since its own text does not hold it. */
  readonly facts: Readonly<Record<string, Json>>;
  /** `facts` as JSON; null if there are none. */
  readonly extra: string | null;
  /** What its context tells of the sender; the address is not among the facts unless it is kept. */
  readonly userAgent: string | null;
  readonly ip: string | null;
  /** Counted towards the size of each event. */
  readonly bytes: number;
}

/** What a single event shares: nothing. */
export const noShared: Shared = {
  kind: "shared",
  sentAt: undefined,
  facts: {},
  extra: null,
  userAgent: null,
  ip: null,
  bytes: 0,
};

const tooLarge: Problem = {
  kind: "problem",
  error: eventError("too_large", "context and integrations beside the batch must stay within 4 KB."),
};

/** Reads the outer object of a batch; without `keepIp` the address of its sender is not stored. */
export function readShared(body: JsonObject, keepIp: boolean): Shared | Problem {
  const sentAt = body["sentAt"];
  const { context, integrations } = body;
  if (isEmpty(context) && isEmpty(integrations))
    return sentAt === undefined ? noShared : { ...noShared, sentAt };
  const facts: Record<string, Json> = {};
  if (context !== undefined && !isEmpty(context)) facts["context"] = keepIp ? context : withoutIp(context);
  if (integrations !== undefined && !isEmpty(integrations)) facts["integrations"] = integrations;
  const extra = JSON.stringify(facts);
  const bytes = Buffer.byteLength(extra);
  if (bytes > maxSharedBytes) return tooLarge;
  return {
    kind: "shared",
    sentAt,
    facts,
    extra,
    userAgent: textAt(context, "userAgent"),
    ip: textAt(context, "ip"),
    bytes,
  };
}

function withoutIp(context: Json): Json {
  if (!isObject(context) || context["ip"] === undefined) return context;
  const { ip: _ip, ...rest } = context;
  return rest;
}

function textAt(context: Json | undefined, key: string): string | null {
  const value = isObject(context) ? context[key] : undefined;
  return typeof value === "string" && value !== "" ? value : null;
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
