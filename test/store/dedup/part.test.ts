import { expect, test } from "bun:test";
import { IdColumns } from "../../../src/store/dedup/idColumns.ts";
import { Part } from "../../../src/store/dedup/part.ts";
import { recordsPerBlock } from "../../../src/store/dedup/partFormat.ts";
import { PartJob } from "../../../src/store/dedup/partJob.ts";
import { loadPart, MemorySource } from "../../../src/store/dedup/partSource.ts";
import { closeSync, openSync } from "node:fs";
import { tempFolder } from "../../support/tempFolder.ts";
import { instantFlush } from "./flushes.ts";

/** A part in `folder` with these keys at the seqs 1, 2, 3 …. */
function write(folder: string, keys: readonly (readonly [hi: number, lo: number])[], seedTag = 5): Part {
  const columns = new IdColumns(16);
  keys.forEach(([hi, lo], index) => columns.push(hi, lo, index + 1));
  const fd = openSync(folder, "r");
  try {
    const source = new MemorySource(columns, seedTag, 0, Math.max(1, keys.length));
    return new PartJob({ path: folder, fd, flush: instantFlush }, source).run();
  } finally {
    closeSync(fd);
  }
}

test("a part belongs to one journal", () => {
  using folder = tempFolder();
  using part = write(folder.path, [[1, 1]], 5);
  using again = Part.open(part.path, 5);
  expect(again?.header).toMatchObject(part.header);
  expect(Part.open(part.path, 6)).toBeNull();
});

test("every one of many equal keys is offered, across blocks, at either end of the range", () => {
  using folder = tempFolder();
  const end = 2 ** 32 - 1;
  const runs = [0, 77, end].flatMap((hi) =>
    Array.from({ length: 2 * recordsPerBlock + 5 }, () => [hi, 9] as const),
  );
  using part = write(folder.path, runs);
  for (const hi of [0, 77, end]) {
    const offered: number[] = [];
    const collect = (seq: number) => {
      offered.push(seq);
      return false;
    };
    expect(part.find(hi, 9, 1, "x", collect)).toBeNull();
    expect(offered).toEqual(runs.flatMap(([other], index) => (other === hi ? [index + 1] : [])));
    expect(part.find(hi, 8, 1, "x", () => true)).toBeNull();
  }
  expect(part.find(76, 9, 1, "x", () => true)).toBeNull();
});

test("a part without ids can be written, opened and asked", () => {
  using folder = tempFolder();
  using part = write(folder.path, []);
  using again = Part.open(part.path, 5);
  expect(again?.find(1, 1, 1, "x", () => true)).toBeNull();
  expect(again === null ? null : loadPart(again).count).toBe(0);
});

test("a lookup reads one block", () => {
  using folder = tempFolder();
  const keys = Array.from({ length: 20 * recordsPerBlock }, (_, index) => [index * 1000, index] as const);
  using part = write(folder.path, keys);
  for (let index = 1; index < keys.length; index += 97) {
    expect(part.find(index * 1000, index, 1, "x", () => true)).toBe(index + 1);
  }
  const lookups = Math.ceil((keys.length - 1) / 97);
  // A key that begins a block costs a look at the block before it.
  expect(part.blockReads).toBeLessThanOrEqual(lookups + 20);
});
