/** An API key as the rest of the program sees it: what it may do, never the secret itself. */
import type { Namespace } from "./event.ts";

export const scopes = ["write", "read", "content", "feed", "admin"] as const;
/** What a secret key may do. A write key has `write` alone. */
export type Scope = (typeof scopes)[number];

export interface KeyInfo {
  /** `key_…`, safe to log. */
  readonly id: string;
  readonly kind: "write" | "secret";
  readonly namespace: Namespace;
  /** The source that its events belong to. */
  readonly source: string;
  /** `browser` keys can't set protected traits or consent nor join two userIds, and are rate-limited. */
  readonly trust: "browser" | "server";
  readonly scopes: readonly Scope[];
  /** Top-level traits that the key may read; null: all. */
  readonly readableTraits: readonly string[] | null;
  /** Content blocks that the key opens; null: all. */
  readonly blocks: readonly string[] | null;
  /** Types of identifiers that the key may look people up by, and sees of them; null: all. */
  readonly idTypes: readonly string[] | null;
}
