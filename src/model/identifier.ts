/** Identifiers: the names under which a profile is found. Wire form `type:value`, split at the first colon. */
import type { Namespace } from "./event.ts";

/** Longest identifier value, in UTF-8 bytes. */
export const maxIdentifierBytes = 512;

export interface Identifier {
  readonly type: string;
  readonly value: string;
}

/** The storage key of an identifier: namespace letter, type, colon, value. */
export type IdentifierKey = string;

/** `Luser_id:42` for live, `Tuser_id:42` for test data. */
export function identifierKey(namespace: Namespace, type: string, value: string): IdentifierKey {
  return `${namespace === "live" ? "L" : "T"}${type}:${value}`;
}

/** The identifier that a storage key stands for. */
export function identifierOf(key: IdentifierKey): Identifier {
  const colon = key.indexOf(":");
  return { type: key.slice(1, colon), value: key.slice(colon + 1) };
}

/** E-mail addresses are compared trimmed and in lower case; the original stays in the trait. Null if it can't be one. */
export function normaliseEmail(value: unknown): string | null {
  if (typeof value !== "string") return null;
  const trimmed = value.trim().toLowerCase();
  const at = trimmed.lastIndexOf("@");
  const fits =
    at > 0 && at < trimmed.length - 1 && !/[\s\u0000-\u001f\u007f]/.test(trimmed) && trimmed.isWellFormed();
  return fits && Buffer.byteLength(trimmed) <= maxIdentifierBytes ? trimmed : null;
}

/** Order in which a profile's identifiers are listed: by type as given here, then by value. */
const typeRank: Readonly<Record<string, number>> = { user_id: 0, email: 1, anonymous_id: 3 };

/** Comparator for a profile's list of storage keys; does not depend on the order of events. */
export function compareIdentifierKeys(left: IdentifierKey, right: IdentifierKey): number {
  const a = identifierOf(left);
  const b = identifierOf(right);
  const byType = (typeRank[a.type] ?? 2) - (typeRank[b.type] ?? 2);
  if (byType !== 0) return byType;
  if (a.type !== b.type) return a.type < b.type ? -1 : 1;
  if (a.value === b.value) return 0;
  return a.value < b.value ? -1 : 1;
}
