/** The bare durable server's journal: everything that came while one commit was under way is the next one. */
import { Database } from "bun:sqlite";

declare const self: Worker;

let insert: ((bodies: readonly ArrayBuffer[]) => void) | null = null;
let queue: ArrayBuffer[] = [];

function open(folder: string): void {
  const database = new Database(`${folder}/durable.db`, { create: true, strict: true });
  database.run("PRAGMA journal_mode = WAL");
  database.run("PRAGMA synchronous = FULL");
  database.run("PRAGMA wal_autocheckpoint = 4000");
  database.run("CREATE TABLE bodies (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)");
  const statement = database.prepare("INSERT INTO bodies (body) VALUES (?)");
  insert = (bodies) => {
    database.run("BEGIN IMMEDIATE");
    for (const body of bodies) statement.run(new Uint8Array(body));
    database.run("COMMIT");
  };
}

function commit(): void {
  const bodies = queue;
  queue = [];
  insert?.(bodies);
  postMessage(bodies.length);
}

self.onmessage = (event: MessageEvent<string | ArrayBuffer[]>) => {
  if (typeof event.data === "string") return open(event.data);
  if (queue.length === 0) setImmediate(commit);
  for (const body of event.data) queue.push(body);
};
