/**
 * Floor: one thread, no HTTP. An event costs one JSON.parse, one index-free insert (FULL, transactions of 400) and
 * one put of 400 bytes into LMDB (noSync). Arguments: folder, seconds. Prints events a second.
 */
import { Database } from "bun:sqlite";
import { open } from "lmdb";
import { eventJson, Randomness, userId, users } from "../load/payload.ts";

const transactionEvents = 400;
const [folder = "", seconds = "3"] = process.argv.slice(2);

const database = new Database(`${folder}/loop.db`, { create: true, strict: true });
database.run("PRAGMA journal_mode = WAL");
database.run("PRAGMA synchronous = FULL");
database.run("PRAGMA wal_autocheckpoint = 4000");
database.run("CREATE TABLE events (seq INTEGER PRIMARY KEY, body TEXT NOT NULL)");
const insert = database.prepare("INSERT INTO events (body) VALUES (?)");
const profiles = open<string, string>({
  path: `${folder}/loop.lmdb`,
  noSync: true,
  encoding: "string",
  compression: false,
});
const profile = "p".repeat(400);

const random = new Randomness(1);
const text = eventJson(new Date());
const events = Array.from({ length: users }, (_, index) => text.replace(userId(0), userId(index)));
let checked = 0;

function group(): void {
  const changed: string[] = [];
  database.run("BEGIN IMMEDIATE");
  for (let index = 0; index < transactionEvents; index += 1) {
    const body = events[random.next() % users] ?? "";
    const event = JSON.parse(body) as { readonly userId: string };
    checked += event.userId.length;
    insert.run(body);
    changed.push(event.userId);
  }
  database.run("COMMIT");
  profiles.transactionSync(() => {
    for (const user of changed) profiles.putSync(user, profile);
  });
}

function runFor(durationMs: number): number {
  const startMs = Bun.nanoseconds() / 1e6;
  let done = 0;
  let elapsedMs = 0;
  for (; elapsedMs < durationMs; elapsedMs = Bun.nanoseconds() / 1e6 - startMs) {
    group();
    done += transactionEvents;
  }
  return (done / elapsedMs) * 1_000;
}

runFor(1_000);
const perSecond = runFor(Number(seconds) * 1_000);
if (checked === 0) throw new Error("nothing was parsed");
console.log(JSON.stringify({ perSecond }));
process.exit(0);
