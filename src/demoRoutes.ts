/**
 * What the demo adds to a server: its page, a token for a visitor's own profile, the numbers of the river, and the mailbox.
 * A page can't prove which anonymous id is its own; the ids are long and random, and nobody is told another one's.
 */
import { Elysia } from "elysia";
import { pageRoutes, type PublicAnswers } from "./admin/publicAnswers.ts";
import type { Frames } from "./admin/api/frames.ts";
import type { MailsAnswer } from "./demoMails.ts";
import { Refusal } from "./errors.ts";
import { tokenAnswer } from "./esp/feedTokenRoutes.ts";
import type { FeedTokens } from "./esp/feedTokens.ts";
import type { RateLimiter, RateLimitSettings } from "./ingest/rateLimit.ts";
import type { Latency } from "./lib/metrics.ts";
import { queryOf } from "./esp/query.ts";
import type { Identifier } from "./model/identifier.ts";

export interface DemoDeps {
  readonly files: PublicAnswers;
  readonly tokens: FeedTokens;
  readonly feedKeyId: string;
  /** Throws Refusal for a body that is no JSON. */
  readonly readJson: (request: Request) => Promise<unknown>;
  /** Tokens asked for, by address. */
  readonly limiter: RateLimiter;
  /** Looks into the mailbox, by address. */
  readonly mailLimiter: RateLimiter;
  readonly clientAddress: (request: Request) => string;
  readonly mailsOf: (identifier: Identifier) => Promise<MailsAnswer>;
  readonly frames: Frames;
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
/** The page looks every second or two, and only while a mail may be on its way. */
export const mailRate: RateLimitSettings = { eventsPerSecond: 2, burstEvents: 40, maxBuckets: 10_000 };

const ttlMs = 3_600_000;
/** Of the snippet's making: random, and too long to be guessed. */
const anonymousIdForm = /^[a-z0-9]{6,12}-[0-9a-f]{24}$/;

/** The routes as a plugin. */
export function demoRoutes(deps: DemoDeps) {
  return new Elysia({ name: "demo" })
    .post("/demo/token", ({ request }) => token(request, deps), { parse: "none" })
    .post("/demo/mails", ({ request }) => mails(request, deps), { parse: "none" })
    .get("/demo/mail", ({ request }) => deps.frames.answer(queryOf(request.url)))
    .get("/demo/river", () => riverAnswer(deps.river()))
    .use(pageRoutes(deps.files, "/demo/mailbox", "mailbox"))
    .use(pageRoutes(deps.files, "/demo", "demo"));
}

async function token(request: Request, deps: DemoDeps): Promise<Response> {
  const identifier = await visitor(request, deps.limiter, deps);
  return tokenAnswer(identifier, deps.tokens.mint(deps.feedKeyId, identifier, ttlMs));
}

async function mails(request: Request, deps: DemoDeps): Promise<Response> {
  const identifier = await visitor(request, deps.mailLimiter, deps);
  return Response.json(await deps.mailsOf(identifier), { headers: { "Cache-Control": "no-store" } });
}

/** Who asks, by the id in the body. Throws Refusal. */
async function visitor(request: Request, limiter: RateLimiter, deps: DemoDeps): Promise<Identifier> {
  // A page of another site could ask as well, but not read the answer; it need not even ask.
  const site = request.headers.get("sec-fetch-site");
  if (site !== null && site !== "same-origin") throw new Refusal("forbidden");
  const bucket = limiter.bucket("demo", deps.clientAddress(request));
  const retryAfterSeconds = limiter.waitSeconds(bucket);
  if (retryAfterSeconds > 0) throw new Refusal("rate_limited", { retryAfterSeconds });
  limiter.charge(bucket, 1);
  return { type: "anonymous_id", value: anonymousIdOf(await deps.readJson(request)) };
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
