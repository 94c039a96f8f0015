/** When what failed is tried again. Pure: time and chance are given. */
import { backoffMs } from "../../lib/backoff.ts";

const backoff = { baseMs: 2_000, maxMs: 15 * 60_000 };
/** A server may ask for more patience than this; it is asked again then. */
export const maxRetryAfterMs = 3_600_000;

/** The wait before try number `attempt` + 1: what the server asked for, else exponential with full jitter. */
export function retryWaitMs(attempt: number, askedMs: number | null, random: number): number {
  if (askedMs !== null) return Math.min(Math.max(askedMs, 0), maxRetryAfterMs);
  return backoffMs(Math.max(1, attempt), backoff, random);
}

/** Milliseconds that a Retry-After header asks for: seconds or a date; null: none that is understood. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  const text = header.trim();
  if (/^\d{1,9}(\.\d{1,3})?$/.test(text)) return Math.ceil(Number(text) * 1_000);
  const atMs = /^[A-Z][a-z]{2}, /.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - nowMs);
}
