/**
 * The public keys of somebody who signs tokens, fetched when they are needed. A set is good for ten minutes; a key id
 * that is not in it has it fetched anew, but no oftener than every half minute, whoever sends how many tokens with ids
 * of their own invention. While its server does not answer, the set at hand serves for a day.
 */
import { createLocalJWKSet, type CryptoKey, type FlattenedJWSInput, type JWSHeaderParameters } from "jose";
import { z } from "zod";
import type { Called } from "../../lib/httpCall.ts";

export interface KeySetDeps {
  /** Asks the server for the set. */
  readonly fetch: () => Promise<Called>;
  /** A monotonic reading. */
  readonly nowMs: () => number;
  /** Told when the set can't be had. */
  readonly onProblem: (why: string) => void;
}

const freshMs = 600_000;
const coolDownMs = 30_000;
const staleMs = 86_400_000;
export const keySetTimeoutMs = 5_000;
export const maxKeySetBytes = 64 * 1024;
const setSchema = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).max(100) });
const utf8 = new TextDecoder("utf-8", { fatal: true });

type Keys = ReturnType<typeof createLocalJWKSet>;

export class KeySet {
  readonly #deps: KeySetDeps;
  #keys: Keys | null = null;
  #kids: ReadonlySet<string> = new Set();
  #fetchedAtMs = Number.NEGATIVE_INFINITY;
  #triedAtMs = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  constructor(deps: KeySetDeps) {
    this.#deps = deps;
  }

  /** The key for a token's header. Throws where there is none. */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey> {
    const nowMs = this.#deps.nowMs();
    const isMissing = header.kid !== undefined && !this.#kids.has(header.kid);
    const isOld = nowMs - this.#fetchedAtMs >= freshMs;
    if ((isOld || isMissing) && nowMs - this.#triedAtMs >= coolDownMs) this.#begin(nowMs);
    // A set at hand answers while a new one is on its way, unless it lacks this very key.
    if (this.#fetching !== null && (this.#keys === null || isMissing)) await this.#fetching;
    if (this.#keys === null || this.#deps.nowMs() - this.#fetchedAtMs >= staleMs)
      throw new Error("the issuer's keys can't be had");
    return this.#keys(header, token);
  }

  #begin(nowMs: number): void {
    this.#triedAtMs = nowMs;
    this.#fetching ??= this.#renew().finally(() => {
      this.#fetching = null;
    });
  }

  async #renew(): Promise<void> {
    const called = await this.#deps.fetch();
    const why = this.#take(called);
    if (why !== null) this.#deps.onProblem(why);
  }

  /** Null when all is well, else why not. */
  #take(called: Called): string | null {
    if (called.kind === "failed") return called.why;
    if (called.status !== 200) return `it answered ${called.status}`;
    if (!called.isWhole) return `the set is larger than ${maxKeySetBytes} bytes`;
    try {
      const parsed = setSchema.safeParse(JSON.parse(utf8.decode(called.bytes)));
      if (!parsed.success) return "the answer is no key set";
      // A secret key in a public set would let whoever reads it sign.
      const keys = parsed.data.keys.filter(({ kty }) => kty !== "oct");
      this.#keys = createLocalJWKSet({ keys });
      this.#kids = new Set(keys.flatMap(({ kid }) => (typeof kid === "string" ? [kid] : [])));
      this.#fetchedAtMs = this.#deps.nowMs();
      return null;
    } catch {
      return "the answer is no key set";
    }
  }
}
