/**
 * Access tokens of `POST /oauth/token`: for a quarter of an hour, content alone. A token names the key that it was made
 * with and ends with it, whatever is left of its time.
 */
import { jwtVerify, SignJWT } from "jose";
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/id.ts";
import type { KeyInfo } from "../../model/key.ts";
import { signingAlgorithm, type SigningKeys } from "./signingKeys.ts";

export interface AccessTokensDeps {
  readonly keys: SigningKeys;
  /** The secret key in force with this id, or null. */
  readonly findById: (keyId: string) => { readonly info: KeyInfo } | null;
  /** `freshet:<journal>`: who signs, so that no other server's token means anything here. */
  readonly issuer: string;
  readonly clock: Clock;
  readonly ids: Ids;
}

export const tokenSeconds = 900;
const audience = "freshet-content";
/** RFC 9068: what an access token is and other tokens of a signer are not. */
const tokenType = "at+jwt";
const clockToleranceSeconds = 5;

export class AccessTokens {
  readonly #deps: AccessTokensDeps;

  constructor(deps: AccessTokensDeps) {
    this.#deps = deps;
  }

  /** Tokens that were checked under another number must be checked anew. */
  get generation(): number {
    return this.#deps.keys.generation;
  }

  async mint(key: KeyInfo): Promise<string> {
    const { keys, issuer, clock, ids } = this.#deps;
    const { kid, privateKey } = await keys.current();
    const nowSeconds = Math.floor(clock.nowMs() / 1_000);
    return new SignJWT({ client_id: key.id, scope: "content" })
      .setProtectedHeader({ alg: signingAlgorithm, kid, typ: tokenType })
      .setIssuer(issuer)
      .setSubject(key.id)
      .setAudience(audience)
      .setIssuedAt(nowSeconds)
      .setExpirationTime(nowSeconds + tokenSeconds)
      .setJti(ids.uuid())
      .sign(privateKey);
  }

  /** The key that a token stands for, and when it ends; null for a token that is none of ours or not any more. */
  async open(token: string): Promise<{ readonly keyId: string; readonly endsAtMs: number } | null> {
    const { keys, issuer, clock } = this.#deps;
    try {
      const { payload } = await jwtVerify(
        token,
        async ({ kid, crit }) => {
          const key = kid === undefined || crit !== undefined ? null : await keys.verifier(kid);
          if (key === null) throw new Error("not a key of ours");
          return key;
        },
        {
          algorithms: [signingAlgorithm],
          issuer,
          audience,
          typ: tokenType,
          requiredClaims: ["exp", "iat", "client_id"],
          clockTolerance: clockToleranceSeconds,
          currentDate: new Date(clock.nowMs()),
        },
      );
      const { client_id: keyId, scope, exp } = payload;
      if (typeof keyId !== "string" || scope !== "content" || exp === undefined) return null;
      return { keyId, endsAtMs: exp * 1_000 };
    } catch {
      return null;
    }
  }
}
