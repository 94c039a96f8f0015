/** Which limits a key can have. */

/**
 * Limits of a key hold where they are looked at: blocks in content, types of identifiers in content and reads. A key
 * with a limit therefore has no scope in which it would mean nothing.
 */
export function areLimitsKept(key: {
  readonly scopes: readonly string[];
  readonly blocks: readonly string[] | null;
  readonly idTypes: readonly string[] | null;
}): boolean {
  if (key.blocks !== null && !key.scopes.every((scope) => scope === "content")) return false;
  return key.idTypes === null || key.scopes.every((scope) => scope === "content" || scope === "read");
}
