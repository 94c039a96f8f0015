/** What /openapi.json says of the ingest routes. The bodies are checked by the judge, not by a schema. */
import type { Frame } from "../store/accept.ts";

type Call = Frame["call"];

const summaries: Readonly<Record<Call, string>> = {
  track: "Record what someone did",
  identify: "Set traits of a profile and tie its identifiers together",
  page: "Record a page view",
  screen: "Record a screen view",
  group: "Record that someone belongs to a group",
  alias: "Say that previousId and userId are the same one",
  batch: "Send up to 2,500 events at once",
  import: "Send up to 2,500 past events at once, behind live ones",
};

const text = { type: "string" };
const object = { type: "object", additionalProperties: true };
const identifier = { oneOf: [{ type: "string", maxLength: 512 }, { type: "integer" }] };

const eventProperties = {
  messageId: identifier,
  userId: identifier,
  anonymousId: identifier,
  timestamp: { type: "string", format: "date-time" },
  originalTimestamp: { type: "string", format: "date-time" },
  sentAt: { type: "string", format: "date-time" },
  context: object,
};

const ownProperties: Readonly<Record<Exclude<Call, "batch" | "import">, Readonly<Record<string, unknown>>>> =
  {
    track: { event: text, properties: object },
    identify: { traits: object },
    page: { name: text, properties: object },
    screen: { name: text, properties: object },
    group: { groupId: identifier, traits: object },
    alias: { previousId: identifier },
  };

const required: Readonly<Record<Call, readonly string[]>> = {
  track: ["event"],
  identify: [],
  page: [],
  screen: [],
  group: ["groupId"],
  alias: ["previousId", "userId"],
  batch: ["batch"],
  import: ["batch"],
};

function schemaOf(call: Call): Record<string, unknown> {
  const properties =
    call === "batch" || call === "import"
      ? {
          batch: {
            type: "array",
            maxItems: 2_500,
            items: { type: "object", required: ["type"], properties: { type: text, ...eventProperties } },
          },
          context: object,
          sentAt: text,
        }
      : { ...eventProperties, ...ownProperties[call] };
  return { type: "object", required: required[call], properties, additionalProperties: true };
}

const json = (schema: Record<string, unknown>) => ({ "application/json": { schema } });

/** The operation of a call; short paths are hidden, as they say the same. */
export function operationOf(call: Call, isShort: boolean) {
  const rejected = { type: "array", items: object };
  return {
    summary: summaries[call],
    tags: ["Ingest"],
    hide: isShort,
    requestBody: { required: true, content: json(schemaOf(call)) },
    responses: {
      200: {
        description: "Kept, and readable. `rejected` lists the bad events of a batch.",
        content: json({ type: "object", properties: { success: { const: true }, rejected } }),
      },
      400: { description: "Nothing was accepted; it is in quarantine." },
      401: { description: "No valid key." },
      413: { description: "The request is too large." },
      415: { description: "The content encoding is not supported." },
      429: { description: "Not now; Retry-After says when." },
      503: { description: "Could not be stored; Retry-After says when to try again." },
    },
  };
}
