/** Makes API keys: the text that is shown once, and the row that is kept. */
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/id.ts";
import { scopes as allScopes, type Scope } from "../model/key.ts";
import type { Namespace } from "../model/event.ts";
import type { KeyRow } from "../store/messages.ts";

/** What a new key should be. */
export interface KeySpec {
  readonly kind: "write" | "secret";
  readonly namespace: Namespace;
  readonly source: string;
  readonly trust: "browser" | "server";
  readonly scopes: readonly Scope[];
  readonly readableTraits: readonly string[] | null;
  readonly blocks: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
}

/** A key as made: `text` is what a client sends. */
export interface MadeKey {
  readonly text: string;
  readonly row: KeyRow;
}

/** 160 random bits in an alphabet without look-alikes. */
const keyBytes = 20;
const alphabet = "0123456789abcdefghjkmnpqrstvwxyz";

/** A key with fresh random text. */
export function makeKey(spec: KeySpec, deps: { readonly ids: Ids; readonly clock: Clock }): MadeKey {
  const prefix = `${spec.kind === "write" ? "wk" : "sk"}_${spec.namespace === "test" ? "test_" : ""}`;
  return keyFromText(`${prefix}${base32(deps.ids.randomBytes(keyBytes))}`, spec, deps.clock);
}

/** A key whose text is given. Its id follows from the text, so that the same text is the same key at every start. */
export function keyFromText(text: string, spec: KeySpec, clock: Clock): MadeKey {
  const sha256 = new Bun.CryptoHasher("sha256").update(text).digest("hex");
  const row: KeyRow = {
    id: `key_${sha256.slice(0, 12)}`,
    kind: spec.kind,
    namespace: spec.namespace,
    source: spec.source,
    trust: spec.trust,
    scopes: spec.kind === "write" ? ["write"] : spec.scopes,
    readableTraits: spec.readableTraits,
    blocks: spec.blocks,
    idTypes: spec.idTypes,
    writeKey: spec.kind === "write" ? text : null,
    secretSha256: spec.kind === "secret" ? sha256 : null,
    createdAtMs: clock.nowMs(),
    revokedAtMs: null,
  };
  return { text, row };
}

/** The spec of a key that the operator wrote down: kind and namespace follow from its prefix. */
export function specOfText(text: string, source: string, trust: "browser" | "server"): KeySpec {
  const kind = text.startsWith("sk_") ? "secret" : "write";
  const namespace = /^[ws]k_test_/.test(text) ? "test" : "live";
  const unlimited = { readableTraits: null, blocks: null, idTypes: null };
  return { kind, namespace, source, trust, scopes: allScopes, ...unlimited };
}

/** Five bits a letter. */
function base32(bytes: Uint8Array): string {
  let text = "";
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += alphabet[(held >>> bits) & 31];
    }
    held &= (1 << bits) - 1;
  }
  return text;
}
