/**
 * Cells: what is left of events that are too old to be kept one by one, one cell a measure. Adding an event to a cell
 * and adding two cells up gives the same in any order. Sums are whole millionths (decimal.ts).
 */
import { addWhole, toScaled, type Whole } from "./decimal.ts";
import { isMarked, valueAtSlot, type Item } from "./item.ts";
import type { Measure } from "./evidencePlan.ts";
import { compareStamps } from "./stamp.ts";

/** `count`: how many. `numbers`: of how many, their sum, least, greatest. `ends`: of how many, the oldest, the newest. */
export type Cell =
  | number
  | [n: number, sum: Whole, min: number, max: number]
  | [n: number, oldest: Item | null, newest: Item | null];

/** A cell for each measure, with nothing in it. */
export function emptyCells(measures: readonly Measure[]): Cell[] {
  return measures.map(({ kind }) => {
    if (kind === "count") return 0;
    return kind === "numbers" ? [0, 0, 0, 0] : [0, null, null];
  });
}

/** Adds an item to the cells of the measures that it counts for. */
export function addToCells(cells: Cell[], item: Item, measures: readonly Measure[]): void {
  for (const [at, measure] of measures.entries()) {
    const cell = isMarked(item, measure.mark) ? cellOf(item, measure) : null;
    if (cell !== null) cells[at] = addUp(cells[at] ?? 0, cell);
  }
}

/** Adds the cells of `from` to those of `into`. */
export function mergeCells(into: Cell[], from: readonly Cell[], measures: readonly Measure[]): void {
  for (const at of measures.keys()) into[at] = addUp(into[at] ?? 0, from[at] ?? 0);
}

function cellOf(item: Item, measure: Measure): Cell | null {
  if (measure.kind === "count") return 1;
  if (measure.slot < 0) return [1, item, item];
  const value = valueAtSlot(item, measure.slot);
  if (measure.kind === "ends") return value === null ? null : [1, item, item];
  const scaled = toScaled(value);
  return scaled === null ? null : [1, scaled, scaled, scaled];
}

function addUp(left: Cell, right: Cell): Cell {
  if (typeof left === "number" || typeof right === "number") {
    if (typeof left === "number" && typeof right === "number") return left + right;
    return typeof left === "number" ? right : left;
  }
  if (left[0] === 0 || right[0] === 0) return left[0] === 0 ? [...right] : left;
  const n = left[0] + right[0];
  if (left.length === 4 && right.length === 4) {
    return [n, addWhole(left[1], right[1]), Math.min(left[2], right[2]), Math.max(left[3], right[3])];
  }
  if (left.length === 3 && right.length === 3)
    return [n, end(left[1], right[1], -1), end(left[2], right[2], 1)];
  throw new Error("cells of different measures can't be added up");
}

function end(left: Item | null, right: Item | null, direction: 1 | -1): Item | null {
  if (left === null || right === null) return left ?? right;
  return compareStamps(left, right) * direction >= 0 ? left : right;
}
