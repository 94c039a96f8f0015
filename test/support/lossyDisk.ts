/**
 * A disk that has seen recorded calls and then loses power. What a sync had made sure of is there. Of what was
 * written later, each sector holds what any of its later writes left, or none; a file's size may be that of any moment
 * since. New names, renames and removals come in the order in which they were asked for, up to some point: file
 * systems with a journal do that, and nothing more is promised before a sync of the file or its folder.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { DiskCall } from "./diskCalls.ts";
import type { Random } from "./random.ts";

interface PendingWrite {
  readonly at: number;
  readonly offset: number;
  /** Null: cut to `offset`, zeros if it grows again. */
  readonly bytes: Buffer | null;
}

/** A file, whatever it is called. */
interface Inode {
  synced: Buffer;
  pending: PendingWrite[];
  position: number;
}

interface NameChange {
  readonly at: number;
  readonly kind: "put" | "drop" | "mkdir";
  readonly path: string;
  readonly inode: Inode | null;
  /** What a rename takes away in the same step. */
  readonly from: string | null;
}

export class LossyDisk {
  readonly #folder: string;
  readonly #names = new Map<string, Inode>();
  readonly #changes: NameChange[] = [];
  readonly #syncs = new Map<string, number>();
  #durableChanges = 0;
  #at = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  apply(call: DiskCall): void {
    this.#at += 1;
    const { path } = call;
    switch (call.kind) {
      case "open":
        this.#open(path, call.truncates);
        return;
      case "write":
        this.#write(path, call.offset, call.bytes);
        return;
      case "seek": {
        const inode = this.#names.get(path);
        if (inode !== undefined) inode.position = call.offset;
        return;
      }
      case "truncate":
        this.#names.get(path)?.pending.push({ at: this.#at, offset: call.size, bytes: null });
        return;
      case "rename":
        this.#rename(path, call.to);
        return;
      case "mkdir":
        this.#changes.push({ at: this.#at, kind: "mkdir", path, inode: null, from: null });
        return;
      case "unlink":
      case "rmdir":
        this.#names.delete(path);
        this.#changes.push({ at: this.#at, kind: "drop", path, inode: null, from: null });
        return;
      case "syncBegin":
        this.#syncs.set(`${call.thread} ${path}`, this.#at);
        return;
      case "syncEnd":
        this.#synced(path, this.#syncs.get(`${call.thread} ${path}`) ?? 0);
        return;
    }
  }

  /** Everything as the process saw it, by path inside the folder. */
  whole(): Map<string, Buffer> {
    const files = new Map<string, Buffer>();
    for (const [path, inode] of this.#names)
      files.set(relative(this.#folder, path), settled(inode.synced, inode.pending));
    return files;
  }

  /** Writes into the folder `target` what is left after the power went. */
  loseInto(target: string, random: Random): void {
    const kept = this.#durableChanges + random.below(this.#changes.length - this.#durableChanges + 1);
    const names = new Map<string, Inode>();
    mkdirSync(target, { recursive: true, mode: 0o700 });
    for (const change of this.#changes.slice(0, kept)) {
      if (change.kind === "mkdir")
        mkdirSync(this.#inside(target, change.path), { recursive: true, mode: 0o700 });
      if (change.kind === "drop") names.delete(change.path);
      if (change.from !== null) names.delete(change.from);
      if (change.inode !== null) names.set(change.path, change.inode);
    }
    for (const [path, inode] of names) {
      const place = this.#inside(target, path);
      mkdirSync(dirname(place), { recursive: true, mode: 0o700 });
      writeFileSync(place, remainsOf(inode, random), { mode: 0o600 });
    }
  }

  #inside(target: string, path: string): string {
    return join(target, relative(this.#folder, path));
  }

  #open(path: string, truncates: boolean): void {
    const known = this.#names.get(path);
    if (known === undefined) {
      const inode = { synced: Buffer.alloc(0), pending: [], position: 0 };
      this.#names.set(path, inode);
      this.#changes.push({ at: this.#at, kind: "put", path, inode, from: null });
      return;
    }
    known.position = 0;
    if (truncates) known.pending.push({ at: this.#at, offset: 0, bytes: null });
  }

  #write(path: string, offset: number | null, bytes: Buffer): void {
    const inode = this.#names.get(path);
    // Through a descriptor of a file that has no name any more.
    if (inode === undefined) return;
    const from = offset ?? inode.position;
    inode.position = from + bytes.length;
    inode.pending.push({ at: this.#at, offset: from, bytes });
  }

  #rename(from: string, to: string): void {
    const inode = this.#names.get(from);
    if (inode === undefined) throw new Error("the recording renames a file that it did not make");
    this.#names.delete(from);
    this.#names.set(to, inode);
    this.#changes.push({ at: this.#at, kind: "put", path: to, inode, from });
  }

  #synced(path: string, begun: number): void {
    const inode = this.#names.get(path);
    if (inode !== undefined) {
      const done = inode.pending.filter(({ at }) => at < begun);
      inode.synced = settled(inode.synced, done);
      inode.pending = inode.pending.filter(({ at }) => at >= begun);
    }
    const last = this.#changes.findLastIndex(
      (change) =>
        change.at < begun &&
        ((inode !== undefined && change.inode === inode) || dirname(change.path) === path),
    );
    this.#durableChanges = Math.max(this.#durableChanges, last + 1);
  }
}

/** Content after all of these writes. */
function settled(before: Buffer, writes: readonly PendingWrite[]): Buffer {
  const sizes = sizesOf(before.length, writes);
  const room = Buffer.alloc(Math.max(...sizes));
  before.copy(room);
  for (const { offset, bytes } of writes) {
    if (bytes === null) room.fill(0, offset);
    else bytes.copy(room, offset);
  }
  return room.subarray(0, sizes.at(-1));
}

/** The file's size before and after each write. */
function sizesOf(before: number, writes: readonly PendingWrite[]): number[] {
  const sizes = [before];
  for (const { offset, bytes } of writes)
    sizes.push(bytes === null ? offset : Math.max(sizes.at(-1) ?? 0, offset + bytes.length));
  return sizes;
}

/** A file after the power went: every sector at a moment of its own. */
function remainsOf({ synced, pending }: Inode, random: Random): Buffer {
  const luck = random.pick([0, 0.5, 0.9, 1]);
  const sectorBytes = random.pick([512, 4096]);
  const sizes = sizesOf(synced.length, pending);
  const size = luck === 1 ? sizes.at(-1) : luck === 0 ? sizes[0] : random.pick(sizes);
  const room = Buffer.alloc(Math.max(...sizes));
  synced.copy(room);
  const left = new Map<number, number>();
  const survives = (sector: number): boolean => {
    const writes = left.get(sector) ?? (random.chance(luck) ? Number.POSITIVE_INFINITY : random.below(4) - 1);
    left.set(sector, luck === 0 ? 0 : writes - 1);
    return luck !== 0 && writes > 0;
  };
  for (const { offset, bytes } of pending) {
    const end = bytes === null ? room.length : offset + bytes.length;
    for (let from = offset; from < end;) {
      const sector = Math.floor(from / sectorBytes);
      const to = Math.min(end, (sector + 1) * sectorBytes);
      if (survives(sector)) {
        if (bytes === null) room.fill(0, from, to);
        else bytes.copy(room, from, from - offset, to - offset);
      }
      from = to;
    }
  }
  return room.subarray(0, size);
}
