/**
 * How many different values there are, in bounded memory: the 128 smallest hashes are kept (a KMV sketch). Up to 128
 * the number is exact but for collisions, beyond that it is right to about nine percent. Two sketches can be merged.
 */

/** Hashes, growing. Plain data. */
export type Distinct = number[];

const kept = 128;
const hashes = 2 ** 32;

/** Takes a hash of 32 bits in. */
export function noteDistinct(sketch: Distinct, hash: number): void {
  const last = sketch.at(-1);
  if (sketch.length >= kept && last !== undefined && hash >= last) return;
  let low = 0;
  let high = sketch.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sketch[middle] ?? 0) < hash) low = middle + 1;
    else high = middle;
  }
  if (sketch[low] === hash) return;
  sketch.splice(low, 0, hash);
  if (sketch.length > kept) sketch.pop();
}

/** How many different values were taken in. */
export function distinctCount(sketch: Distinct): number {
  const last = sketch.at(-1);
  if (last === undefined || sketch.length < kept) return sketch.length;
  return Math.round(((kept - 1) * hashes) / Math.max(1, last));
}
