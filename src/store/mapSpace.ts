/**
 * Room on disk for a file that is written through memory. A store into a page that the disk has no block for ends the
 * process (SIGBUS) when the disk is full, so blocks are taken beforehand with ordinary writes of zeros behind the used
 * part, and those fail as an exception (ENOSPC).
 *
 * This holds only where a block, once taken, is overwritten in place: elsewhere (btrfs, zfs, network) the file must
 * not be written through memory at all, which `overwritesInPlace` tells.
 */
import { closeSync, fstatSync, openSync, statfsSync, writeSync } from "node:fs";

/** Types of file systems as statfs names them (linux/magic.h): ext2 to ext4, xfs, tmpfs, overlayfs. */
const inPlaceTypes: ReadonlySet<number> = new Set([0xef53, 0x58465342, 0x01021994, 0x794c7630]);

const zeros = new Uint8Array(1024 * 1024);

/** True if the folder lies on a file system that overwrites blocks where they are. */
export function overwritesInPlace(folder: string): boolean {
  return process.platform === "linux" && inPlaceTypes.has(statfsSync(folder).type);
}

/** Room beyond what the next commit needs: the pages that every commit writes, and so that it is not looked at often. */
const spareBytes = 2 * 1024 * 1024;

export class MapSpace implements Disposable {
  readonly #file: number;
  readonly #usedBytes: () => number;
  #takenBytes = 0;
  /** End of what may be in use by now. */
  #spentBytes = Number.POSITIVE_INFINITY;

  /** `usedBytes`: end of the last page of the file that is in use; nothing before it is ever touched here. */
  constructor(path: string, usedBytes: () => number) {
    this.#file = openSync(path, "r+");
    this.#usedBytes = usedBytes;
  }

  /**
   * Makes sure that pages of `touchedBytes` can be written anew and the file can grow by `grownBytes`; not while a
   * transaction is open. Room is taken once and then stays. Throws ENOSPC, EIO.
   */
  reserve(touchedBytes: number, grownBytes: number): void {
    this.#spentBytes += touchedBytes + grownBytes;
    if (this.#spentBytes + spareBytes / 2 <= this.#takenBytes) return;
    const used = this.#usedBytes();
    // The file may have been cut back to the size of its map since.
    this.#takenBytes = Math.max(used, Math.min(this.#takenBytes, fstatSync(this.#file).size));
    this.#spentBytes = used + Math.min(touchedBytes, used) + grownBytes;
    while (this.#takenBytes < this.#spentBytes + spareBytes)
      this.#takenBytes += writeSync(this.#file, zeros, 0, zeros.length, this.#takenBytes);
  }

  [Symbol.dispose](): void {
    closeSync(this.#file);
  }
}
