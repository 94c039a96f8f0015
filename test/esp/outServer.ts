/** Everything that goes out, behind a real port, over a store in memory. */
import type { Server } from "bun";
import { Elysia } from "elysia";
import { errorAnswers } from "../../src/errorAnswers.ts";
import type { FindKey } from "../../src/esp/authorise.ts";
import { FeedHub } from "../../src/esp/feedHub.ts";
import { feedTokenRoutes } from "../../src/esp/feedTokenRoutes.ts";
import { FeedTokens } from "../../src/esp/feedTokens.ts";
import { longPollRoutes } from "../../src/esp/longPoll.ts";
import { restRoutes } from "../../src/esp/rest.ts";
import { sseRoutes } from "../../src/esp/sse.ts";
import {
  feedSocketHandlers,
  feedSocketPath,
  upgradeToFeed,
  type FeedSocketData,
} from "../../src/esp/webSocket.ts";
import { jsonBodyReader } from "../../src/jsonBody.ts";
import { BodyReader } from "../../src/lib/body.ts";
import { decodeBody } from "../../src/lib/contentEncoding.ts";
import { seededIds } from "../../src/lib/id.ts";
import { silentLog } from "../../src/lib/log.ts";
import type { KeyInfo } from "../../src/model/key.ts";
import { ManualTimers } from "../support/manualTimers.ts";
import { MemoryStore } from "../support/memoryStore.ts";
import { SseReader } from "../support/sseReader.ts";

const base: KeyInfo = {
  id: "key_all",
  kind: "secret",
  namespace: "live",
  source: "shop",
  trust: "server",
  scopes: ["write", "read", "content", "feed", "admin"],
  readableTraits: null,
  blocks: null,
  idTypes: null,
};

/** Keys by what they may do. */
export const keys = {
  sk_all_0000000000: base,
  sk_test_000000000: { ...base, id: "key_test", namespace: "test" },
  sk_names_only_000: { ...base, id: "key_names", readableTraits: ["firstName", "lastName"] },
  sk_reads_only_000: { ...base, id: "key_reads", scopes: ["read"] },
  wk_writes_only_00: { ...base, id: "key_writes", kind: "write", scopes: ["write"] },
} as const satisfies Record<string, KeyInfo>;

export type KeyText = keyof typeof keys;

export interface OutOptions {
  readonly maxListeners?: number;
  readonly store?: MemoryStore;
}

export class OutServer implements AsyncDisposable {
  readonly store: MemoryStore;
  readonly timers = new ManualTimers();
  readonly hub: FeedHub;
  /** Keys that are not in force any more. */
  readonly revoked = new Set<string>();
  /** What the hub reported. */
  readonly errors: unknown[] = [];
  /** Seqs that were handed to readers, in order. */
  readonly fed: number[] = [];
  readonly #server: Server<FeedSocketData>;

  constructor(options: OutOptions = {}) {
    this.store = options.store ?? new MemoryStore();
    const { clock, changes, profiles } = this.store;
    const answers = errorAnswers({ ids: seededIds(1), log: silentLog });
    const findKey: FindKey = (text) =>
      text in keys && !this.revoked.has(text) ? keys[text as KeyText] : null;
    this.hub = new FeedHub(changes, {
      every: this.timers.every,
      heartbeatMs: 10_000,
      maxListeners: options.maxListeners ?? 200,
      onError: (error) => this.errors.push(error),
    });
    const tokens = new FeedTokens({
      findById: (id) => {
        const [text, info] =
          Object.entries(keys).find(([, key]) => key.id === id && key.kind === "secret") ?? [];
        if (text === undefined || info === undefined || this.revoked.has(text)) return null;
        return { info, digest: new Bun.CryptoHasher("sha256").update(text).digest() };
      },
      clock,
      epoch: changes.epoch,
      ids: seededIds(2),
    });
    const readJson = jsonBodyReader(new BodyReader(30_000, decodeBody));
    const feed = {
      changes,
      profiles,
      clock,
      tokens,
      readJson,
      hub: this.hub,
      findKey,
      after: this.timers.after,
      onFed: (seq: number) => void this.fed.push(seq),
    };
    const app = new Elysia({ aot: true, normalize: false, strictPath: true })
      .onError(({ error }) => answers.unexpected(error))
      .use(
        restRoutes({
          profiles,
          answers: profiles.memory(1_000_000),
          findAt: (namespace, type, value) => Promise.resolve(profiles.find(namespace, type, value)),
          findKey,
          clock,
          readJson,
          fedAtMs: (seq) => (this.fed.includes(seq) ? clock.nowMs() : null),
        }),
      )
      .use(sseRoutes(feed))
      .use(longPollRoutes(feed))
      .use(feedTokenRoutes(feed))
      .get(feedSocketPath, ({ request }) => upgradeToFeed(request, this.#server, feed));
    this.#server = Bun.serve<FeedSocketData>({
      hostname: "127.0.0.1",
      port: 0,
      idleTimeout: 30,
      fetch: (request) => app.fetch(request),
      websocket: feedSocketHandlers(),
    });
  }

  get port(): number {
    return this.#server.port ?? 0;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Sends a request with a key (the one that may do everything, unless told otherwise). */
  fetch(path: string, init: RequestInit & { readonly key?: KeyText } = {}): Promise<Response> {
    const { key = "sk_all_0000000000", headers, ...rest } = init;
    return fetch(`${this.origin}${path}`, {
      ...rest,
      headers: { Authorization: `Bearer ${key}`, ...(headers as Record<string, string>) },
    });
  }

  /** The JSON of an answer. */
  async json(
    path: string,
    init: RequestInit & { readonly key?: KeyText } = {},
  ): Promise<Record<string, unknown>> {
    const response = await this.fetch(path, init);
    return (await response.json()) as Record<string, unknown>;
  }

  /** Opens the feed as server-sent events. */
  feed(
    query = "",
    options: { readonly key?: KeyText; readonly headers?: Record<string, string> } = {},
  ): Promise<SseReader> {
    const { key = "sk_all_0000000000", headers } = options;
    return SseReader.open(`${this.origin}/v1/feed${query}`, { Authorization: `Bearer ${key}`, ...headers });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.hub[Symbol.dispose]();
    await this.#server.stop(true);
  }
}
