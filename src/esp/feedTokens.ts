/**
 * Short tokens for a browser's EventSource, which can send no header: each lets its bearer follow one profile, for a
 * while (docs/protocol.md, "Tokens"). A token is sealed, so an address that a log keeps tells
 * nobody's name, with a secret that follows from the key that it was made with: it holds over a restart, needs no
 * table, and ends with its key.
 *
 * Form: `ft_<key id>.<base64url of nonce, sealed text, tag>`, AES-256-GCM; the key id is authenticated too.
 */
import { createCipheriv, createDecipheriv, createHmac } from "node:crypto";
import { Refusal } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/id.ts";
import { normaliseEmail, type Identifier } from "../model/identifier.ts";
import type { KeyInfo } from "../model/key.ts";

/** A key in force and what its tokens are sealed with: the SHA-256 of its text. */
export interface TokenKey {
  readonly info: KeyInfo;
  readonly digest: Uint8Array;
}

export interface FeedTokensDeps {
  /** The secret key in force with this id, or null. */
  readonly findById: (keyId: string) => TokenKey | null;
  readonly clock: Clock;
  readonly ids: Ids;
  /** Of the journal: after a restoration numbers of profiles are given out anew, and a token must not lead to whoever
   * gets that of its own. */
  readonly epoch: number;
}

/** What a good token lets its bearer do. */
export interface Grant {
  readonly key: KeyInfo;
  readonly identifier: Identifier;
  /** Asks again: the token has not expired and its key is in force. */
  readonly isValid: () => boolean;
}

export interface MintedToken {
  readonly token: string;
  readonly expiresAtMs: number;
}

/** Identifier types that a profile lists with each of its changes, and its own id. */
const tokenTypes: ReadonlySet<string> = new Set(["user_id", "anonymous_id", "email", "profile_id"]);
export const minTtlMs = 1_000;
export const maxTtlMs = 86_400_000;
export const defaultTtlMs = 900_000;

const cipher = "aes-256-gcm";
const nonceBytes = 12;
const tagBytes = 16;
/** Longer than any of ours: an identifier of 512 bytes, every one escaped. */
const maxTokenLength = 6_000;
const form = /^ft_([A-Za-z0-9_]{1,64})\.([A-Za-z0-9_-]+)$/;

export class FeedTokens {
  readonly #deps: FeedTokensDeps;

  constructor(deps: FeedTokensDeps) {
    this.#deps = deps;
  }

  /** Makes a token of a secret key in force. Throws Refusal for an identifier of a type that can't be followed. */
  mint(keyId: string, identifier: Identifier, ttlMs: number): MintedToken {
    const key = this.#deps.findById(keyId);
    if (key === null) throw new Refusal("forbidden", { detail: "Only a secret key can make a token." });
    const { type, value } = followed(identifier);
    const expiresAtMs = this.#deps.clock.nowMs() + ttlMs;
    const nonce = this.#deps.ids.randomBytes(nonceBytes);
    const seal = createCipheriv(cipher, sealingKey(key), nonce).setAAD(Buffer.from(keyId));
    const text = JSON.stringify([type, value, expiresAtMs, this.#deps.epoch]);
    const sealed = Buffer.concat([nonce, seal.update(text, "utf8"), seal.final(), seal.getAuthTag()]);
    return { token: `ft_${keyId}.${sealed.toString("base64url")}`, expiresAtMs };
  }

  /** What a token allows. Throws Refusal unauthorized, in one sentence for whatever is wrong with it. */
  open(token: string): Grant {
    const match = token.length <= maxTokenLength ? form.exec(token) : null;
    const keyId = match?.[1] ?? "";
    const key = match === null ? null : this.#deps.findById(keyId);
    const content = key === null ? null : unseal(key, keyId, Buffer.from(match?.[2] ?? "", "base64url"));
    if (
      key === null ||
      content === null ||
      content.epoch !== this.#deps.epoch ||
      content.expiresAtMs <= this.#deps.clock.nowMs()
    )
      throw new Refusal("unauthorized", { detail: "The token is not valid, or not any more." });
    const { identifier, expiresAtMs } = content;
    const isValid = () =>
      this.#deps.clock.nowMs() < expiresAtMs &&
      this.#deps.findById(keyId)?.info.scopes.includes("feed") === true;
    if (!isValid()) throw new Refusal("forbidden");
    return { key: key.info, identifier, isValid };
  }
}

function followed({ type, value }: Identifier): Identifier {
  if (!tokenTypes.has(type))
    throw new Refusal("invalid_request", { detail: `A token takes one of ${[...tokenTypes].join(", ")}.` });
  if (type !== "email") return { type, value };
  const email = normaliseEmail(value);
  if (email === null) throw new Refusal("invalid_request", { detail: "That is no e-mail address." });
  return { type, value: email };
}

function sealingKey({ digest }: TokenKey): Uint8Array {
  return createHmac("sha256", digest).update("freshet feed token 1").digest();
}

function unseal(
  key: TokenKey,
  keyId: string,
  sealed: Buffer,
): {
  readonly identifier: Identifier;
  readonly expiresAtMs: number;
  readonly epoch: number | undefined;
} | null {
  if (sealed.length < nonceBytes + tagBytes) return null;
  try {
    const open = createDecipheriv(cipher, sealingKey(key), sealed.subarray(0, nonceBytes), {
      authTagLength: tagBytes,
    })
      .setAAD(Buffer.from(keyId))
      .setAuthTag(sealed.subarray(-tagBytes));
    const text = Buffer.concat([open.update(sealed.subarray(nonceBytes, -tagBytes)), open.final()]);
    // The tag says that we wrote it.
    const [type, value, expiresAtMs, epoch] = JSON.parse(text.toString("utf8")) as [
      string,
      string,
      number,
      number?,
    ];
    return { identifier: { type, value }, expiresAtMs, epoch };
  } catch {
    return null;
  }
}
