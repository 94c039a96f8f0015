import { expect, test } from "bun:test";
import { DayTally, wholeSource, type CellKey } from "../../src/model/audit/dayTally.ts";
import { valueHash, type EventCell } from "../../src/model/audit/cells.ts";
import type { Draft } from "../../src/model/audit/finding.ts";
import { judgeDays, type DayHistory } from "../../src/model/audit/judgeDays.ts";
import { usualAuditRules } from "../../src/model/audit/rules.ts";
import type { JsonObject } from "../../src/model/event.ts";
import { shopDays, type ShopEvent } from "../support/shopDays.ts";

// A Monday.
const startMs = Date.UTC(2026, 10, 2);

/** Counts the events as the audit's tally does. */
function tallied(events: readonly ShopEvent[]): DayHistory {
  const kept = new Map<string, EventCell>();
  const keyOf = (key: CellKey) => JSON.stringify([key.day, key.source, key.event]);
  const tally = new DayTally((key) => kept.get(keyOf(key)) ?? null);
  const people = new Map<string, number>();
  events.forEach(({ source, event, atMs, sentAtMs, anonymousId, userId, properties }, index) => {
    const person = anonymousId ?? userId ?? "";
    if (!people.has(person)) people.set(person, people.size + 1);
    tally.take(
      { seq: index + 1, source, event, receivedAtMs: atMs, pid: people.get(person) ?? null },
      { properties, digest: JSON.stringify([person, event, properties]), skewMs: atMs - sentAtMs },
    );
  });
  for (const { key, cell } of tally.cells())
    kept.set(keyOf(key), JSON.parse(JSON.stringify(cell)) as EventCell);
  const cells = [...kept].map(([key]) => JSON.parse(key) as [number, string, string]);
  return {
    sources: [...new Set(cells.map(([, source]) => source))],
    events: (source) => [
      ...new Set(
        cells.filter(([, of, event]) => of === source && event !== wholeSource).map(([, , event]) => event),
      ),
    ],
    firstDay: (source) => Math.min(...cells.filter(([, of]) => of === source).map(([day]) => day)),
    cell: (day, source, event) => kept.get(JSON.stringify([day, source, event])) ?? null,
  };
}

const hourMs = 3_600_000;
const testMs = 30_000;

function foundAt(history: DayHistory, nowMs: number): Draft[] {
  return judgeDays(history, nowMs, usualAuditRules, (hash) => (hash === usd ? "“USD”" : null));
}

const usd = valueHash("USD");

test.each([1, 2, 3])(
  "a clean fortnight has no finding (seed %d)",
  (seed) => {
    const history = tallied(shopDays({ seed, startMs, days: 15, visitsADay: 90 }));
    const found: string[] = [];
    for (let hour = 24; hour <= 15 * 24; hour += 12)
      found.push(...foundAt(history, startMs + hour * hourMs).map(({ sentence }) => sentence));
    expect(found).toEqual([]);
  },
  testMs,
);

/** From six in the morning of the last day on. */
const planted: Readonly<Record<string, (properties: JsonObject, atMs: number) => JsonObject>> = {
  "Product Viewed": (properties) => ({
    ...properties,
    currency: "USD",
    brand: null,
    price: Number(properties["price"]) * 100,
  }),
  "Product Added": (properties) => ({ ...properties, price: JSON.stringify(properties["price"]) }),
  "Product List Viewed": (properties, atMs) => ({ ...properties, list_id: `x${atMs}` }),
};

test(
  "each planted fault is found, and nothing else",
  () => {
    const fault = (event: ShopEvent, day: number): readonly ShopEvent[] => {
      const { source, atMs, properties } = event;
      if (day < 13 || new Date(atMs).getUTCHours() < 6) return [event];
      if (source === "shop") return [];
      const change = planted[event.event];
      if (change !== undefined) return [{ ...event, properties: change(properties, atMs) }];
      if (event.event === "Product Clicked")
        return [event, { ...event, atMs: atMs + 500, messageId: `${event.messageId}b` }];
      return event.event === "page" ? [{ ...event, sentAtMs: atMs + hourMs }] : [event];
    };
    const history = tallied(shopDays({ seed: 9, startMs, days: 14, visitsADay: 180, fault }));
    const found = foundAt(history, startMs + (13 * 24 + 22) * hourMs);
    const sentences = new Map(found.map(({ key, sentence }) => [key, sentence]));
    expect([...sentences.keys()].sort()).toEqual([
      "cardinality:web:Product List Viewed:list_id",
      "clock:web",
      "distribution:web:Product Viewed:currency",
      "distribution:web:Product Viewed:price",
      "duplicates:web",
      "nulls:web:Product Viewed:brand",
      "quiet:shop",
      "types:web:Product Added:price",
    ]);
    expect(sentences.get("nulls:web:Product Viewed:brand")).toMatch(
      /^brand of Product Viewed from web is missing in 9\d % of the [\d,]+ events of 2026-11-15 \(0 % on the same weekday before\), since 2026-11-15 06:00 UTC\.$/,
    );
    expect(sentences.get("distribution:web:Product Viewed:currency")).toMatch(
      /^currency of Product Viewed from web is “USD” in 9\d % of the [\d,]+ events of 2026-11-15 \(0 % on the same weekday before\)/,
    );
    expect(sentences.get("quiet:shop")).toMatch(
      /^Nothing came from shop since 2026-11-15 0[0-5]:\d\d UTC; in the same hours of the weeks before \d+ events came\.$/,
    );
    expect(sentences.get("types:web:Product Added:price")).toContain("came as text in");
    expect(sentences.get("clock:web")).toContain("The clocks of web are ahead");
  },
  testMs,
);
