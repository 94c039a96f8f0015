/** The outer form of keys: prefix and length. What they may do is another matter (store and ingest). */

const minKeyLength = 16;
const maxKeyLength = 200;

/** `wk_…` or `wk_test_…` of at least 16 characters. */
export function isWriteKey(value: string): boolean {
  return /^wk_[A-Za-z0-9_-]+$/.test(value) && value.length >= minKeyLength && value.length <= maxKeyLength;
}

/** `sk_…` or `sk_test_…` of at least 16 characters. */
export function isSecretKey(value: string): boolean {
  return /^sk_[A-Za-z0-9_-]+$/.test(value) && value.length >= minKeyLength && value.length <= maxKeyLength;
}
