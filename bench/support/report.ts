/** Results as the table of docs/performance.md. Figures get there only through here. */
import type { Aim, Result } from "./row.ts";
import { median, ratios } from "./stats.ts";

/** A result with when and where it was measured. */
export interface Measured extends Result {
  readonly measuredAt: string;
  readonly machine: string;
  /** Median of an fdatasync of 4 KB, just before the row was measured. */
  readonly flushMs: number;
  readonly pairs: number;
  /** Measured seconds of each load. */
  readonly seconds: number;
}

const heading = ["Work", "Ours", "Floor", "Ratio (lowest – highest)", "Aim", ""];

/** A Markdown table of the results. */
export function table(results: readonly Measured[]): string {
  const rows = results.map((result) => [
    result.work,
    own(result),
    floorText(result),
    ratioText(result),
    aimText(result.aim, unitOfAim(result)),
    mark(result),
  ]);
  return [heading, heading.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

/** When, where and for how long the results were measured: a line for each set of conditions, with its rows. */
export function conditionsOf(results: readonly Measured[]): string {
  const key = ({ measuredAt, machine, pairs, seconds }: Measured) =>
    `${measuredAt}: ${machine}; ${pairs} ${pairs === 1 ? "run" : "pairs"}, loads of ${seconds} s`;
  const groups = [...Map.groupBy(results, key)].map(([line, those]) => {
    const flushes = those.map((result) => result.flushMs);
    const [least, most] = [Math.min(...flushes).toFixed(2), Math.max(...flushes).toFixed(2)];
    const range = least === most ? least : `${least} – ${most}`;
    return `- ${line}; an fdatasync of 4 KB took ${range} ms. Rows: ${those.map((result) => result.id).join(", ")}.`;
  });
  return groups.join("\n");
}

/** Whether the median holds the aim; null: there is none. */
export function holds(result: Result): boolean | null {
  if (result.aim === null) return null;
  const value = aimed(result);
  return result.aim.kind === "atLeast" ? value >= result.aim.value : value <= result.aim.value;
}

/** The value that the aim is for: the median ratio, or the median of ours where there is no floor. */
function aimed(result: Result): number {
  return result.floors === null ? median(result.ours) : median(ratios(result.ours, result.floors));
}

function mark(result: Result): string {
  const held = holds(result);
  if (held === null) return "reported";
  return held ? "holds" : "**short**";
}

function own(result: Result): string {
  return `${figure(median(result.ours))} ${result.unit}`;
}

function floorText(result: Result): string {
  if (result.floors === null || result.floor === null) return "–";
  return `${figure(median(result.floors))} ${result.unit}: ${result.floor}`;
}

function ratioText(result: Result): string {
  if (result.floors === null)
    return result.ours.length < 2
      ? "–"
      : `(${figure(Math.min(...result.ours))} – ${figure(Math.max(...result.ours))})`;
  const all = ratios(result.ours, result.floors);
  return `**${median(all).toFixed(2)}** (${Math.min(...all).toFixed(2)} – ${Math.max(...all).toFixed(2)})`;
}

function unitOfAim(result: Result): string {
  return result.floors === null ? ` ${result.unit}` : "×";
}

function aimText(aim: Aim | null, unit: string): string {
  if (aim === null) return "–";
  return `${aim.kind === "atLeast" ? "≥" : "≤"} ${unit === "×" ? aim.value.toFixed(2) : `${aim.value}${unit}`}`;
}

function figure(value: number): string {
  if (value >= 1_000) return Math.round(value).toLocaleString("en-US");
  return value >= 100 ? value.toFixed(0) : value.toFixed(value >= 10 ? 1 : 2);
}
