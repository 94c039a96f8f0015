/** Durations as people write them: a whole number and a unit, `^\d+(ms|s|m|h|d)$`. */
const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The form of a duration, for schemas. */
export const durationPattern = /^\d{1,12}(ms|s|m|h|d)$/;

/** Milliseconds of a written duration, or null if it is not one. */
export function parseDuration(text: string): number | null {
  const match = /^(\d{1,12})(ms|s|m|h|d)$/.exec(text);
  if (match === null) return null;
  const durationMs = Number(match[1]) * (unitMs[match[2] ?? ""] ?? Number.NaN);
  return Number.isSafeInteger(durationMs) ? durationMs : null;
}

/** A duration as people write it, in the largest unit that tells it in whole numbers; days from two on: `24h`, `7d`. */
export function formatDuration(durationMs: number): string {
  for (const [unit, ms] of Object.entries(unitMs).reverse()) {
    const isWhole = durationMs % ms === 0 && durationMs >= ms;
    if (isWhole && (unit !== "d" || durationMs > ms)) return `${durationMs / ms}${unit}`;
  }
  return `${durationMs}ms`;
}
