/** The few statistics that the table shows. */

/** The middle value; the mean of the middle two when there is an even number. Throws on an empty list. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new Error("no values");
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? 0;
  return (upper + lower) / 2;
}

/** Each of `ours` over the one of `floors` beside it. */
export function ratios(ours: readonly number[], floors: readonly number[]): number[] {
  return ours.map((value, index) => value / (floors[index] ?? Number.NaN));
}
