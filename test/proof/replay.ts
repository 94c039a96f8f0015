/** Real events through a whole store: in their order, shuffled, and each twice. */
import type { Database } from "bun:sqlite";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "bun:test";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { readComputed } from "../../src/model/computed.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { Json, JsonObject } from "../../src/model/event.ts";
import { noRules } from "../../src/model/rules.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

/** One track event as a client sends it. */
export interface Sent extends JsonObject {
  readonly userId: string;
  readonly event: string;
  readonly messageId: string;
  readonly timestamp: string;
  readonly properties: JsonObject;
}

const batchSize = 250;

/** Lines of a compressed file among the fixtures. */
export function linesOf(file: string): string[] {
  const path = join(import.meta.dir, "../fixtures/shop-data", file);
  const text = new TextDecoder().decode(Bun.gunzipSync(readFileSync(path)));
  return text.split("\n").filter((line) => line.trim() !== "");
}

/** What is computed for each user at each of these moments, by `user moment`; what else makes the profile, by user. */
export type Computed = ReadonlyMap<string, Record<string, Json>>;

/** Sends the events in three orders, sees that all give the same, and returns it. */
export async function replayed(
  events: readonly Sent[],
  computed: readonly Definition[],
  momentsMs: readonly number[],
): Promise<Computed> {
  const inOrder = await computedFrom(events, computed, momentsMs);
  for (const other of [shuffled(events, 7), [...events, ...shuffled(events, 11)]])
    expect(canonicalOf(await computedFrom(other, computed, momentsMs))).toBe(canonicalOf(inOrder));
  return inOrder;
}

function canonicalOf(all: Computed): string {
  return canonicalJson(Object.fromEntries(all));
}

async function computedFrom(
  events: readonly Sent[],
  computed: readonly Definition[],
  momentsMs: readonly number[],
): Promise<Computed> {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: { ...noRules, computed } });
  for (let from = 0; from < events.length; from += batchSize) {
    const batch = events
      .slice(from, from + batchSize)
      .map((event): JsonObject => ({ type: "track", ...event }));
    await opened.accept("batch", { batch });
  }
  const found = new Map<string, Record<string, Json>>();
  for (const userId of new Set(events.map((event) => event.userId)).values()) {
    const profile = opened.find("user_id", userId);
    if (profile === null) throw new Error(`no profile of ${userId}`);
    const { first, last } = profile.state;
    found.set(userId, {
      first,
      last,
      identifiers: profile.identifiers.map((id) => `${id.type}:${id.value}`),
    });
    for (const tMs of momentsMs)
      found.set(`${userId} ${tMs}`, readComputed(profile.state, profile.definitions, tMs));
  }
  return new Map([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Another order, the same for the same seed. */
function shuffled<T>(list: readonly T[], seed: number): T[] {
  const all = [...list];
  let state = seed;
  for (let at = all.length - 1; at > 0; at -= 1) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    const other = state % (at + 1);
    const held = all[at];
    const taken = all[other];
    if (held === undefined || taken === undefined) throw new Error("beyond the list");
    [all[at], all[other]] = [taken, held];
  }
  return all;
}

/** A row of a SELECT with one parameter at most. */
export type Row = Readonly<Record<string, string | number | null>>;

export function rowsOf(database: Database, sql: string, ...parameters: readonly number[]): Row[] {
  return database.query<Row, number[]>(sql).all(...parameters);
}

/** ISO 8601 of milliseconds, null of null: SQL knows no such text. */
export function isoOf(ms: string | number | null | undefined): string | null {
  return typeof ms === "number" ? new Date(ms).toISOString() : null;
}
