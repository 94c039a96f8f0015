/** Violations of the tracking plan, counted by day, event, source, place and rule, in the events' own transaction. */
import type { Finding } from "../model/plan.ts";
import type { Database } from "./sqlite.ts";

/** Kept so long; older days go when a new one begins. */
const violationDays = 90;
/** Rows a day: names come from whoever sends, so what goes beyond is counted in one row. */
const maxRowsADay = 2_000;
/** Newest examples kept of each row: `s<seq>` of an event that was kept, `qrn_<id>` of one that is held back. */
const maxSamples = 5;
const dayMs = 86_400_000;
const longestName = 200;

const addTo = `
UPDATE plan_violations SET count = count + ?, last_at_ms = max(last_at_ms, ?), samples = ?
WHERE day = ? AND event = ? AND source = ? AND property = ? AND rule = ? AND mode = ?`;
const readSamples = `
SELECT samples FROM plan_violations
WHERE day = ? AND event = ? AND source = ? AND property = ? AND rule = ? AND mode = ?`;
const insert = `
INSERT INTO plan_violations (day, event, source, property, rule, mode, count, last_at_ms, samples)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`;
const countDay = "SELECT count(*) AS rows FROM plan_violations WHERE day = ?";
const forget = "DELETE FROM plan_violations WHERE day < ?";

type Place = [event: string, source: number, property: string, rule: string, mode: string];

interface Counted {
  readonly place: Place;
  count: number;
  samples: string[];
}

/** What one group of requests broke. */
export class PlanTally {
  readonly #counted = new Map<string, Counted>();

  /** `sample`: where the event can be looked at; null for one that was not kept. */
  note(finding: Finding, source: number, sample: string | null): void {
    for (const { property, rule } of finding.violations) {
      const place: Place = [finding.event.slice(0, longestName), source, property, rule, finding.mode];
      const key = JSON.stringify(place);
      let counted = this.#counted.get(key);
      if (counted === undefined) this.#counted.set(key, (counted = { place, count: 0, samples: [] }));
      counted.count += 1;
      if (sample === null) continue;
      counted.samples.push(sample);
      if (counted.samples.length > maxSamples) counted.samples.shift();
    }
  }

  /** Adds what was counted to the journal; inside its transaction. */
  write(database: Database, atMs: number): void {
    if (this.#counted.size === 0) return;
    const day = Math.floor(atMs / dayMs);
    for (const counted of this.#counted.values()) {
      if (add(database, day, counted, atMs)) continue;
      const { rows } = database.query<{ rows: number }, [number]>(countDay).get(day) ?? { rows: 0 };
      if (rows === 0) database.query(forget).run(day - violationDays);
      const [, source, , , mode] = counted.place;
      const rest: Counted = { ...counted, place: ["", source, "", "", mode] };
      if (rows < maxRowsADay) append(database, day, counted, atMs);
      else if (!add(database, day, rest, atMs)) append(database, day, rest, atMs);
    }
    this.#counted.clear();
  }
}

/** False if there is no such row yet. */
function add(database: Database, day: number, { place, count, samples }: Counted, atMs: number): boolean {
  const known = database.query<{ samples: string }, [number, ...Place]>(readSamples).get(day, ...place);
  if (known === null) return false;
  // Written here alone.
  const all = [...(JSON.parse(known.samples) as string[]), ...samples].slice(-maxSamples);
  database.query(addTo).run(count, atMs, JSON.stringify(all), day, ...place);
  return true;
}

function append(database: Database, day: number, { place, count, samples }: Counted, atMs: number): void {
  database.query(insert).run(day, ...place, count, atMs, JSON.stringify(samples));
}
