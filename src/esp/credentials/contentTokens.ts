/**
 * Credentials that fit into a URL, for callers that can send no header (docs/content-credentials.md).
 *
 * A content token opens some blocks for one profile, or for everybody. It does not expire, since an ESP keeps it as a
 * merge field; it ends with the key that signed it. It is `ct_` and base64url of: one byte version, six bytes key id,
 * the profile's number and the journal's epoch as varints (0, 0: for everybody), the names of the blocks with commas
 * between, and sixteen bytes of HMAC-SHA256 over all before. A signed link names its block, whom it is for and when it ends
 * in plain sight, and carries a MAC over them.
 *
 * Both MACs are made with keys that follow from the digest of a secret key, so no table is needed, and whoever holds the
 * secret key can make them without asking.
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { KeyInfo } from "../../model/key.ts";

/** A secret key in force, and the SHA-256 of its text. */
export interface SigningSecret {
  readonly info: KeyInfo;
  readonly digest: Uint8Array;
}

/** The steps whose number must not depend on what is wrong with a credential; a test counts them. */
export interface MacSteps {
  mac(key: Uint8Array, data: Uint8Array | string): Uint8Array;
  isSame(one: Uint8Array, other: Uint8Array): boolean;
}

export const macSteps: MacSteps = {
  mac: (key, data) => createHmac("sha256", key).update(data).digest(),
  isSame: timingSafeEqual,
};

/** For whom a token opens its blocks. */
export type TokenHolder =
  /** `epoch`: of the journal when the token was made, which tells whether the number still means the same profile. */
  { readonly kind: "profile"; readonly pid: number; readonly epoch: number } | { readonly kind: "everybody" };

/** What a good token opens. */
export interface OpenedToken {
  readonly key: KeyInfo;
  readonly holder: TokenHolder;
  readonly blocks: readonly string[];
}

/** What a signed link says. */
export interface SignedLink {
  readonly block: string;
  /** `type:value`; null: for everybody. */
  readonly id: string | null;
  readonly expiresAtSeconds: number;
}

const prefix = "ct_";
const tokenVersion = 1;
const keyIdBytes = 6;
const macBytes = 16;
/** A dozen blocks with long names fit. */
const maxTokenLength = 1_000;
const blockList = /^[a-z0-9][a-z0-9_-]{0,63}(?:,[a-z0-9][a-z0-9_-]{0,63}){0,31}$/;
const noSecret: SigningSecret["digest"] = new Uint8Array(32);
const latin = new TextDecoder("latin1");

/** A token. Pure: a mapping to a merge field can make one for each profile. Throws for what can't be a token. */
export function mintContentToken(
  secret: SigningSecret,
  holder: TokenHolder,
  blocks: readonly string[],
): string {
  const names = blocks.join(",");
  const keyId = /^key_([0-9a-f]{12})$/.exec(secret.info.id)?.[1];
  if (keyId === undefined || !blockList.test(names)) throw new Error("no token can be made of that");
  const [pid, epoch] = holder.kind === "profile" ? [holder.pid, holder.epoch] : [0, 0];
  const head = Buffer.concat([
    Buffer.of(tokenVersion),
    Buffer.from(keyId, "hex"),
    varint(pid),
    varint(epoch),
    Buffer.from(names, "latin1"),
  ]);
  const mac = macSteps.mac(tokenKey(secret.digest, macSteps), head).subarray(0, macBytes);
  return prefix + Buffer.concat([head, mac]).toString("base64url");
}

/** What a token opens; null for one that is forged, swapped or signed with a key that is no longer in force. */
export function openContentToken(
  token: string,
  findById: (keyId: string) => SigningSecret | null,
  steps: MacSteps = macSteps,
): OpenedToken | null {
  if (token.length > maxTokenLength || !/^ct_[A-Za-z0-9_-]+$/.test(token)) return null;
  const bytes = Buffer.from(token.slice(prefix.length), "base64url");
  // Two texts must not be one token: the last letter holds bits that decoding drops.
  if (bytes.toString("base64url") !== token.slice(prefix.length)) return null;
  const head = bytes.subarray(0, Math.max(0, bytes.length - macBytes));
  if (head.length < 1 + keyIdBytes + 3 || head[0] !== tokenVersion) return null;
  const secret = findById(`key_${head.subarray(1, 1 + keyIdBytes).toString("hex")}`);
  const mac = steps.mac(tokenKey(secret?.digest ?? noSecret, steps), head).subarray(0, macBytes);
  const isOurs = steps.isSame(mac, bytes.subarray(head.length));
  if (!isOurs || secret === null) return null;
  return readHead(head, secret.info);
}

/** The tag says that we wrote it. */
function readHead(head: Buffer, key: KeyInfo): OpenedToken | null {
  const [pid, epochAt] = readVarint(head, 1 + keyIdBytes);
  const [epoch, namesAt] = readVarint(head, epochAt);
  const names = latin.decode(head.subarray(namesAt));
  if (!blockList.test(names)) return null;
  const holder: TokenHolder = pid === 0 ? { kind: "everybody" } : { kind: "profile", pid, epoch };
  return { key, holder, blocks: names.split(",") };
}

/** The parameters that make a link a signed one. */
export function signLink(secret: SigningSecret, link: SignedLink): URLSearchParams {
  return new URLSearchParams({
    ...(link.id === null ? {} : { id: link.id }),
    expires: String(link.expiresAtSeconds),
    key: secret.info.id,
    signature: Buffer.from(linkMac(secret.digest, link, macSteps)).toString("base64url"),
  });
}

/** A signed link's key and whether it is over; null for a link that is forged. */
export function openLink(
  block: string,
  query: URLSearchParams,
  nowMs: number,
  findById: (keyId: string) => SigningSecret | null,
  steps: MacSteps = macSteps,
): { readonly key: KeyInfo; readonly link: SignedLink; readonly isOver: boolean } | null {
  const [expires = "", keyId = "", signature = ""] = ["expires", "key", "signature"].map((name) =>
    onlyOne(query, name),
  );
  const ids = query.getAll("id");
  if (!/^\d{1,11}$/.test(expires) || ids.length > 1 || !/^[A-Za-z0-9_-]{43}$/.test(signature)) return null;
  const link: SignedLink = { block, id: ids[0] ?? null, expiresAtSeconds: Number(expires) };
  const secret = findById(keyId);
  const mac = linkMac(secret?.digest ?? noSecret, link, steps);
  const isOurs = steps.isSame(mac, Buffer.from(signature, "base64url"));
  if (!isOurs || secret === null || Buffer.from(mac).toString("base64url") !== signature) return null;
  return { key: secret.info, link, isOver: Number(expires) * 1_000 <= nowMs };
}

function onlyOne(query: URLSearchParams, name: string): string {
  const found = query.getAll(name);
  return found.length === 1 ? (found[0] ?? "") : "";
}

function tokenKey(digest: Uint8Array, steps: MacSteps): Uint8Array {
  return steps.mac(digest, "freshet content token 1");
}

function linkMac(digest: Uint8Array, link: SignedLink, steps: MacSteps): Uint8Array {
  const text = `${link.block}\n${link.expiresAtSeconds}\n${link.id ?? ""}`;
  return steps.mac(steps.mac(digest, "freshet content link 1"), text);
}

/** Seven bits a byte, the low ones first. */
function varint(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new Error("no token can be made of that");
  const bytes: number[] = [];
  let left = value;
  while (left >= 128) {
    bytes.push((left % 128) + 128);
    left = Math.floor(left / 128);
  }
  return Buffer.from([...bytes, left]);
}

function readVarint(bytes: Buffer, at: number): readonly [value: number, next: number] {
  let value = 0;
  let scale = 1;
  for (let index = at; index < bytes.length; index += 1) {
    const byte = bytes[index] ?? 0;
    value += (byte % 128) * scale;
    scale *= 128;
    if (byte < 128) return [value, index + 1];
  }
  return [0, bytes.length];
}
