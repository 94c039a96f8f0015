/** Ingest behind a real port, with the real judge and a journal that is an array. */
import { gzipSync } from "node:zlib";
import { Elysia } from "elysia";
import { judge } from "../../src/ingest/judge.ts";
import { RateLimiter, type RateLimitSettings } from "../../src/ingest/rateLimit.ts";
import { ingestRoutes } from "../../src/ingest/routes.ts";
import { streamRoutes } from "../../src/ingest/streamRoutes.ts";
import { EventStreams } from "../../src/ingest/streams.ts";
import { BodyReader } from "../../src/lib/body.ts";
import { decodeBody } from "../../src/lib/contentEncoding.ts";
import { seededIds } from "../../src/lib/id.ts";
import type { Accept, Answer, Frame, Judged, Rejected } from "../../src/store/accept.ts";
import { KeyTable } from "../../src/store/keyring.ts";
import type { KeyRow } from "../../src/store/messages.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { ManualTimers } from "../support/manualTimers.ts";

export type AcceptedEvent = Extract<Judged, { kind: "event" }>;

export const keyTexts = {
  server: "wk_server_0000000001",
  browser: "wk_browser_000000001",
  test: "wk_test_000000000001",
  secret: "sk_secret_0000000001",
  reader: "sk_reader_0000000001",
  revoked: "wk_revoked_000000001",
} as const;

/** A row as the keys table holds it. */
function keyRow(text: string, fields: Partial<KeyRow> = {}): KeyRow {
  const secret = text.startsWith("sk_");
  return {
    id: `key_${text.slice(3, 9)}`,
    kind: secret ? "secret" : "write",
    namespace: text.includes("_test_") ? "test" : "live",
    source: "shop",
    trust: "server",
    scopes: secret ? ["write", "read"] : ["write"],
    readableTraits: null,
    blocks: null,
    idTypes: null,
    writeKey: secret ? null : text,
    secretSha256: secret ? new Bun.CryptoHasher("sha256").update(text).digest("hex") : null,
    createdAtMs: 0,
    revokedAtMs: null,
    ...fields,
  };
}

const keyRows: readonly KeyRow[] = [
  keyRow(keyTexts.server),
  keyRow(keyTexts.browser, { source: "web", trust: "browser" }),
  keyRow(keyTexts.test),
  keyRow(keyTexts.secret),
  keyRow(keyTexts.reader, { scopes: ["read"] }),
  keyRow(keyTexts.revoked, { revokedAtMs: 1 }),
  keyRow("WK", { source: "recorded" }),
];

/** Judges frames at once and remembers what came of them. */
export class MemoryAccept implements Accept {
  readonly frames: Frame[] = [];
  readonly events: AcceptedEvent[] = [];
  readonly quarantined: Rejected[] = [];
  /** What to answer instead of taking the frame. */
  unavailable: Extract<Answer, { kind: "unavailable" }> | null = null;
  #minted = 0;

  submit(frame: Frame): Promise<Answer> {
    if (this.unavailable !== null) return Promise.resolve(this.unavailable);
    this.frames.push(frame);
    const verdict = judge(frame, () => `minted-${(this.#minted += 1)}`);
    if (verdict.kind === "refused") {
      const rejected = [this.#quarantine(0, null, verdict.error)];
      return Promise.resolve({ kind: "rejected", status: verdict.status, error: verdict.error, rejected });
    }
    const rejected: Rejected[] = [];
    for (const [index, judged] of verdict.events.entries()) {
      if (judged.kind === "event") this.events.push(judged);
      else rejected.push(this.#quarantine(index, judged.messageId, judged.error));
    }
    const [first] = rejected;
    if (first === undefined || rejected.length < verdict.events.length)
      return Promise.resolve({ kind: "accepted", rejected });
    return Promise.resolve({ kind: "rejected", status: 400, error: first.error, rejected });
  }

  #quarantine(index: number, messageId: string | null, error: Rejected["error"]): Rejected {
    const rejected: Rejected = {
      index,
      messageId,
      quarantineId: `qrn_${this.quarantined.length + 1}`,
      error,
    };
    this.quarantined.push(rejected);
    return rejected;
  }
}

export interface IngestServer extends AsyncDisposable {
  readonly accept: MemoryAccept;
  readonly clock: FakeClock;
  readonly keys: KeyTable;
  readonly streams: EventStreams;
  /** The heartbeat and the waits of streams. */
  readonly timers: ManualTimers;
  readonly origin: string;
  readonly port: number;
  /** The address that browser requests are counted by. */
  address: string;
  /** POSTs JSON, or bytes and text as they are, with the server key unless other headers are given. */
  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>;
}

export interface IngestServerOptions {
  readonly rate?: Partial<RateLimitSettings>;
  readonly bodyDeadlineMs?: number;
  readonly maxStreams?: number;
}

const generousRate: RateLimitSettings = {
  eventsPerSecond: 1_000_000,
  burstEvents: 1_000_000,
  maxBuckets: 100,
};

/** Starts ingest on a free port; `await using` stops it. */
export function startIngest(options: IngestServerOptions = {}): IngestServer {
  const accept = new MemoryAccept();
  const clock = new FakeClock();
  const keys = new KeyTable(keyRows);
  const bodies = new BodyReader(options.bodyDeadlineMs ?? 10_000, decodeBody);
  const limiter = new RateLimiter({ ...generousRate, ...options.rate }, () => clock.monotonicMs());
  const timers = new ManualTimers();
  const streams = new EventStreams({ timers, heartbeatMs: 10_000, maxStreams: options.maxStreams ?? 100 });
  const ids = seededIds(1);
  const deps = {
    accept,
    keys,
    clock,
    ids,
    bodies,
    limiter,
    timers,
    streams,
    needsAddress: false,
    clientAddress: () => server.address,
  };
  const app = new Elysia().use(ingestRoutes(deps)).use(streamRoutes(deps));
  const listener = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
  const origin = `http://127.0.0.1:${listener.port}`;
  const server: IngestServer = {
    accept,
    clock,
    keys,
    streams,
    timers,
    origin,
    port: listener.port ?? 0,
    address: "192.0.2.1",
    post: (path, body, headers = { "X-Write-Key": keyTexts.server }) => {
      const isRaw = typeof body === "string" || body instanceof Uint8Array;
      return fetch(`${origin}${path}`, {
        method: "POST",
        body: isRaw ? body : JSON.stringify(body),
        headers,
      });
    },
    [Symbol.asyncDispose]: async () => {
      streams[Symbol.dispose]();
      await listener.stop(true);
    },
  };
  return server;
}

/** A good event. */
export const track = { event: "Product Viewed", userId: "42", messageId: "m-1" };

/** A batch of so many good events. */
export function batchOf(count: number): { readonly batch: readonly Record<string, unknown>[] } {
  return {
    batch: Array.from({ length: count }, (_, index) => ({
      ...track,
      type: "track",
      messageId: `m-${index}`,
    })),
  };
}

/** An accepted batch of exactly that many bytes. */
export function padded(bytes: number): string {
  return JSON.stringify(batchOf(1)).padEnd(bytes, " ");
}

/** The value of a Basic Authorization header with that user name. */
export function basic(userName: string, password = ""): string {
  return `Basic ${Buffer.from(`${userName}:${password}`).toString("base64")}`;
}

/** JSON, compressed. */
export function gzipped(body: unknown): Uint8Array<ArrayBuffer> {
  return new Uint8Array(gzipSync(typeof body === "string" ? body : JSON.stringify(body)));
}

/** `code` of an error answer. */
export async function errorCode(response: Response): Promise<string> {
  const body = (await response.json()) as { readonly error: { readonly code: string } };
  return body.error.code;
}
