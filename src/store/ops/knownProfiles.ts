/** What destinations are known to hold of profiles, where these merge or are erased; inside whoever's transaction. */
import type { Database } from "../sqlite.ts";
import { toQueue } from "./deadLetterTable.ts";

const selectKnown =
  "SELECT key, former, fields, version, acked_ms FROM acknowledged WHERE destination = ? AND profile = ?";
const insertKnown =
  "INSERT INTO acknowledged (destination, profile, key, former, fields, version, acked_ms) VALUES (?, ?, ?, ?, ?, ?, ?)";
const setFormer = "UPDATE acknowledged SET former = ? WHERE destination = ? AND profile = ?";
const forget = "DELETE FROM acknowledged WHERE destination = ? AND profile = ?";
const selectErases = "SELECT erases FROM destination WHERE id = ?";

interface KnownRow {
  readonly key: string;
  readonly former: string | null;
  readonly fields: string;
  readonly version: number;
  readonly acked_ms: number | null;
}

/** What was known as one profile's is the other's from now on, under all names. */
export function mergeKnown(database: Database, destination: number, from: string, into: string): void {
  const row = knownOf(database, destination, from);
  if (row === null) return;
  const other = knownOf(database, destination, into);
  database.query(forget).run(destination, from);
  if (other === null) {
    const { key, former, fields, version, acked_ms } = row;
    database.query(insertKnown).run(destination, into, key, former, fields, version, acked_ms);
    return;
  }
  const former = keysOf(other, row).filter((text) => text !== other.key);
  database.query(setFormer).run(`[${former.join(",")}]`, destination, into);
}

/** Nothing is known any more; a destination that can erase is told, a row a name. */
export function eraseKnown(
  database: Database,
  destination: number,
  profile: string,
  { seq, atMs }: { readonly seq: number; readonly atMs: number },
  nowMs: number,
): void {
  const row = knownOf(database, destination, profile);
  if (row === null) return;
  database.query(forget).run(destination, profile);
  const told = database.query<{ erases: number }, [number]>(selectErases).get(destination);
  if (told?.erases !== 1) return;
  for (const [at, payload] of keysOf(row).entries()) {
    const common = { profile, kind: "erase", lane: "behavioural", seq, atMs } as const;
    toQueue(database, destination, { ...common, item: `${seq}/${at}`, payload }, nowMs);
  }
}

function knownOf(database: Database, destination: number, profile: string): KnownRow | null {
  return database.query<KnownRow, [number, string]>(selectKnown).get(destination, profile);
}

/** Everything that rows' profiles are or were called there, as JSON, each once. */
function keysOf(...rows: readonly KnownRow[]): readonly string[] {
  const texts = rows.flatMap(({ key, former }) => [
    key,
    ...(former === null ? [] : (JSON.parse(former) as unknown[]).map((one) => JSON.stringify(one))),
  ]);
  return [...new Set(texts)];
}
