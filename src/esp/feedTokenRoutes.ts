/** `POST /v1/feed/tokens`: a server asks for a token that it hands to a browser. */
import { Elysia } from "elysia";
import { Refusal } from "../errors.ts";
import type { Identifier } from "../model/identifier.ts";
import { authorise, type FindKey } from "./authorise.ts";
import { defaultTtlMs, maxTtlMs, minTtlMs, type FeedTokens, type MintedToken } from "./feedTokens.ts";
import { iso } from "./profileView.ts";
import { parseIdentifier } from "./query.ts";

export interface FeedTokenDeps {
  readonly findKey: FindKey;
  readonly tokens: FeedTokens;
  /** Throws Refusal for a body that is no JSON. */
  readonly readJson: (request: Request) => Promise<unknown>;
}

/** The plugin; mounted by the app. Needs a key with the scope `feed`. */
export function feedTokenRoutes({ findKey, tokens, readJson }: FeedTokenDeps) {
  return new Elysia({ name: "feedTokens" }).post(
    "/v1/feed/tokens",
    async ({ request }) => {
      const key = authorise(request, findKey, "feed");
      const { identifier, ttlMs } = wish(await readJson(request));
      return tokenAnswer(identifier, tokens.mint(key.id, identifier, ttlMs));
    },
    { parse: "none" },
  );
}

/** The answer that carries a token. */
export function tokenAnswer({ type, value }: Identifier, { token, expiresAtMs }: MintedToken): Response {
  return Response.json(
    { token, profile: `${type}:${value}`, expiresAt: iso(expiresAtMs) },
    { headers: { "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff" } },
  );
}

function wish(body: unknown): { readonly identifier: Identifier; readonly ttlMs: number } {
  const fields = typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  const { profile, ttlMs = defaultTtlMs } = fields;
  if (typeof profile !== "string")
    throw new Refusal("invalid_request", { detail: 'The body is {"profile":"type:value","ttlMs":900000}.' });
  if (typeof ttlMs !== "number" || !Number.isSafeInteger(ttlMs) || ttlMs < minTtlMs || ttlMs > maxTtlMs)
    throw new Refusal("invalid_request", {
      detail: `ttlMs takes a whole number from ${minTtlMs} to ${maxTtlMs}.`,
    });
  return { identifier: parseIdentifier(profile, false), ttlMs };
}
