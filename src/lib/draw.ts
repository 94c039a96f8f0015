/** A number in [0, 1) that is always the same for the same text, and evenly spread over texts. */
export function drawOf(text: string): number {
  return Number(Bun.hash.xxHash64(text) % 1_000_000n) / 1_000_000;
}
