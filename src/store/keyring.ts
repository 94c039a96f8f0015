/**
 * The keys in force, looked up by what a client presents. Write keys, which stand in every page, are kept as they are;
 * secret keys only as their SHA-256, and are compared in constant time, so that an answer's delay says nothing of one.
 */
import { timingSafeEqual } from "node:crypto";
import type { KeyInfo } from "../model/key.ts";
import { keyInfo } from "./keys.ts";
import type { KeyRow } from "./messages.ts";

/** What ingest and reads ask of the keys. */
export interface Keyring {
  /** The key with that text, if it is in force. */
  lookup(presented: string): KeyInfo | undefined;
  /** The key in an Authorization header: Basic user name or Bearer token. */
  fromAuthorization(header: string): KeyInfo | undefined;
}

/** Longest text that can be a key. */
const maxKeyLength = 200;
const maxHeaderLength = 1_000;
/** Of no text. */
const noDigest = new Uint8Array(32);
/** Headers remembered; only those with a good key are. */
const maxRemembered = 1_000;

/** A secret key in force. */
interface HeldSecret {
  readonly info: KeyInfo;
  /** SHA-256 of its text. */
  readonly digest: Uint8Array;
}

export class KeyTable implements Keyring {
  readonly #writeKeys = new Map<string, KeyInfo>();
  readonly #secrets = new Map<string, HeldSecret>();
  readonly #secretsById = new Map<string, HeldSecret>();
  readonly #isSame: typeof timingSafeEqual;
  readonly #byHeader = new Map<string, KeyInfo>();

  /** `isSame` compares in constant time; a test counts how often. */
  constructor(rows: readonly KeyRow[], isSame: typeof timingSafeEqual = timingSafeEqual) {
    this.#isSame = isSame;
    this.replace(rows);
  }

  /** From here on these rows are in force, without the revoked ones. */
  replace(rows: readonly KeyRow[]): void {
    this.#byHeader.clear();
    this.#writeKeys.clear();
    this.#secrets.clear();
    this.#secretsById.clear();
    for (const row of rows) {
      if (row.revokedAtMs !== null) continue;
      const { writeKey, secretSha256 } = row;
      if (writeKey !== null) this.#writeKeys.set(writeKey, keyInfo(row));
      if (secretSha256 === null) continue;
      const held = { info: keyInfo(row), digest: Buffer.from(secretSha256, "hex") };
      this.#secrets.set(secretSha256, held);
      this.#secretsById.set(row.id, held);
    }
  }

  lookup(presented: string): KeyInfo | undefined {
    return this.#writeKeys.get(presented) ?? this.#lookupSecret(presented);
  }

  /** The secret key with this id, if it is in force. */
  secretById(id: string): HeldSecret | null {
    return this.#secretsById.get(id) ?? null;
  }

  fromAuthorization(header: string): KeyInfo | undefined {
    const known = this.#byHeader.get(header);
    if (known !== undefined) return known;
    const presented = keyInAuthorization(header);
    const info = presented === null ? undefined : this.lookup(presented);
    if (info === undefined) return undefined;
    if (this.#byHeader.size >= maxRemembered) this.#byHeader.clear();
    this.#byHeader.set(header, info);
    return info;
  }

  #lookupSecret(presented: string): KeyInfo | undefined {
    if (!presented.startsWith("sk_") || presented.length > maxKeyLength) return undefined;
    const digest = new Bun.CryptoHasher("sha256").update(presented).digest();
    const held = this.#secrets.get(digest.toString("hex"));
    // One comparison whether there is such a key or not.
    const isSame = this.#isSame(held?.digest ?? noDigest, digest);
    return isSame ? held?.info : undefined;
  }
}

/** The key that an Authorization header carries; null for other schemes and malformed ones. */
export function keyInAuthorization(header: string): string | null {
  if (header.length > maxHeaderLength) return null;
  const match = /^(basic|bearer) +([^\s,]+) *$/i.exec(header);
  const [, scheme = "", value = ""] = match ?? [];
  if (scheme.toLowerCase() !== "basic") return value === "" ? null : value;
  const pair = Buffer.from(value, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  return colon < 0 ? pair : pair.slice(0, colon);
}
