/** Finds the key that a client sent, among those of the journal and of freshet.yaml. */
import type { KeyInfo } from "../model/key.ts";
import { keyInfo } from "../store/keys.ts";
import type { KeyRow } from "../store/messages.ts";

/** The key in force with this text, or null. */
export type FindKey = (text: string) => KeyInfo | null;

/** Secret keys seen are remembered, so that a request does not cost a hash; wrong ones are not. */
const maxRemembered = 10_000;
const longestKey = 256;

/** `stored` gives another array whenever keys were made or revoked. */
export function keyRing(stored: () => readonly KeyRow[], configured: readonly KeyRow[]): FindKey {
  let rows: readonly KeyRow[] | null = null;
  let byText = new Map<string, KeyInfo>();
  let byHash = new Map<string, KeyInfo>();
  return (text) => {
    const current = stored();
    if (current !== rows) {
      rows = current;
      byText = new Map();
      byHash = new Map();
      for (const row of [...current, ...configured]) addTo(byText, byHash, row);
    }
    const known = byText.get(text);
    if (known !== undefined) return known;
    if (!text.startsWith("sk_") || text.length > longestKey) return null;
    const found = byHash.get(new Bun.CryptoHasher("sha256").update(text).digest("hex"));
    if (found === undefined) return null;
    if (byText.size < maxRemembered) byText.set(text, found);
    return found;
  };
}

function addTo(byText: Map<string, KeyInfo>, byHash: Map<string, KeyInfo>, row: KeyRow): void {
  if (row.revokedAtMs !== null) return;
  if (row.writeKey !== null) byText.set(row.writeKey, keyInfo(row));
  if (row.secretSha256 !== null) byHash.set(row.secretSha256, keyInfo(row));
}
