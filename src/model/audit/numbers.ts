/** Robust numbers: medians, and how far apart chance alone puts two days. Pure. */

/** The middle one; 0 of none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? upper) + upper) / 2;
}

export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/**
 * How many standard deviations make a difference: with some hundred comparisons an hour, four of them are met once in
 * months by chance.
 */
export const certain = 4;

/**
 * How far two counts of equal expectation lie apart by chance, as the deviation of the logarithm of their quotient.
 * Events come in visits, so it is people who count: the number of a person's events varies about as much as its mean,
 * which doubles the variance of each count.
 */
export function quotientDeviation(people: number): number {
  return 2 / Math.sqrt(Math.max(1, people));
}

/** The same for two shares of which each was seen among so many people. */
export function shareDeviation(left: number, leftPeople: number, right: number, rightPeople: number): number {
  const pooled = (left * leftPeople + right * rightPeople) / Math.max(1, leftPeople + rightPeople);
  const variance = Math.max(pooled * (1 - pooled), 0.0025);
  return Math.sqrt(variance * (1 / Math.max(1, leftPeople) + 1 / Math.max(1, rightPeople)));
}

/**
 * How far a distribution moved: the population stability index, less what chance alone gives between samples of these
 * sizes. Classes that neither has five of are taken together.
 */
export function movement(
  now: ReadonlyMap<string | number, number>,
  before: ReadonlyMap<string | number, number>,
  people: number,
  peopleBefore: number,
): number {
  const total = sum(now.values());
  const totalBefore = sum(before.values());
  if (total === 0 || totalBefore === 0) return 0;
  const classes = new Map<string | number, [number, number]>();
  for (const name of new Set([...now.keys(), ...before.keys()])) {
    const share = (now.get(name) ?? 0) / total;
    const shareBefore = (before.get(name) ?? 0) / totalBefore;
    const isRare = share * people < 5 && shareBefore * peopleBefore < 5;
    const [with_ = 0, without = 0] = classes.get(isRare ? "rare" : name) ?? [];
    classes.set(isRare ? "rare" : name, [with_ + share, without + shareBefore]);
  }
  let index = 0;
  for (const [share, shareBefore] of classes.values()) {
    // What was not met among so many people may still be there: half a person stands for it.
    const a = Math.max(share, 0.5 / Math.max(1, people));
    const b = Math.max(shareBefore, 0.5 / Math.max(1, peopleBefore));
    index += (a - b) * Math.log(a / b);
  }
  // By chance alone the index is a chi-square number of so many degrees of freedom, scaled by the sizes.
  const freedom = classes.size - 1;
  const chance = freedom + (certain + 1) * Math.sqrt(2 * freedom);
  return Math.max(0, index - chance * (1 / Math.max(1, people) + 1 / Math.max(1, peopleBefore)));
}
