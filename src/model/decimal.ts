/**
 * Numbers that add up the same in any order: whole millionths. A single amount is an integer in a double; sums that
 * outgrow 2^53 go on as BigInt. Rounded once, at the read.
 */

/** Millionths in one. */
export const scale = 1_000_000;

/** Amounts beyond this are no amounts. */
const largest = 1e15;

const numeric = /^-?\d{1,16}(\.\d{1,20})?$/;

/** The number that a value is, or that a string writes with nothing else in it; null for anything else. */
export function amountOf(value: unknown): number | null {
  if (typeof value === "number") return value;
  return typeof value === "string" && numeric.test(value) ? Number(value) : null;
}

/** Whole millionths of a number or of a string that is nothing but a decimal number; null for anything else. */
export function toScaled(value: unknown): number | null {
  const number = amountOf(value);
  if (number === null || !(number >= -largest && number <= largest)) return null;
  // Not −0: JSON would not keep it.
  return Math.round(number * scale) + 0;
}

/** A whole number as it is stored: a string once it is past 2^53. */
export type Whole = number | string;

/** The exact sum of two whole numbers. */
export function addWhole(left: Whole, right: Whole): Whole {
  if (typeof left === "number" && typeof right === "number") {
    // Both are whole, so a sum within 2^53 is exact, even of terms that are not.
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return toWhole(BigInt(left) + BigInt(right));
}

function toWhole(value: bigint): Whole {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value.toString();
}

/** The number that whole millionths stand for. */
export function fromScaled(value: Whole): number {
  if (typeof value === "number") return value / scale;
  const whole = BigInt(value);
  return Number(whole / BigInt(scale)) + Number(whole % BigInt(scale)) / scale;
}

/** `sum` millionths divided among `count`, rounded to the millionth; `count` is at least 1. */
export function divided(sum: Whole, count: number): number {
  if (typeof sum === "number") return (Math.round(sum / count) + 0) / scale;
  return fromScaled(toWhole(dividedBig(BigInt(sum), BigInt(count))));
}

/** Rounded half away from zero. */
function dividedBig(sum: bigint, count: bigint): bigint {
  const half = sum < 0n ? -count / 2n : count / 2n;
  return (sum + half) / count;
}

/** How often `divisor` goes into `sum`, rounded to the millionth; null when it is 0. */
export function computeRatio(sum: Whole, divisor: Whole): number | null {
  const [above, below] = [BigInt(sum) * BigInt(scale), BigInt(divisor)];
  if (below === 0n) return null;
  return fromScaled(toWhole(below < 0n ? dividedBig(-above, -below) : dividedBig(above, below)));
}

/** A sum of products, exact: whole millionths, and beside them what takes more digits. */
export interface Products {
  millionths: number;
  /** Millionths of millionths. */
  rest: bigint;
}

export function noProducts(): Products {
  return { millionths: 0, rest: 0n };
}

/** Adds millionths times millionths, mostly a price and a whole quantity. */
export function addProduct(sum: Products, left: number, right: number): void {
  const next = right % scale === 0 ? sum.millionths + left * (right / scale) : NaN;
  if (Number.isSafeInteger(next) && Number.isSafeInteger(left * (right / scale))) sum.millionths = next;
  else sum.rest += BigInt(left) * BigInt(right);
}

/** The sum as a number, rounded to the millionth. */
export function fromProducts(sum: Products): number {
  if (sum.rest === 0n) return fromScaled(sum.millionths);
  return fromScaled(toWhole(dividedBig(BigInt(sum.millionths) * BigInt(scale) + sum.rest, BigInt(scale))));
}
