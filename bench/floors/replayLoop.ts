/**
 * Floor: reading a journal again, one thread: a page of rows is read, each body parsed and folded into its profile in
 * memory, each changed profile put into LMDB once a page. No links, no checks. Arguments: data folder, folder to
 * write in. Prints rows a second.
 */
import { Database } from "bun:sqlite";
import { open } from "lmdb";
import type { Event } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { folderPaths } from "../../src/store/folder.ts";

const pageRows = 2_000;
const [data = "", folder = ""] = process.argv.slice(2);

interface Row {
  readonly seq: number;
  readonly body: Uint8Array;
}

interface Body {
  readonly userId: string;
  readonly messageId: string;
  readonly event: string;
  readonly timestamp: string;
  readonly properties: Event["properties"];
}

const journal = new Database(folderPaths(data).journal, { readonly: true, strict: true });
const page = journal.prepare<Row, [number]>(
  `SELECT seq, body FROM journal WHERE seq > ? ORDER BY seq LIMIT ${pageRows}`,
);
const store = open<string, string>({
  path: `${folder}/replay.lmdb`,
  noSync: true,
  encoding: "string",
  compression: false,
});
const decoder = new TextDecoder();
const states = new Map<string, ProfileState>();

function foldRow({ body }: Row): string {
  const parsed = JSON.parse(decoder.decode(body)) as Body;
  const { userId, messageId, properties } = parsed;
  let state = states.get(userId);
  if (state === undefined) {
    state = emptyState();
    states.set(userId, state);
  }
  const timestampMs = Date.parse(parsed.timestamp);
  const common = {
    namespace: "live",
    source: "web",
    trusted: true,
    type: "track",
    anonymousId: null,
    previousId: null,
    groupId: null,
  } as const;
  fold(
    state,
    {
      ...common,
      name: parsed.event,
      messageId,
      userId,
      timestampMs,
      receivedAtMs: timestampMs,
      index: 0,
      properties,
      traits: {},
    },
    {},
  );
  return userId;
}

const startMs = Bun.nanoseconds() / 1e6;
let done = 0;
for (let rows = page.all(0); rows.length > 0; rows = page.all(rows.at(-1)?.seq ?? 0)) {
  const changed = new Set(rows.map(foldRow));
  store.transactionSync(() => {
    for (const user of changed) store.putSync(user, JSON.stringify(states.get(user)));
  });
  done += rows.length;
}
console.log(JSON.stringify({ perSecond: (done * 1_000) / (Bun.nanoseconds() / 1e6 - startMs) }));
process.exit(0);
