/**
 * The tallies of one selector as the fold moves them on, an item at a time: what each was and what it is now, for the
 * change log, without going through the items. What it remembers between two folds is of use as long as items come at
 * the end; one that comes in between, a merge or a replay makes it go through them once.
 */
import { addItem, type EventEvidence } from "./evidence.ts";
import type { Json } from "./event.ts";
import type { EventPlan, Tallied } from "./evidencePlan.ts";
import type { Item } from "./item.ts";
import { runningOf, type Running } from "./runningTally.ts";
import { valueWithTail } from "./tally.ts";
import { firstAfter, sinceOf } from "./tallyValue.ts";
import { withChange, type TraitChanges } from "./traitChanges.ts";

interface Line {
  readonly trait: Tallied;
  readonly running: Running;
  /** Place of the first item in the window. */
  from: number;
}

/** The lines of a plan, and the items that they were moved on to. */
interface Moved {
  readonly plan: EventPlan;
  readonly lines: readonly Line[];
  items: readonly Item[];
  count: number;
  first: Item | undefined;
  last: Item | undefined;
}

const remembered = new WeakMap<EventEvidence, Moved>();

/** Adds an item at its place and adds the tallies whose value at `tMs` it changes to `changed`. */
export function addTallied(
  evidence: EventEvidence,
  item: Item,
  at: number,
  plan: EventPlan,
  tMs: number,
  changed: TraitChanges | null,
): TraitChanges | null {
  const moved = movedTo(evidence, plan, tMs);
  const { lines, count, first } = moved;
  const before: Json[] = [];
  for (const line of lines) before.push(valueOf(line, evidence, tMs));
  addItem(evidence, item, at, plan);
  const [items] = evidence;
  const isNewest = at === count && items.at(-1) === item;
  for (const line of lines) {
    if (isNewest && items.length === count + 1) takeNewest(line, items, item, tMs);
    else if (isNewest && items.length === count && first !== undefined) {
      // The oldest was pressed.
      if (line.from > 0) line.from -= 1;
      else line.running.drop(first);
      takeNewest(line, items, item, tMs);
    } else restart(line, items, tMs);
  }
  note(moved, items);
  let all = changed;
  for (let index = 0; index < lines.length; index += 1) {
    const line = lines[index];
    if (line !== undefined)
      all = withChange(all, line.trait.name, before[index] ?? null, valueOf(line, evidence, tMs));
  }
  return all;
}

/** What is remembered of this evidence, moved on to `tMs`. */
function movedTo(evidence: EventEvidence, plan: EventPlan, tMs: number): Moved {
  const [items] = evidence;
  const known = remembered.get(evidence);
  if (
    known !== undefined &&
    known.plan === plan &&
    known.items === items &&
    known.count === items.length &&
    known.first === items[0] &&
    known.last === items.at(-1)
  ) {
    for (const line of known.lines) moveOn(line, items, tMs);
    return known;
  }
  const lines = plan.tallies.map((trait) => ({ trait, running: runningOf(trait), from: 0 }));
  for (const line of lines) restart(line, items, tMs);
  const made: Moved = { plan, lines, items, count: 0, first: undefined, last: undefined };
  note(made, items);
  remembered.set(evidence, made);
  return made;
}

function note(moved: Moved, items: readonly Item[]): void {
  moved.items = items;
  moved.count = items.length;
  moved.first = items[0];
  moved.last = items.at(-1);
}

/** What has left the window since is dropped; should time have gone back past an item, all is gathered anew. */
function moveOn(line: Line, items: readonly Item[], tMs: number): void {
  if (line.trait.windowMs === null) return;
  const sinceMs = sinceOf(line.trait, tMs);
  for (; line.from < items.length; line.from += 1) {
    const item = items[line.from];
    if (item === undefined || item[0] > sinceMs) break;
    line.running.drop(item);
  }
  const left = items[line.from - 1];
  if (left !== undefined && left[0] > sinceMs) restart(line, items, tMs);
}

function restart(line: Line, items: readonly Item[], tMs: number): void {
  line.from = firstAfter(items, sinceOf(line.trait, tMs));
  line.running.restart(items, line.from);
}

function takeNewest(line: Line, items: readonly Item[], item: Item, tMs: number): void {
  if (item[0] > sinceOf(line.trait, tMs)) line.running.take(item);
  else line.from = items.length;
}

function valueOf({ trait, running, from }: Line, evidence: EventEvidence, tMs: number): Json {
  const [items, tail] = evidence;
  if (tail === null || from > 0 || running.gatherInto === undefined) return running.value(items, from, tMs);
  return valueWithTail(evidence, trait, tMs, (gathered) => running.gatherInto?.(gathered, items, from));
}
