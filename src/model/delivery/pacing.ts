/**
 * Pacing: no more requests, rows and bytes in any window than the other side documents, and none while it asked for
 * silence. Pure but for its own memory; time is given, from a clock that only goes forward.
 *
 * A window counts in slots: a slot is forgotten once all of it lies outside, so that no stretch of the window's length
 * ever holds more than is allowed, wherever it begins.
 */
import type { Lane } from "./delivery.ts";

/** Most of each that may go out within `perMs`; absent: no bound. */
export interface Window {
  readonly perMs: number;
  readonly requests?: number;
  readonly rows?: number;
  readonly bytes?: number;
}

/** What one request costs. */
export interface Cost {
  readonly rows: number;
  readonly bytes: number;
}

/** Share of a window that a lane may use up; what is left is for those before it. */
const shares: Readonly<Record<Lane, number>> = { transactional: 1, behavioural: 0.9, batch: 0.8 };
const slotsPerWindow = 20;

interface Slot {
  readonly index: number;
  requests: number;
  rows: number;
  bytes: number;
}

class Counter {
  readonly #window: Window;
  readonly #slotMs: number;
  #slots: Slot[] = [];

  constructor(window: Window) {
    this.#window = window;
    this.#slotMs = window.perMs / slotsPerWindow;
  }

  /** 0 if there is room now; else how long until a slot is forgotten. */
  waitMs({ rows, bytes }: Cost, share: number, nowMs: number): number {
    const current = Math.floor(nowMs / this.#slotMs);
    this.#slots = this.#slots.filter(({ index }) => index >= current - slotsPerWindow);
    const [oldest] = this.#slots;
    if (oldest === undefined) return 0;
    const isFull =
      this.#beyond("requests", 1, share) ||
      this.#beyond("rows", rows, share) ||
      this.#beyond("bytes", bytes, share);
    if (!isFull) return 0;
    return Math.max(1, Math.ceil((oldest.index + slotsPerWindow + 1) * this.#slotMs - nowMs));
  }

  note({ rows, bytes }: Cost, nowMs: number): void {
    const index = Math.floor(nowMs / this.#slotMs);
    const last = this.#slots.at(-1);
    const slot = last?.index === index ? last : { index, requests: 0, rows: 0, bytes: 0 };
    if (slot !== last) this.#slots.push(slot);
    slot.requests += 1;
    slot.rows += rows;
    slot.bytes += bytes;
  }

  #beyond(what: "requests" | "rows" | "bytes", more: number, share: number): boolean {
    const limit = this.#window[what];
    if (limit === undefined) return false;
    const used = this.#slots.reduce((sum, slot) => sum + slot[what], 0);
    // What alone is more than the share must still get through, when nothing else did.
    return used > 0 && used + more > Math.max(1, limit * share);
  }
}

export class Pacer {
  readonly #counters: readonly Counter[];
  #silentUntilMs = 0;

  constructor(windows: readonly Window[]) {
    this.#counters = windows.map((window) => new Counter(window));
  }

  /** 0 if a request may go out now; else how long to wait before asking again. */
  waitMs(cost: Cost, lane: Lane, nowMs: number): number {
    if (nowMs < this.#silentUntilMs) return Math.ceil(this.#silentUntilMs - nowMs);
    return Math.max(0, ...this.#counters.map((one) => one.waitMs(cost, shares[lane], nowMs)));
  }

  /** The same, and counted if it may. */
  admit(cost: Cost, lane: Lane, nowMs: number): number {
    const waitMs = this.waitMs(cost, lane, nowMs);
    if (waitMs === 0) for (const counter of this.#counters) counter.note(cost, nowMs);
    return waitMs;
  }

  /** The other side asked for silence. */
  silence(durationMs: number, nowMs: number): void {
    this.#silentUntilMs = Math.max(this.#silentUntilMs, nowMs + durationMs);
  }
}

/**
 * How long the usual rate headers ask for silence: nothing remains until the reset. Null: they don't. Resets are
 * seconds from now, or the second or millisecond of the epoch.
 */
export function silenceOf(headers: Readonly<Record<string, string>>, nowMs: number): number | null {
  for (const prefix of ["ratelimit", "x-ratelimit", "x-rate-limit"]) {
    const remaining = headers[`${prefix}-remaining`];
    const reset = headers[`${prefix}-reset`];
    if (remaining === undefined || reset === undefined || Number(remaining) !== 0) continue;
    const value = Number(reset);
    if (!Number.isFinite(value) || value < 0) continue;
    const waitMs = value > 1e12 ? value - nowMs : value > 1e9 ? value * 1_000 - nowMs : value * 1_000;
    return Math.max(0, Math.min(waitMs, 3_600_000));
  }
  return null;
}
