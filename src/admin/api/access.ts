/**
 * Who asks the admin API, and may they: a browser by its session, a program by a key with the scope admin. A session
 * travels by itself with every request of the browser, so everything but reading needs the token that only our own
 * page knows; a key does not, so it needs none.
 */
import { Refusal } from "../../errors.ts";
import { presentedKey } from "../../esp/authorise.ts";
import type { KeyInfo } from "../../model/key.ts";
import { isSameText, type Session, type Sessions } from "./sessions.ts";

/** Whoever was let in. */
export interface Visitor {
  /** The key's id. */
  readonly actor: string;
  readonly address: string;
  /** Null for a program that came with a key. */
  readonly session: Session | null;
}

export interface AccessDeps {
  readonly sessions: Sessions;
  readonly findKey: (text: string) => KeyInfo | null;
  readonly clientAddress: (request: Request) => string;
}

/** Lets a request in. Throws Refusal unauthorized or forbidden. */
export function admit(request: Request, deps: AccessDeps): Visitor {
  refuseOtherSites(request);
  const address = deps.clientAddress(request);
  const text = presentedKey(request);
  if (text !== null) {
    const key = deps.findKey(text);
    if (key === null) throw new Refusal("unauthorized");
    return { actor: mayAdminister(key).id, address, session: null };
  }
  const session = sessionOf(request, deps.sessions);
  if (session === null)
    throw new Refusal("unauthorized", { detail: "Sign in first: the session has ended, or there was none." });
  if (request.method !== "GET" && !isSameText(request.headers.get("x-csrf-token") ?? "", session.csrfToken))
    throw new Refusal("forbidden", { detail: "The request does not come from the admin page." });
  return { actor: session.keyId, address, session };
}

/** The key if it may administer. Throws Refusal forbidden. */
function mayAdminister(key: KeyInfo): KeyInfo {
  if (!isAdminKey(key)) throw notAdmin();
  return key;
}

/** A key is good, but not for this. */
export function notAdmin(): Refusal {
  return new Refusal("forbidden", {
    detail:
      "The key can't administer: that takes a live secret key with the scope admin that may read all traits.",
  });
}

/** The page shows everything, so a key that may not see everything opens nothing. */
export function isAdminKey(
  key: Pick<KeyInfo, "kind" | "namespace" | "readableTraits" | "idTypes"> & {
    readonly scopes: readonly string[];
  },
): boolean {
  return (
    key.kind === "secret" &&
    key.namespace === "live" &&
    key.readableTraits === null &&
    key.idTypes === null &&
    key.scopes.includes("admin")
  );
}

/** The session of a request; null without one. The page's own polling does not keep it alive. */
export function sessionOf(request: Request, sessions: Sessions): Session | null {
  const id = cookieOf(request, sessions.cookieName);
  return id === null ? null : sessions.find(id, !request.headers.has("x-background"));
}

/** The session id in the request's cookies; null if there is none, or more than one. */
export function cookieOf(request: Request, name: string): string | null {
  const header = request.headers.get("cookie");
  if (header === null || header.length > 8_192) return null;
  const found = header
    .split(";")
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`));
  const [only = ""] = found;
  return found.length === 1 ? only.slice(name.length + 1) : null;
}

/** A browser says where a request comes from; from another site nothing is taken, signing in included. */
export function refuseOtherSites(request: Request): void {
  const site = request.headers.get("sec-fetch-site");
  const origin = request.headers.get("origin");
  // Without https or a loopback name a browser sends the origin alone; behind a proxy the host may be another one.
  const isOther =
    site === null
      ? origin !== null && hostOf(origin) !== request.headers.get("host")
      : site !== "same-origin" && site !== "none";
  if (isOther)
    throw new Refusal("forbidden", { detail: "The admin API is not open to pages of other sites." });
}

function hostOf(origin: string): string | null {
  return /^https?:\/\/([^/]+)$/.exec(origin)?.[1] ?? null;
}
