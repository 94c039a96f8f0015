/**
 * The circuit breaker of a destination. Pure: time and chance are given.
 *
 *   closed ──(several requests in a row fail)──► open ──(its time is over)──► trying ──(one succeeds)──► closed
 *                                                 ▲                              │
 *                                                 └───────(it fails: longer)─────┘
 */
import { backoffMs } from "../../lib/backoff.ts";

export type Breaker =
  | { readonly kind: "closed"; readonly failures: number }
  | { readonly kind: "open"; readonly untilMs: number; readonly trips: number }
  | { readonly kind: "trying"; readonly trips: number };

export const closedBreaker: Breaker = { kind: "closed", failures: 0 };

const tripsAfter = 5;
const openFor = { baseMs: 4_000, maxMs: 120_000 };

/** Whether a request may go out, and the state that it goes out in; else how long to wait. */
export function tryThrough(
  breaker: Breaker,
  nowMs: number,
): { readonly kind: "go"; readonly breaker: Breaker } | { readonly kind: "wait"; readonly waitMs: number } {
  if (breaker.kind === "closed") return { kind: "go", breaker };
  if (breaker.kind === "trying") return { kind: "wait", waitMs: trialMs };
  if (nowMs < breaker.untilMs) return { kind: "wait", waitMs: breaker.untilMs - nowMs };
  return { kind: "go", breaker: { kind: "trying", trips: breaker.trips } };
}

/** How often others look whether the one request that tries is back. */
const trialMs = 250;

/** After an answer that shows the other side at work. */
export function afterSuccess(): Breaker {
  return closedBreaker;
}

/** After a request that got no answer, or one that says the other side is out of order. */
export function afterFailure(breaker: Breaker, nowMs: number, random: number): Breaker {
  const failures = breaker.kind === "closed" ? breaker.failures + 1 : tripsAfter;
  if (failures < tripsAfter) return { kind: "closed", failures };
  const trips = breaker.kind === "closed" ? 1 : breaker.trips + 1;
  // At least half of the time: a breaker that opens for no time at all is none.
  const half = backoffMs(trips, openFor, 1) / 2;
  return { kind: "open", untilMs: nowMs + half + half * random, trips };
}
