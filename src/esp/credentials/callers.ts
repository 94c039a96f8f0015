/**
 * Who asks for content: by a key in a header, an access token of ours, a token of a configured issuer, a content token
 * or a signed link in the URL. The first that is present decides; a bad one is 401 and nothing else is tried.
 */
import { Refusal } from "../../errors.ts";
import type { KeyInfo } from "../../model/key.ts";
import { presentedKey, type FindKey } from "../authorise.ts";
import type { AccessTokens } from "./accessTokens.ts";
import type { BadTries } from "./badTries.ts";
import {
  macSteps,
  openContentToken,
  openLink,
  type MacSteps,
  type SigningSecret,
  type TokenHolder,
} from "./contentTokens.ts";
import type { Issuers } from "./issuers.ts";

/** What a caller may ask for, beside what its key allows. */
export type CallerBounds =
  | { readonly kind: "none" }
  | { readonly kind: "token"; readonly holder: TokenHolder; readonly blocks: readonly string[] }
  /** `isOver`: it is ours, but its time has passed; it opens the fallback alone. */
  | { readonly kind: "link"; readonly id: string | null; readonly isOver: boolean };

export interface Caller {
  readonly key: KeyInfo;
  readonly bounds: CallerBounds;
}

export interface CallersDeps {
  readonly findKey: FindKey;
  readonly findById: (keyId: string) => SigningSecret | null;
  readonly accessTokens: AccessTokens;
  readonly issuers: Issuers;
  readonly badTries: BadTries;
  readonly clientAddress: (request: Request) => string;
  readonly nowMs: () => number;
  readonly steps?: MacSteps;
}

/** Tokens that were checked lately; beyond it all are checked anew. */
const maxRemembered = 1_000;
/** What an issuer takes back by its key set ends this soon after, whatever a token says of its own end. */
const foreignGoodForMs = 60_000;
const maxJwtLength = 8_192;
const jwtForm = /^[\w-]+\.[\w-]*\.[\w-]*$/;
const noBounds: CallerBounds = { kind: "none" };

interface Checked {
  /** Null: our own token, whose key must be in force each time. */
  readonly key: KeyInfo | null;
  readonly keyId: string;
  readonly endsAtMs: number;
  /** From then on it is checked anew. */
  readonly goodUntilMs: number;
  readonly generation: number;
}

export class Callers {
  readonly #deps: CallersDeps;
  readonly #checked = new Map<string, Checked>();

  constructor(deps: CallersDeps) {
    this.#deps = deps;
  }

  /** Who asks for this block. Throws Refusal, in a promise where a signature has to be checked. */
  of(request: Request, block: string, query: URLSearchParams): Caller | Promise<Caller> {
    const found = this.#find(request, block, query);
    return found instanceof Promise
      ? found.then((caller) => this.#admitted(caller, request))
      : this.#admitted(found, request);
  }

  #admitted(caller: Caller | null, request: Request): Caller {
    if (caller === null) throw this.#refusal(request);
    if (!caller.key.scopes.includes("content")) throw new Refusal("forbidden");
    return caller;
  }

  #refusal(request: Request): Refusal {
    const retryAfterSeconds = this.#deps.badTries.count(this.#deps.clientAddress(request));
    if (retryAfterSeconds === null) return new Refusal("unauthorized");
    return new Refusal("rate_limited", {
      detail: "Too many requests without a valid credential came from this address.",
      retryAfterSeconds,
    });
  }

  #find(request: Request, block: string, query: URLSearchParams): Caller | null | Promise<Caller | null> {
    const { findKey, findById, nowMs, steps = macSteps } = this.#deps;
    const { headers } = request;
    if (headers.has("authorization") || headers.has("x-write-key")) {
      const text = presentedKey(request);
      if (text === null) return null;
      return !text.startsWith("sk_") && jwtForm.test(text) ? this.#ofJwt(text) : callerOf(findKey(text));
    }
    if (query.has("token")) {
      const [token = "", ...more] = query.getAll("token");
      const opened = more.length > 0 ? null : openContentToken(token, findById, steps);
      return opened === null
        ? null
        : { key: opened.key, bounds: { kind: "token", holder: opened.holder, blocks: opened.blocks } };
    }
    if (!query.has("signature")) return null;
    const opened = openLink(block, query, nowMs(), findById, steps);
    return opened === null
      ? null
      : { key: opened.key, bounds: { kind: "link", id: opened.link.id, isOver: opened.isOver } };
  }

  #ofJwt(token: string): Caller | null | Promise<Caller | null> {
    if (token.length > maxJwtLength) return null;
    const known = this.#checked.get(token);
    if (known !== undefined && this.#isGood(known)) return this.#ofChecked(known);
    return this.#check(token).then((checked) => {
      if (checked === null) return null;
      if (this.#checked.size >= maxRemembered) this.#checked.clear();
      this.#checked.set(token, checked);
      return this.#ofChecked(checked);
    });
  }

  async #check(token: string): Promise<Checked | null> {
    const { accessTokens, issuers, nowMs } = this.#deps;
    const { generation } = accessTokens;
    const own = await accessTokens.open(token);
    // Its key is looked for each time, and a rotation is another generation.
    if (own !== null) return { key: null, ...own, goodUntilMs: own.endsAtMs, generation };
    const foreign = await issuers.open(token);
    if (foreign === null) return null;
    return { ...foreign, keyId: foreign.key.id, goodUntilMs: nowMs() + foreignGoodForMs, generation };
  }

  #isGood({ generation, goodUntilMs }: Checked): boolean {
    const { accessTokens, nowMs } = this.#deps;
    return generation === accessTokens.generation && nowMs() < goodUntilMs;
  }

  #ofChecked({ key, keyId, endsAtMs }: Checked): Caller | null {
    if (endsAtMs <= this.#deps.nowMs()) return null;
    return callerOf(key ?? this.#deps.findById(keyId)?.info ?? null);
  }
}

function callerOf(key: KeyInfo | null): Caller | null {
  return key === null ? null : { key, bounds: noBounds };
}
