/** Numbers and times as one says them. */

const sizeUnits = ["bytes", "KB", "MB", "GB", "TB"] as const;

/** `1.4 MB` */
export function sizeText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < sizeUnits.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${unit === 0 ? value : value.toPrecision(value < 10 ? 2 : 3)} ${sizeUnits[unit] ?? ""}`;
}

/** `3 min`: a duration in its largest unit. */
export function durationText(durationMs: number): string {
  const ms = Math.max(0, durationMs);
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Math.round(ms / 1_000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  if (ms < 172_800_000) return `${Math.round(ms / 3_600_000)} h`;
  return `${Math.round(ms / 86_400_000)} days`;
}

/** `3 min ago` */
export function agoText(durationMs: number): string {
  return durationMs < 1_000 ? "just now" : `${durationText(durationMs)} ago`;
}

/** `24 Nov 2026, 09:00:01` in the reader's own time zone. */
export function timeText(at: string): string {
  return new Date(at).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}

/** `09:00:01` in the reader's own time zone. */
export function clockText(at: string): string {
  return new Date(at).toLocaleTimeString();
}

/** `12,345` */
export function countText(count: number): string {
  return count.toLocaleString();
}

/** A rate or a latency with as many digits as mean something. */
export function numberText(value: number | null): string {
  if (value === null) return "–";
  if (value >= 100) return Math.round(value).toLocaleString();
  return String(Math.round(value * 10) / 10);
}
