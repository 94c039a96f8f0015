/** The earlier of two instants; null is never. */
export function earlier(left: number | null, right: number | null): number | null {
  return left === null || (right !== null && right < left) ? right : left;
}
