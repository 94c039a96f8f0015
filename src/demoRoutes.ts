/**
 * What the demo adds to a server: its page, a token for a visitor's own profile, and the numbers of the river.
 * A page can't prove which anonymous id is its own; the ids are long and random, and nobody is told another one's.
 */
import { Elysia } from "elysia";
import { pageRoutes, type PublicAnswers } from "./admin/publicAnswers.ts";
import { Refusal } from "./errors.ts";
import { tokenAnswer } from "./esp/feedTokenRoutes.ts";
import type { FeedTokens } from "./esp/feedTokens.ts";
import type { RateLimiter, RateLimitSettings } from "./ingest/rateLimit.ts";
import type { Latency } from "./lib/metrics.ts";

export interface DemoDeps {
  readonly files: PublicAnswers;
  readonly tokens: FeedTokens;
  readonly feedKeyId: string;
  /** Throws Refusal for a body that is no JSON. */
  readonly readJson: (request: Request) => Promise<unknown>;
  /** Tokens asked for, by address. */
  readonly limiter: RateLimiter;
  readonly clientAddress: (request: Request) => string;
  readonly river: () => River;
}

/** What went by since the start. */
export interface River {
  /** Number of the newest change. */
  readonly head: number;
  /** Feed readers now. */
  readonly readers: number;
  /** From receipt until on disk, until readable, until handed to the first feed reader. */
  readonly committed: Latency;
  readonly visible: Latency;
  readonly fed: Latency;
}

/** How often one address may ask for a token. */
export const tokenRate: RateLimitSettings = { eventsPerSecond: 1, burstEvents: 20, maxBuckets: 10_000 };

const ttlMs = 3_600_000;
/** Of the snippet's making: random, and too long to be guessed. */
const anonymousIdForm = /^[a-z0-9]{6,12}-[0-9a-f]{24}$/;

/** The routes as a plugin. */
export function demoRoutes(deps: DemoDeps) {
  return new Elysia({ name: "demo" })
    .post("/demo/token", ({ request }) => token(request, deps), { parse: "none" })
    .get("/demo/river", () => riverAnswer(deps.river()))
    .use(pageRoutes(deps.files, "/demo", "demo"));
}

async function token(request: Request, deps: DemoDeps): Promise<Response> {
  // A page of another site could ask as well, but not read the answer; it need not even ask.
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") throw new Refusal("forbidden");
  const bucket = deps.limiter.bucket("demo", deps.clientAddress(request));
  const retryAfterSeconds = deps.limiter.waitSeconds(bucket);
  if (retryAfterSeconds > 0) throw new Refusal("rate_limited", { retryAfterSeconds });
  deps.limiter.charge(bucket, 1);
  const identifier = { type: "anonymous_id", value: anonymousIdOf(await deps.readJson(request)) };
  return tokenAnswer(identifier, deps.tokens.mint(deps.feedKeyId, identifier, ttlMs));
}

function anonymousIdOf(body: unknown): string {
  const given = typeof body === "object" && body !== null && "anonymousId" in body ? body.anonymousId : null;
  if (typeof given !== "string" || !anonymousIdForm.test(given))
    throw new Refusal("invalid_request", { detail: 'The body is {"anonymousId":"…"}.' });
  return given;
}

function riverAnswer({ head, readers, committed, visible, fed }: River): Response {
  const stages = { committed: totals(committed), visible: totals(visible), fed: totals(fed) };
  return Response.json({ head, readers, ...stages }, { headers: { "Cache-Control": "no-store" } });
}

function totals(latency: Latency): { readonly count: number; readonly sumMs: number } {
  const { total, sumMs } = latency.read();
  return { count: total, sumMs };
}
