/** The keys that requests may come with: those of the journal and those of freshet.yaml. */
import type { KeyInfo } from "./model/key.ts";
import { KeyTable, type Keyring } from "./store/keyring.ts";
import type { KeyRow } from "./store/messages.ts";

export interface KeysInForce {
  readonly keyring: Keyring;
  /** The secret key with this id, and the SHA-256 of its text. */
  readonly secretById: (id: string) => { readonly info: KeyInfo; readonly digest: Uint8Array } | null;
  /** The key with this text; remembers good ones, so that a read does not cost a hash. */
  readonly find: (text: string) => KeyInfo | null;
  /** Reads the journal's keys anew, after one was made or revoked. */
  refresh(): void;
}

const maxRemembered = 1_000;

export function keysInForce(stored: () => readonly KeyRow[], configured: readonly KeyRow[]): KeysInForce {
  const table = new KeyTable([...stored(), ...configured]);
  const remembered = new Map<string, KeyInfo>();
  return {
    keyring: table,
    secretById: (id) => table.secretById(id),
    find: (text) => {
      const known = remembered.get(text);
      if (known !== undefined) return known;
      const found = table.lookup(text);
      if (found === undefined) return null;
      if (remembered.size >= maxRemembered) remembered.clear();
      remembered.set(text, found);
      return found;
    },
    refresh: () => {
      remembered.clear();
      table.replace([...stored(), ...configured]);
    },
  };
}
