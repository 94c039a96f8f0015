/**
 * Which key a request comes with (docs/protocol.md, "Keys"): Authorization (Basic user name or Bearer token),
 * X-Write-Key, the body's `writeKey`, `?writeKey=`. The first that is present decides; if it is bad, no other is tried.
 */
import type { KeyInfo } from "../model/key.ts";
import type { Keyring } from "../store/keyring.ts";
import { isObject } from "./normalise.ts";

export type Credential =
  | { readonly kind: "key"; readonly key: KeyInfo }
  /** None is there. */
  | { readonly kind: "absent" }
  /** One is there and is not in force. */
  | { readonly kind: "bad" };

const absent: Credential = { kind: "absent" };
const bad: Credential = { kind: "bad" };

function credential(key: KeyInfo | undefined): Credential {
  return key === undefined ? bad : { kind: "key", key };
}

/** The key in the request's headers. */
export function headerCredential(keys: Keyring, headers: Headers): Credential {
  const authorization = headers.get("authorization");
  if (authorization !== null) return credential(keys.fromAuthorization(authorization));
  const writeKey = headers.get("x-write-key");
  return writeKey === null ? absent : credential(keys.lookup(writeKey));
}

/** The key in the body or, if it has none, in the query. */
export function bodyOrQueryCredential(keys: Keyring, body: Uint8Array, url: string): Credential {
  const inBody = writeKeyInBody(body);
  if (inBody !== undefined) return typeof inBody === "string" ? credential(keys.lookup(inBody)) : bad;
  const inQuery = writeKeyInQuery(url);
  return inQuery === null ? absent : credential(keys.lookup(inQuery));
}

/** Undefined if there is none. A body that is no JSON object has none. */
function writeKeyInBody(body: Uint8Array): unknown {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  // Most bodies without a key are told by a search; an escape could hide the name, so then it is parsed.
  if (!bytes.includes('"writeKey"') && !bytes.includes("\\u")) return undefined;
  try {
    const parsed: unknown = JSON.parse(bytes.toString("utf8"));
    const given = isObject(parsed) ? parsed["writeKey"] : undefined;
    return given === null || given === "" ? undefined : given;
  } catch {
    return undefined;
  }
}

function writeKeyInQuery(url: string): string | null {
  const query = url.indexOf("?");
  return query < 0 ? null : new URLSearchParams(url.slice(query + 1)).get("writeKey") || null;
}
