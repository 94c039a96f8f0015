import { describe, expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { seededIds } from "../../../src/lib/id.ts";
import { openMessageIds } from "../../../src/store/dedup/openMessageIds.ts";
import { erasedMessageId } from "../../../src/store/erase.ts";
import { Journal } from "../../../src/store/journal.ts";
import { rowFlags } from "../../../src/store/row.ts";
import { tempFolder, type TempFolder } from "../../support/tempFolder.ts";
import { appendAct, appendEvent } from "./journalRows.ts";

const small = { partSize: 16, fanout: 3 };

/** A journal of 3,000 rows, every tenth of them without a messageId, and its index. */
function filled(folder: TempFolder) {
  const journal = new Journal(folder.at("journal.db"), seededIds(1));
  const notices: string[] = [];
  const open = () =>
    openMessageIds(folder.at("ids"), journal, (_level, message) => notices.push(message), small);
  const ids = open();
  journal.begin();
  for (let seq = 1; seq <= 3000; seq += 1) {
    if (seq % 10 === 0) {
      appendAct(journal, seq);
      continue;
    }
    expect(ids.find(1, `m-${seq}`)).toBeNull();
    appendEvent(journal, seq, 1, `m-${seq}`);
    ids.add(1, `m-${seq}`, seq);
    if (seq % 7 !== 0) continue;
    journal.commit();
    ids.commit();
    ids.tend();
    journal.begin();
  }
  journal.commit();
  ids.commit();
  return { journal, ids, open, notices };
}

function expectAll(ids: ReturnType<typeof openMessageIds>): void {
  for (let seq = 1; seq <= 3000; seq += 1) expect(ids.find(1, `m-${seq}`)).toBe(seq % 10 === 0 ? null : seq);
  expect(ids.find(2, "m-1")).toBeNull();
}

describe("the index over a journal", () => {
  test("answers from its rows, before and after a restart", () => {
    using folder = tempFolder();
    const { journal, ids, open, notices } = filled(folder);
    using _journal = journal;
    expectAll(ids);
    ids.close();
    const again = open();
    expectAll(again);
    expect(again.stats().ids).toBe(2700);
    again.close();
    expect(notices).toEqual([]);
  });

  test("is made anew when its folder is gone; what was erased stays a repeat", () => {
    using folder = tempFolder();
    const { journal, ids, open } = filled(folder);
    using _journal = journal;
    const erase = journal.database.query(
      `UPDATE journal SET message_id = ?, flags = flags | ${rowFlags.erased} WHERE seq = ?`,
    );
    for (const seq of [1, 1501, 2999]) erase.run(erasedMessageId(`m-${seq}`), seq);
    expectAll(ids);
    ids.close();
    rmSync(folder.at("ids"), { recursive: true });
    const again = open();
    expectAll(again);
    expect(again.find(1, erasedMessageId("m-1501"))).toBeNull();
    again.close();
    expect(existsSync(folder.at("ids"))).toBe(true);
  });

  test("believes no file of the time before the journal was replaced", () => {
    using folder = tempFolder();
    const { journal, ids } = filled(folder);
    ids.close();
    journal.setMeta("epoch", "2");
    journal[Symbol.dispose]();
    using replaced = new Journal(folder.at("journal.db"), seededIds(1));
    const notices: string[] = [];
    const again = openMessageIds(
      folder.at("ids"),
      replaced,
      (_level, message) => notices.push(message),
      small,
    );
    expectAll(again);
    expect(notices.length).toBeGreaterThan(0);
    again.close();
  });
});
