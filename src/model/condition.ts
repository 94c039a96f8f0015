/**
 * What may be asked of one value: a property of an event, a trait of a profile. One table of operators for computed
 * traits and segments. Pure; a value that isn't there is null or undefined, which is the same.
 */
import { amountOf } from "./decimal.ts";
import type { Json } from "./event.ts";

export type Scalar = string | number | boolean;

/** All that stands there must hold; nothing there holds of every value. */
export interface Condition {
  /** The very value; `1` is not `"1"`. */
  readonly is?: Scalar;
  /** Any other value, or none. */
  readonly isNot?: Scalar;
  readonly oneOf?: readonly Scalar[];
  /** These four compare numbers, and text that is nothing but a decimal number; of anything else they don't hold. */
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly above?: number;
  readonly below?: number;
  /** A number from the first to the second, both included. */
  readonly between?: readonly [number, number];
  /** Text: has this in it, capitals told apart. A list: has this entry. */
  readonly contains?: Scalar;
  /** Text that begins so, capitals told apart. */
  readonly startsWith?: string;
  /** Whether there is a value at all; null is none. */
  readonly exists?: boolean;
}

/** Whether one operator holds: what is asked, of what. */
type Operator<Asked> = (value: Json | undefined, asked: Asked) => boolean;

/** Every operator by its name. */
const operators: { readonly [Name in keyof Condition]-?: Operator<NonNullable<Condition[Name]>> } = {
  is: (value, asked) => value === asked,
  isNot: (value, asked) => value !== asked,
  oneOf: (value, asked) => isScalar(value) && asked.includes(value),
  atLeast: (value, asked) => compares(value, (number) => number >= asked),
  atMost: (value, asked) => compares(value, (number) => number <= asked),
  above: (value, asked) => compares(value, (number) => number > asked),
  below: (value, asked) => compares(value, (number) => number < asked),
  between: (value, [from, to]) => compares(value, (number) => number >= from && number <= to),
  contains: (value, asked) => {
    if (typeof value === "string") return typeof asked === "string" && value.includes(asked);
    return Array.isArray(value) && value.includes(asked);
  },
  startsWith: (value, asked) => typeof value === "string" && value.startsWith(asked),
  exists: (value, asked) => (value !== null && value !== undefined) === asked,
};

export const operatorNames = Object.keys(operators) as readonly (keyof Condition)[];

/** Whether all that is asked holds of the value. */
export function holds(condition: Condition, value: Json | undefined): boolean {
  for (const name of operatorNames) {
    const asked = condition[name];
    // The table pairs each name with what may be asked under it, which the compiler can't follow through a loop.
    if (asked !== undefined && !(operators[name] as Operator<unknown>)(value, asked)) return false;
  }
  return true;
}

function isScalar(value: Json | undefined): value is Scalar {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
}

function compares(value: Json | undefined, isRight: (number: number) => boolean): boolean {
  const number = amountOf(value);
  return number !== null && isRight(number);
}
