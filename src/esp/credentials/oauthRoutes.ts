/** `POST /oauth/token` (RFC 6749, client credentials) and the keys that its tokens are verified with. */
import { timingSafeEqual } from "node:crypto";
import { Elysia } from "elysia";
import type { BodyReader } from "../../lib/body.ts";
import type { KeyInfo } from "../../model/key.ts";
import { tokenSeconds, type AccessTokens } from "./accessTokens.ts";
import type { BadTries } from "./badTries.ts";
import type { SigningSecret } from "./contentTokens.ts";
import type { SigningKeys } from "./signingKeys.ts";

/** Steps whose number must not tell what is wrong with a client's secret; a test counts them. */
export interface SecretSteps {
  digest(text: string): Uint8Array;
  isSame(one: Uint8Array, other: Uint8Array): boolean;
}

export interface OauthDeps {
  readonly bodies: BodyReader;
  readonly signingKeys: SigningKeys;
  readonly accessTokens: AccessTokens;
  /** The secret key in force with this id, or null. */
  readonly findById: (keyId: string) => SigningSecret | null;
  readonly badTries: BadTries;
  readonly clientAddress: (request: Request) => string;
  readonly steps?: SecretSteps;
}

export const secretSteps: SecretSteps = {
  digest: (text) => new Bun.CryptoHasher("sha256").update(text).digest(),
  isSame: timingSafeEqual,
};

type ErrorName =
  "invalid_request" | "invalid_client" | "unauthorized_client" | "unsupported_grant_type" | "invalid_scope";

/** A refusal in the words of RFC 6749, 5.2. */
class OauthRefusal extends Error {
  readonly error: ErrorName;

  constructor(error: ErrorName, description: string) {
    super(description);
    this.error = error;
  }
}

interface Client {
  readonly id: string;
  readonly secret: string;
}

const maxBodyBytes = 8_192;
const noDigest = new Uint8Array(32);
const utf8 = new TextDecoder("utf-8", { fatal: true });
const unstored = {
  "Content-Type": "application/json; charset=utf-8",
  "Cache-Control": "no-store",
  Pragma: "no-cache",
  "X-Content-Type-Options": "nosniff",
} as const;

/** The routes; mounted by routes.ts. */
export function oauthRoutes(deps: OauthDeps) {
  return new Elysia({ name: "oauth" })
    .post("/oauth/token", ({ request }) => answerToken(request, deps), { parse: "none" })
    .get("/.well-known/jwks.json", () => answerKeys(deps));
}

async function answerKeys({ signingKeys }: OauthDeps): Promise<Response> {
  const keys = await signingKeys.published();
  return new Response(JSON.stringify({ keys }), {
    headers: { "Content-Type": "application/jwk-set+json", "Cache-Control": "public, max-age=3600" },
  });
}

async function answerToken(request: Request, deps: OauthDeps): Promise<Response> {
  try {
    const form = await formOf(request, deps.bodies);
    const client = clientOf(request, form);
    const key = authenticated(client, deps);
    const grant = form.get("grant_type");
    if (grant === null) throw new OauthRefusal("invalid_request", "grant_type is missing");
    if (grant !== "client_credentials")
      throw new OauthRefusal("unsupported_grant_type", "grant_type takes client_credentials");
    if (!key.scopes.includes("content"))
      throw new OauthRefusal("unauthorized_client", "the key has not the scope content");
    checkScope(form.get("scope"));
    const token = {
      access_token: await deps.accessTokens.mint(key),
      token_type: "Bearer",
      expires_in: tokenSeconds,
      scope: "content",
    };
    return new Response(JSON.stringify(token), { headers: unstored });
  } catch (error) {
    if (!(error instanceof OauthRefusal)) throw error;
    return refused(error, request, deps);
  }
}

function refused({ error, message }: OauthRefusal, request: Request, deps: OauthDeps): Response {
  const body = JSON.stringify({ error, error_description: message });
  if (error !== "invalid_client") return new Response(body, { status: 400, headers: unstored });
  const waitSeconds = deps.badTries.count(deps.clientAddress(request));
  if (waitSeconds !== null)
    return new Response(body, { status: 429, headers: { ...unstored, "Retry-After": String(waitSeconds) } });
  const headers = { ...unstored, "WWW-Authenticate": 'Basic realm="freshet"' };
  return new Response(body, { status: 401, headers });
}

/** The parameters of the body: none may stand twice, and one without a value is as good as none (RFC 6749, 3.2). */
async function formOf(request: Request, bodies: BodyReader): Promise<URLSearchParams> {
  const [type = ""] = (request.headers.get("content-type") ?? "").toLowerCase().split(";");
  if (type.trim() !== "application/x-www-form-urlencoded")
    throw new OauthRefusal("invalid_request", "the body is application/x-www-form-urlencoded");
  const read = await bodies.read(request, maxBodyBytes);
  if (read.kind !== "body") throw new OauthRefusal("invalid_request", "the body is too large or not whole");
  const form = new URLSearchParams(textOf(read.bytes));
  for (const name of new Set(form.keys()))
    if (form.getAll(name).length > 1) throw new OauthRefusal("invalid_request", "a parameter stands twice");
  return new URLSearchParams([...form].filter(([, value]) => value !== ""));
}

function textOf(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new OauthRefusal("invalid_request", "the body is not UTF-8");
  }
}

/** client_secret_basic or client_secret_post, and not both (RFC 6749, 2.3). */
function clientOf(request: Request, form: URLSearchParams): Client {
  const header = request.headers.get("authorization");
  const id = form.get("client_id");
  const secret = form.get("client_secret");
  if (header === null) {
    if (id === null || secret === null) throw new OauthRefusal("invalid_client", "the client is not named");
    return { id, secret };
  }
  if (secret !== null) throw new OauthRefusal("invalid_request", "the client is authenticated twice");
  const client = basicOf(header);
  if (client === null) throw new OauthRefusal("invalid_client", "the Authorization header is not Basic");
  if (id !== null && id !== client.id)
    throw new OauthRefusal("invalid_request", "client_id is not that of the Authorization header");
  return client;
}

/** Both halves are form-encoded before they are joined (RFC 6749, 2.3.1). */
function basicOf(header: string): Client | null {
  const [, encoded] = /^basic +([A-Za-z0-9+/=_-]{1,2048}) *$/i.exec(header) ?? [];
  if (encoded === undefined) return null;
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  if (colon < 0) return null;
  const id = formDecoded(pair.slice(0, colon));
  const secret = formDecoded(pair.slice(colon + 1));
  return id === null || secret === null ? null : { id, secret };
}

function formDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return null;
  }
}

/** The key of a client; an unknown id takes the same steps as a wrong secret. */
function authenticated({ id, secret }: Client, { findById, steps = secretSteps }: OauthDeps): KeyInfo {
  const known = findById(id);
  const isSame = steps.isSame(steps.digest(secret), known?.digest ?? noDigest);
  if (!isSame || known === null)
    throw new OauthRefusal("invalid_client", "the client or its secret is not known");
  return known.info;
}

/** A list with blanks between, in any order (RFC 6749, 3.3). */
function checkScope(scope: string | null): void {
  const asked = (scope ?? "").split(" ").filter((one) => one !== "");
  if (asked.some((one) => one !== "content"))
    throw new OauthRefusal("invalid_scope", "the only scope is content");
}
