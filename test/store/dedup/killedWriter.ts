/** Run as a process of its own, to be killed: takes events as the writer does, many of them repeats, until it is. */
import { systemIds } from "../../../src/lib/id.ts";
import { openMessageIds } from "../../../src/store/dedup/openMessageIds.ts";
import { Journal } from "../../../src/store/journal.ts";
import { appendEvent } from "./journalRows.ts";

const [folder = "", partSize = ""] = process.argv.slice(2);
const journal = new Journal(`${folder}/journal.db`, systemIds);
const ids = openMessageIds(`${folder}/ids`, journal, () => {}, { partSize: Number(partSize), fanout: 3 });

function takeGroup(): void {
  let seq = journal.head();
  journal.begin();
  for (let left = 20; left > 0; left -= 1) {
    const messageId = `m-${Math.floor(systemIds.random() * 30_000)}`;
    if (ids.find(1, messageId) !== null) continue;
    seq += 1;
    appendEvent(journal, seq, 1, messageId);
    ids.add(1, messageId, seq);
  }
  journal.commit();
  ids.commit();
  ids.tend();
}

process.stdout.write("open\n");
for (;;) {
  takeGroup();
  // Flushes end in turns of the event loop.
  await new Promise((resolve) => setImmediate(resolve));
}
