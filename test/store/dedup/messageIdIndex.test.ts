import { describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { MessageIdIndex } from "../../../src/store/dedup/messageIdIndex.ts";
import { pageBytes } from "../../../src/store/dedup/partFormat.ts";
import type { MessageIdIndexOptions } from "../../../src/store/dedup/indexOptions.ts";
import { tempFolder } from "../../support/tempFolder.ts";
import { Flushes, instantFlush } from "./flushes.ts";
import { IdJournal } from "./idJournal.ts";

const small = { partSize: 8, fanout: 3, flush: instantFlush };

function notWrittenYet(): boolean {
  throw new Error("the row is not written yet");
}

function fill(index: MessageIdIndex, journal: IdJournal, count: number, prefix = "m"): void {
  for (let left = count; left > 0; left -= 1) {
    const messageId = `${prefix}-${journal.headSeq + 1}`;
    expect(index.find(1, messageId)).toBeNull();
    index.add(1, messageId, journal.append(1, messageId));
    index.commit();
    index.work();
  }
}

/** Goes on until there is nothing to do in the background. */
function settle(index: MessageIdIndex): void {
  for (let left = 10_000; index.work(1000); left -= 1) expect(left).toBeGreaterThan(0);
}

function expectAll(index: MessageIdIndex, journal: IdJournal): void {
  for (const { source, messageId, seq } of journal.rows.values())
    expect(index.find(source, messageId)).toBe(seq);
  for (let absent = 0; absent < 200; absent += 1) expect(index.find(1, `absent-${absent}`)).toBeNull();
}

/** An index of `count` ids with its journal, all sealed that can be, and its folder. */
function filled(directory: string, count: number, more: Partial<MessageIdIndexOptions> = {}) {
  const journal = new IdJournal();
  const index = MessageIdIndex.open(journal.options(directory, { ...small, ...more }));
  fill(index, journal, count);
  settle(index);
  return { journal, index };
}

function parts(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith(".ids"))
    .sort();
}

describe("an index", () => {
  test("tells sources apart", () => {
    using folder = tempFolder();
    const { index } = filled(folder.path, 20);
    expect(index.find(2, "m-1")).toBeNull();
    index.add(2, "m-1", 21);
    expect(index.find(2, "m-1")).toBe(21);
    expect(index.find(1, "m-1")).toBe(1);
    index.close();
  });

  test("finds what was added in the open transaction without asking the journal", () => {
    using folder = tempFolder();
    const index = MessageIdIndex.open(
      new IdJournal().options(folder.path, { ...small, matches: notWrittenYet }),
    );
    index.add(1, "a", 1);
    expect(index.find(1, "a")).toBe(1);
    expect(index.find(2, "a")).toBeNull();
    index.rollback();
    expect(index.find(1, "a")).toBeNull();
    index.add(1, "b", 1);
    expect(index.find(1, "b")).toBe(1);
    index[Symbol.dispose]();
  });

  test("refuses seqs that do not ascend", () => {
    using folder = tempFolder();
    const { index } = filled(folder.path, 3);
    expect(() => index.add(1, "x", 3)).toThrow("in order");
    index.close();
  });

  test("keeps parts few, and all of them in step with the journal", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 2000);
    // 250 full tables; three of a size become one: at most two a level.
    expect(index.stats().parts).toBeLessThanOrEqual(2 * Math.ceil(Math.log(250) / Math.log(3)));
    expect(parts(folder.path)).toHaveLength(index.stats().parts);
    expect(index.stats().ids).toBe(2000);
    expectAll(index, journal);
    index.close();
  });

  test("reads nothing of the journal after a clean stop but each part's ends", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 1005);
    const { parts: sealed } = index.stats();
    index.close();
    journal.reads = 0;
    const again = MessageIdIndex.open(journal.options(folder.path, small));
    expect(journal.reads).toBeLessThanOrEqual(2 * (sealed + 1));
    expect(again.stats().ids).toBe(1005);
    expectAll(again, journal);
    again.close();
  });

  test("reads only the unsealed tail after a kill", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 1005);
    const { parts: sealed, unsealedIds } = index.stats();
    index[Symbol.dispose]();
    journal.reads = 0;
    const again = MessageIdIndex.open(journal.options(folder.path, small));
    expect(journal.reads).toBeLessThanOrEqual(2 * sealed + unsealedIds);
    expectAll(again, journal);
    again.close();
  });

  test("leaves one small file after many clean stops, not one each", () => {
    using folder = tempFolder();
    const journal = new IdJournal();
    for (let start = 0; start < 30; start += 1) {
      const index = MessageIdIndex.open(journal.options(folder.path, small));
      fill(index, journal, 2);
      settle(index);
      index.close();
    }
    expect(parts(folder.path).length).toBeLessThanOrEqual(5);
    const index = MessageIdIndex.open(journal.options(folder.path, small));
    expectAll(index, journal);
    index.close();
  });

  test("drops the file of a clean stop as soon as a full part covers it", () => {
    using folder = tempFolder();
    filled(folder.path, 0).index.close();
    const { index, journal } = filled(folder.path, 5);
    index.close();
    expect(parts(folder.path)).toHaveLength(1);
    const again = MessageIdIndex.open(journal.options(folder.path, small));
    fill(again, journal, 4);
    settle(again);
    expect(parts(folder.path)).toHaveLength(1);
    expect(again.stats().parts).toBe(1);
    again.close();
  });

  test("reports progress and builds bounded parts when the whole folder is gone", () => {
    using folder = tempFolder();
    const journal = new IdJournal();
    for (let row = 0; row < 140_000; row += 1) journal.append(1, `m-${row}`);
    const progress: number[] = [];
    const options = { partSize: 1024, progress: (rows: number) => progress.push(rows) };
    const index = MessageIdIndex.open(journal.options(folder.at("ids"), options));
    expect(progress).toEqual([65_536, 131_072]);
    expect(index.stats().ids).toBe(140_000);
    expect(index.stats().unsealedIds).toBeLessThan(1024);
    expect(index.stats().parts).toBeLessThanOrEqual(32);
    expect(index.find(1, "m-139999")).toBe(140_000);
    expect(index.find(1, "m-0")).toBe(1);
    expect(index.find(1, "m-140000")).toBeNull();
    index.close();
  });
});

describe("an erased row", () => {
  test("stays known, in memory, in a part, and after the folder is gone", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.at("ids"), 20);
    for (const seq of [2, 19]) {
      journal.erase(seq);
      expect(index.find(1, `m-${seq}`)).toBe(seq);
    }
    index.close();
    const anew = MessageIdIndex.open(journal.options(folder.at("ids2"), small));
    for (const seq of [2, 19]) {
      expect(anew.find(1, `m-${seq}`)).toBe(seq);
      expect(anew.find(1, journal.rows.get(seq)?.messageId ?? "")).toBeNull();
    }
    anew.close();
  });

  test("at a part's end does not make the part suspect", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 16);
    index.close();
    for (const seq of journal.rows.keys()) journal.erase(seq);
    const notices: string[] = [];
    const notice = (_level: string, message: string) => notices.push(message);
    const again = MessageIdIndex.open(journal.options(folder.path, { ...small, notice }));
    expect(notices).toEqual([]);
    expect(again.find(1, "m-16")).toBe(16);
    again.close();
  });
});

describe("damage", () => {
  test("of any byte is noticed at open or at the lookup, and the answer stays right", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 8);
    index.close();
    const [name = ""] = parts(folder.path);
    const path = join(folder.path, name);
    const whole = readFileSync(path);
    let noticed = 0;
    // Behind its 104 bytes the header page is empty and never read.
    const used = Array.from(whole.keys()).filter((at) => at < 104 || at >= pageBytes);
    const offsets = used.filter((at) => at < pageBytes + 400 || at % 7 === 0 || at > whole.length - 100);
    for (const at of offsets) {
      const bytes = Uint8Array.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      writeFileSync(path, bytes);
      const again = MessageIdIndex.open(
        journal.options(folder.path, { ...small, notice: () => (noticed += 1) }),
      );
      for (let seq = 1; seq <= 8; seq += 1) {
        if (again.find(1, `m-${seq}`) !== seq) expect({ at, seq }).toBeNull();
      }
      again[Symbol.dispose]();
      if (!whole.equals(readFileSync(path))) expect({ at, rebuilt: false }).toBeNull();
    }
    expect(noticed).toBe(offsets.length);
  });

  test("under the running index is repaired from the journal", () => {
    using folder = tempFolder();
    const notices: string[] = [];
    const notice = (_level: string, message: string) => notices.push(message);
    const { index, journal } = filled(folder.path, 800, { notice });
    for (const name of parts(folder.path)) {
      const path = join(folder.path, name);
      const bytes = readFileSync(path);
      // In place, so that the open file changes: records of the first block.
      bytes.fill(0xff, pageBytes + 4, pageBytes + 200);
      writeFileSync(path, bytes);
    }
    expectAll(index, journal);
    expect(index.stats().repairs).toBeGreaterThan(0);
    expect(notices[0]).toContain("has been repaired");
    settle(index);
    expectAll(index, journal);
    index.close();
    const again = MessageIdIndex.open(journal.options(folder.path, { ...small, notice }));
    expectAll(again, journal);
    again.close();
  });

  test("found by a merge is repaired, and the merge begins anew", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 16);
    const [first = ""] = parts(folder.path);
    const bytes = readFileSync(join(folder.path, first));
    bytes.fill(0, pageBytes + 8, pageBytes + 40);
    writeFileSync(join(folder.path, first), bytes);
    fill(index, journal, 8);
    settle(index);
    expect(index.stats()).toMatchObject({ parts: 1, repairs: 1, ids: 24 });
    expectAll(index, journal);
    index.close();
  });

  test("found by a lookup while its part is being merged ends that merge", () => {
    using folder = tempFolder();
    const notices: string[] = [];
    const notice = (_level: string, message: string) => notices.push(message);
    const { index, journal } = filled(folder.path, 16, { notice });
    const [first = ""] = parts(folder.path);
    for (let left = 100; index.stats().merging === 0; left -= 1) {
      expect(left).toBeGreaterThan(0);
      fill(index, journal, 1);
    }
    const bytes = readFileSync(join(folder.path, first));
    writeFileSync(join(folder.path, first), bytes.fill(0, pageBytes + 8, pageBytes + 40));
    expect(index.find(1, "m-1")).toBe(1);
    expect(index.stats()).toMatchObject({ repairs: 1, merging: 0 });
    settle(index);
    expect(index.stats().parts).toBe(1);
    expectAll(index, journal);
    expect(parts(folder.path)).toHaveLength(1);
    index.close();
    notices.length = 0;
    MessageIdIndex.open(journal.options(folder.path, { ...small, notice })).close();
    expect(notices).toEqual([]);
  });

  test("that making anew does not mend ends in an exception, not in an answer", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 8);
    const [name = ""] = parts(folder.path);
    const bytes = readFileSync(join(folder.path, name));
    writeFileSync(join(folder.path, name), bytes.fill(0, pageBytes));
    // Making it anew fails where its temporary file should go.
    mkdirSync(join(folder.path, `${name}.tmp`));
    expect(() => index.find(1, "m-1")).toThrow();
    expect(() => index.find(1, "m-1")).toThrow();
    rmdirSync(join(folder.path, `${name}.tmp`));
    expectAll(index, journal);
    index.close();
  });
});

describe("files that are not ours", () => {
  test("of another journal are not believed", () => {
    using folder = tempFolder();
    const { index } = filled(folder.path, 40);
    index.close();
    const other = new IdJournal();
    for (let row = 0; row < 40; row += 1) other.append(1, `other-${row}`);
    const again = MessageIdIndex.open(other.options(folder.path, { ...small, seed: "journal-2/1" }));
    expectAll(again, other);
    expect(again.find(1, "m-1")).toBeNull();
    again.close();
  });

  test("of another history of the same journal are not believed", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 40);
    index.close();
    journal.truncate(20);
    for (let row = 0; row < 40; row += 1) journal.append(1, `later-${row}`);
    const again = MessageIdIndex.open(journal.options(folder.path, small));
    expectAll(again, journal);
    expect(again.find(1, "m-30")).toBeNull();
    again.close();
  });

  test("under a name that their header denies are not believed", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 40);
    index.close();
    const [first = "", second = ""] = parts(folder.path);
    renameSync(join(folder.path, first), join(folder.path, "swap"));
    renameSync(join(folder.path, second), join(folder.path, first));
    renameSync(join(folder.path, "swap"), join(folder.path, second));
    const again = MessageIdIndex.open(journal.options(folder.path, small));
    expectAll(again, journal);
    again.close();
  });

  test("and not of our naming are left alone; temporary ones go", () => {
    using folder = tempFolder();
    const { index, journal } = filled(folder.path, 8);
    index.close();
    const [name = ""] = parts(folder.path);
    writeFileSync(join(folder.path, "README"), "mine");
    writeFileSync(join(folder.path, `${name}.tmp`), "half");
    MessageIdIndex.open(journal.options(folder.path, small)).close();
    expect(existsSync(join(folder.path, "README"))).toBe(true);
    expect(existsSync(join(folder.path, `${name}.tmp`))).toBe(false);
  });
});

describe("when parts can't be written", () => {
  const firstPart = "0000000000000000-0000000000000008.ids";

  test("ids wait in memory, it is said, and it is tried again", () => {
    using folder = tempFolder();
    const notices: string[] = [];
    const notice = (_level: string, message: string) => notices.push(message);
    const journal = new IdJournal();
    const index = MessageIdIndex.open(journal.options(folder.path, { ...small, notice }));
    mkdirSync(folder.at(`${firstPart}.tmp`));
    fill(index, journal, 30);
    expect(index.stats().parts).toBe(0);
    expect(notices.length).toBeGreaterThan(0);
    expectAll(index, journal);
    rmdirSync(folder.at(`${firstPart}.tmp`));
    fill(index, journal, 8);
    settle(index);
    expect(index.stats().parts).toBeGreaterThan(0);
    expectAll(index, journal);
    index.close();
  });

  test("memory stays bounded: adding fails in the end, and goes on once writing works", () => {
    using folder = tempFolder();
    const journal = new IdJournal();
    const index = MessageIdIndex.open(journal.options(folder.path, small));
    mkdirSync(folder.at(`${firstPart}.tmp`));
    expect(() => fill(index, journal, 1000)).toThrow();
    index.rollback();
    journal.truncate(journal.headSeq - 1);
    expect(index.stats().unsealedIds).toBeLessThanOrEqual(9 * 8);
    expectAll(index, journal);
    rmdirSync(folder.at(`${firstPart}.tmp`));
    fill(index, journal, 100);
    expectAll(index, journal);
    index.close();
  });

  test("a full disk at the flush is tried again; an I/O error is thrown", () => {
    using folder = tempFolder();
    const flushes = new Flushes();
    const journal = new IdJournal();
    const notices: string[] = [];
    const notice = (_level: string, message: string) => notices.push(message);
    const index = MessageIdIndex.open(
      journal.options(folder.path, { ...small, flush: flushes.flush, notice }),
    );
    const untilFlush = () => {
      for (let left = 100; flushes.waiting === 0; left -= 1) {
        expect(left).toBeGreaterThan(0);
        fill(index, journal, 1);
      }
    };
    untilFlush();
    flushes.end("ENOSPC");
    index.work();
    expect(notices).toEqual([expect.stringContaining("tried again")]);
    untilFlush();
    flushes.end("EIO");
    expect(() => index.work()).toThrow("EIO");
    expectAll(index, journal);
    index[Symbol.dispose]();
  });

  test.each(["close", "dispose"] as const)(
    "a part given up during its flush leaves nothing behind: %s",
    (how) => {
      using folder = tempFolder();
      const flushes = new Flushes();
      const journal = new IdJournal();
      const index = MessageIdIndex.open(journal.options(folder.path, { ...small, flush: flushes.flush }));
      for (let left = 100; flushes.waiting === 0; left -= 1) {
        expect(left).toBeGreaterThan(0);
        fill(index, journal, 1);
      }
      if (how === "close") index.close();
      else index[Symbol.dispose]();
      flushes.end();
      expect(readdirSync(folder.path).filter((name) => name.endsWith(".tmp"))).toEqual([]);
      const again = MessageIdIndex.open(journal.options(folder.path, small));
      expectAll(again, journal);
      again.close();
    },
  );

  test("a flush that ends late does not touch the part made in the meantime", () => {
    using folder = tempFolder();
    const flushes = new Flushes();
    const journal = new IdJournal();
    const index = MessageIdIndex.open(journal.options(folder.path, { ...small, flush: flushes.flush }));
    // Full tables pile up behind the flush that hangs, until adding one seals them all at once.
    fill(index, journal, 9 * small.partSize);
    expect(index.stats().parts).toBeGreaterThan(0);
    flushes.end();
    expectAll(index, journal);
    index.close();
  });
});
