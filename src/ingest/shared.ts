/** What the outer object of a batch says about all of its events: sentAt, context, integrations. */
import { eventError } from "../errors.ts";
import type { Json, JsonObject } from "../model/event.ts";
import { maxSharedBytes } from "./limits.ts";
import type { Problem } from "./normalise.ts";

export interface Shared {
  readonly kind: "shared";
  /** Stands in for an event's missing sentAt. */
  readonly sentAt: unknown;
  /** What is stored beside each event, since its own text does not hold it. */
  readonly facts: Readonly<Record<string, Json>>;
  /** `facts` as JSON; null if there are none. */
  readonly extra: string | null;
  /** Counted towards the size of each event. */
  readonly bytes: number;
}

/** What a single event shares: nothing. */
export const noShared: Shared = { kind: "shared", sentAt: undefined, facts: {}, extra: null, bytes: 0 };

const tooLarge: Problem = {
  kind: "problem",
  error: eventError("too_large", "context and integrations beside the batch must stay within 4 KB."),
};

/** Reads the outer object of a batch. */
export function readShared(body: JsonObject): Shared | Problem {
  const sentAt = body["sentAt"];
  const { context, integrations } = body;
  if (isEmpty(context) && isEmpty(integrations))
    return sentAt === undefined ? noShared : { ...noShared, sentAt };
  const facts: Record<string, Json> = {};
  if (context !== undefined && !isEmpty(context)) facts["context"] = context;
  if (integrations !== undefined && !isEmpty(integrations)) facts["integrations"] = integrations;
  const extra = JSON.stringify(facts);
  const bytes = Buffer.byteLength(extra);
  return bytes > maxSharedBytes ? tooLarge : { kind: "shared", sentAt, facts, extra, bytes };
}

function isEmpty(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}
