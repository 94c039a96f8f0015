/** A look at LMDB's file without LMDB, which a damaged one takes down with the process. */
import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { join } from "node:path";

/** Where a page's own header ends and, on the first two pages, the meta data begins (lmdb.h, MDB_page and MDB_meta). */
const metaAt = 24;
const magic = 0xbeefc0de;
const pageSizeAt = metaAt + 24;
const minPageBytes = 512;
const maxPageBytes = 65_536;

/**
 * False where a profiles file does not begin as LMDB writes it: with two pages that say so. It costs two short reads;
 * what lies behind them takes a reading from end to end to judge. A file that is missing or too short to hold them is
 * left to those who open it.
 */
export function profilesBeginWell(folder: string): boolean {
  return readdirSync(folder)
    .filter((name) => /^profiles-\d+$/.test(name))
    .every((name) => beginsWell(join(folder, name, "data.mdb")));
}

function beginsWell(path: string): boolean {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return true;
  }
  try {
    const head = Buffer.alloc(pageSizeAt + 4);
    if (readSync(file, head, 0, head.length, 0) < head.length) return true;
    const pageBytes = head.readUInt32LE(pageSizeAt);
    if (head.readUInt32LE(metaAt) !== magic || pageBytes < minPageBytes || pageBytes > maxPageBytes)
      return false;
    const second = Buffer.alloc(4);
    return (
      readSync(file, second, 0, 4, pageBytes + metaAt) === second.length && second.readUInt32LE(0) === magic
    );
  } finally {
    closeSync(file);
  }
}
