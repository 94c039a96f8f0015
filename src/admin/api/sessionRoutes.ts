/** Signing in to the admin page with an admin key, and out again. */
import { Elysia } from "elysia";
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import type { KeyInfo } from "../../model/key.ts";
import { admit, cookieOf, isAdminKey, notAdmin, refuseOtherSites, sessionOf } from "./access.ts";
import { answerHeaders, answering, notUnderstood, type AdminDeps } from "./adminContext.ts";
import type { SessionAnswer } from "./adminWire.ts";
import { audited, kept } from "./audited.ts";
import { lifeMs, type Session } from "./sessions.ts";

const signInBody = z.strictObject({ key: z.string().min(1).max(200) });

/** The routes as a plugin. */
export function sessionRoutes(deps: AdminDeps) {
  return new Elysia({ name: "admin session" })
    .get("/admin/api/session", ({ request }) =>
      answering(deps, () => Promise.resolve(whoIsIn(request, deps))),
    )
    .post("/admin/api/session", ({ request }) => answering(deps, () => signIn(request, deps)), {
      parse: "none",
    })
    .post("/admin/api/session/end", ({ request }) => answering(deps, () => signOut(request, deps)), {
      parse: "none",
    });
}

function whoIsIn(request: Request, deps: AdminDeps): Response {
  refuseOtherSites(request);
  return json(sessionAnswer(sessionOf(request, deps.sessions), deps));
}

function sessionAnswer(session: Session | null, { version }: AdminDeps): SessionAnswer {
  if (session === null) return { signedIn: false };
  const { keyId, source, csrfToken, expiresAtMs } = session;
  return {
    signedIn: true,
    keyId,
    source,
    csrfToken,
    expiresAt: new Date(expiresAtMs).toISOString(),
    version,
  };
}

async function signIn(request: Request, deps: AdminDeps): Promise<Response> {
  refuseOtherSites(request);
  const { attempts, sessions } = deps;
  const address = deps.clientAddress(request);
  const waitMs = attempts.waitMs(address);
  if (waitMs > 0) throw tooManyTries(waitMs);
  const body = signInBody.safeParse(await deps.readJson(request));
  if (!body.success) throw notUnderstood('Send {"key":"sk_…"}.');
  const key = deps.findKey(body.data.key.trim());
  if (key === null || !isAdminKey(key)) throw await refusedSignIn(key, address, deps);
  attempts.cleared(address);
  const actor = { actor: key.id, address };
  const { id, session } = await audited({ action: "sign_in", target: null }, actor, deps, () =>
    Promise.resolve(sessions.begin(key)),
  );
  return json(sessionAnswer(session, deps), cookie(request, deps, id, lifeMs / 1_000));
}

/**
 * Counts a try that is refused, with a key that is none or may not administer (a write key stands in every page), and
 * writes it down; the waits bound how often one address can. Throws Refusal disk_full where it can't be written down:
 * whoever tries then learns nothing about the key.
 */
export async function refusedSignIn(
  key: KeyInfo | null,
  address: string,
  { attempts, audit, clock }: Pick<AdminDeps, "attempts" | "audit" | "clock">,
): Promise<Refusal> {
  const { count, waitMs } = attempts.failed(address);
  const act = {
    actor: key?.id ?? null,
    address,
    action: "sign_in_refused",
    target: null,
    detail: { tries: count, ...(key === null ? {} : { why: "the key may not administer" }) },
  };
  await kept(audit.write({ atMs: clock.nowMs(), ...act }, "done"));
  if (waitMs > 0) return tooManyTries(waitMs);
  return key === null ? new Refusal("unauthorized", { detail: "There is no such key." }) : notAdmin();
}

function tooManyTries(waitMs: number): Refusal {
  const retryAfterSeconds = Math.ceil(waitMs / 1_000);
  return new Refusal("rate_limited", {
    detail: `That was no key that works, several times in a row. Wait ${retryAfterSeconds} s before the next try.`,
    retryAfterSeconds,
  });
}

async function signOut(request: Request, deps: AdminDeps): Promise<Response> {
  const visitor = admit(request, deps);
  await audited({ action: "sign_out", target: null }, visitor, deps, () => {
    const id = cookieOf(request, deps.sessions.cookieName);
    if (id !== null) deps.sessions.end(id);
    return Promise.resolve();
  });
  return json({ signedIn: false } satisfies SessionAnswer, cookie(request, deps, "", 0));
}

function cookie(request: Request, deps: AdminDeps, id: string, maxAgeSeconds: number): string {
  const secure = deps.isSecureHost(request.headers.get("host")) ? "; Secure" : "";
  return `${deps.sessions.cookieName}=${id}; Path=/admin; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict${secure}`;
}

function json(answer: SessionAnswer, setCookie?: string): Response {
  return new Response(JSON.stringify(answer), {
    headers: { ...answerHeaders, ...(setCookie === undefined ? {} : { "Set-Cookie": setCookie }) },
  });
}
