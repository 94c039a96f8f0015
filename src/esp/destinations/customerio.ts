/**
 * Customer.io, Track API v2: `POST /api/v2/batch`, up to 500 KB a request, 32 KB an entity. Traps it has: an attribute
 * whose timestamp is older than what it knows is dropped with a 200, so no timestamps are sent and the newest state is
 * what goes last; unknown people are made by an event as well. docs/destinations/customerio.md
 */
import { z } from "zod";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type {
  Answered,
  Capability,
  Destination,
  OutRequest,
  ProfileKey,
  ProfileRow,
  Subject,
} from "../deliver/destination.ts";

const settings = z.strictObject({
  siteId: z.string().min(1).max(200),
  apiKey: z.string().min(1).max(200),
  region: z.enum(["us", "eu"]).default("us"),
  /** What a person is called there. */
  identifyBy: z.enum(["userId", "email"]).default("userId"),
  /** Another address than the region's; for tests and proxies. */
  url: z
    .string()
    .regex(/^https?:\/\//)
    .max(2_000)
    .optional(),
});

type Settings = z.output<typeof settings>;

const hosts = { us: "https://track.customer.io", eu: "https://track-eu.customer.io" } as const;
const maxBytes = 500_000;
/** By size it might be thousands; fewer lose less when one of them spoils it. */
const maxRows = 1_000;
const maxAttributeBytes = 1_000;
const maxNameBytes = 150;
const reserved: ReadonlySet<string> = new Set([
  "id",
  "cio_id",
  "_update",
  "cio_subscription_preferences",
  "_last_visit",
]);

const errorsSchema = z.object({
  errors: z
    .array(
      z.object({
        batch_index: z.int().min(0),
        reason: z.string().optional(),
        field: z.string().optional(),
        message: z.string().optional(),
      }),
    )
    .optional(),
});

export const customerio: Destination<Settings> = {
  type: "customerio",
  title: "Customer.io",
  settings,
  can: ["upsert", "suppress", "event", "erase"],
  secrets: ({ apiKey, siteId }) => [apiKey, `${siteId}:${apiKey}`],
  open: (own) => ({
    // 100 requests a second is the lowest figure that its documentation gives.
    limits: { windows: [{ perMs: 1_000, requests: 100 }], connections: 8, timeoutMs: 30_000 },
    errors: { 404: "stop", 409: "retry" },
    identify: (subject) => identify(own, subject),
    // An empty batch is answered 200 and does nothing; a wrong key 401.
    probe: request(own, []),
    refuseField,
    upsert: ability(own, ({ key, set, clear }) => ({
      ...person(key, "identify"),
      // An empty text takes an attribute away.
      attributes: { ...set, ...Object.fromEntries(clear.map((name) => [name, ""])) },
    })),
    // Of Customer.io's own making: the person gets no message of any channel.
    suppress: ability(own, ({ key, reason }) => person(key, reason === null ? "unsuppress" : "suppress")),
    event: ability(own, ({ key, id, name, properties, timestampMs }) => ({
      ...person(key, "event"),
      id: ulidOf(id, timestampMs),
      name,
      timestamp: Math.floor(timestampMs / 1_000),
      attributes: properties,
    })),
    erase: ability(own, ({ key }) => person(key, "delete")),
  }),
};

function identify({ identifyBy }: Settings, { userId, email }: Subject) {
  if (identifyBy === "email")
    return email === null
      ? ({ kind: "none", missing: "e-mail address" } as const)
      : ({ kind: "key", key: { email } } as const);
  return userId === null
    ? ({ kind: "none", missing: "userId" } as const)
    : ({ kind: "key", key: { id: userId } } as const);
}

function person(identifiers: ProfileKey, action: string) {
  return { type: "person", identifiers, action } as const;
}

function refuseField(field: string, value: unknown): string | null {
  if (reserved.has(field)) return "Customer.io keeps this name for itself";
  if (Buffer.byteLength(field) > maxNameBytes) return `the name is longer than ${maxNameBytes} bytes`;
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return Buffer.byteLength(text) > maxAttributeBytes
    ? `the value is larger than ${maxAttributeBytes} bytes`
    : null;
}

function ability<Row extends ProfileRow>(own: Settings, entity: (row: Row) => object): Capability<Row> {
  return {
    maxRows,
    maxBytes,
    repeat: "idempotent",
    way: { kind: "http", request: (rows) => request(own, rows.map(entity)), read },
  };
}

function request({ siteId, apiKey, region, url }: Settings, batch: readonly object[]): OutRequest {
  return {
    method: "POST",
    url: `${(url ?? hosts[region]).replace(/\/+$/, "")}/api/v2/batch`,
    headers: {
      Authorization: `Basic ${Buffer.from(`${siteId}:${apiKey}`).toString("base64")}`,
      "Content-Type": "application/json",
    },
    body: JSON.stringify({ batch }),
  };
}

/** 207: the rest was taken. */
function read({ status, text }: Answered, rows: readonly ProfileRow[]): Verdict | null {
  if (status === 200) {
    const body: unknown = JSON.parse(text);
    return typeof body === "object" && body !== null ? { kind: "done" } : unreadable();
  }
  if (status !== 207) return null;
  const { errors = [] } = errorsSchema.parse(JSON.parse(text));
  const verdicts = rows.map((): RowVerdict => ({ kind: "done" }));
  for (const { batch_index, reason, field, message } of errors) {
    const said = [reason, field, message].filter((part) => part !== undefined && part !== "").join(", ");
    if (batch_index < verdicts.length) verdicts[batch_index] = { kind: "drop", reason: said };
  }
  return { kind: "rows", rows: verdicts };
}

function unreadable(): never {
  throw new Error("the answer is no object");
}

const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** A ULID that is the same at every repeat: the event's time, and 80 bits of the hash of its id. */
function ulidOf(id: string, timestampMs: number): string {
  const digest = new Uint8Array(Bun.SHA256.byteLength);
  Bun.SHA256.hash(id, digest);
  let bits = BigInt(Math.max(0, Math.min(timestampMs, 2 ** 48 - 1)));
  for (const byte of digest.subarray(0, 10)) bits = (bits << 8n) | BigInt(byte);
  let text = "";
  for (let at = 0; at < 26; at += 1) {
    text = `${crockford[Number(bits & 31n)] ?? "0"}${text}`;
    bits >>= 5n;
  }
  return text;
}
