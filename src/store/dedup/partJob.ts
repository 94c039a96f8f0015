/**
 * Making a part, a step at a time, so that the thread which does it never stops for long:
 *
 *   filling ──► written ──► flushed (once the disk has it) ──► renamed ──► done (once the folder has it)
 *
 * Only flushing waits for the disk, and it runs off this thread. Killed anywhere before the rename, a temporary file
 * is left, which the next open removes; after it, the part is whole and supersedes the ones whose stretch it covers.
 */
import { fsync, fsyncSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Part } from "./part.ts";
import { partName } from "./partFormat.ts";
import type { PartSource } from "./partSource.ts";
import { PartWriter } from "./partWriter.ts";

/** Puts a file's content on disk without holding up the thread; tells how it went. */
export type Flush = (fd: number, done: (error: Error | null) => void) => void;

/** The operating system's fsync on a thread of its own. */
export const systemFlush: Flush = (fd, done) => fsync(fd, (error) => done(error));

/** Where parts are made. */
export interface PartFolder {
  readonly path: string;
  readonly fd: number;
  readonly flush: Flush;
}

/** A long merge is flushed as it grows, so that its end does not drown the journal's own commits. */
const flushEveryBytes = 8 * 1024 * 1024;

type Stage = "filling" | "written" | "flushed" | "renamed" | "done" | "dropped";

export class PartJob {
  readonly #folder: PartFolder;
  readonly #source: PartSource;
  readonly #writer: PartWriter;
  #stage: Stage = "filling";
  #filled = false;
  #flushing = false;
  #flushError: Error | null = null;
  #flushedBytes = 0;

  constructor(folder: PartFolder, source: PartSource) {
    this.#folder = folder;
    this.#source = source;
    this.#writer = new PartWriter(`${this.#path()}.tmp`, source.header);
  }

  /**
   * Does a bounded piece of the work, at most `budget` records; the part once it is on disk, null before. Throws on
   * a failed write or flush, or DamagedPartError; the job must then be dropped.
   */
  step(budget: number): Part | null {
    if (this.#flushError !== null) throw this.#flushError;
    if (this.#stage === "filling") this.#fill(budget);
    else if (!this.#flushing) return this.#advance();
    return null;
  }

  /** Does all of it now, waiting for the disk. Throws as `step` does. */
  run(): Part {
    try {
      while (!this.#source.fill(this.#writer, Number.MAX_SAFE_INTEGER));
      while (!this.#writer.finishSlice());
      fsyncSync(this.#writer.fd);
      renameSync(this.#writer.temporaryPath, this.#path());
      fsyncSync(this.#folder.fd);
      this.#stage = "done";
      return Part.written(this.#writer, this.#path());
    } catch (error) {
      this.drop();
      throw error;
    }
  }

  /** Gives up and removes the temporary file; its descriptor is closed when no flush uses it. Harmless when done. */
  drop(): void {
    if (this.#stage === "done" || this.#stage === "dropped") return;
    this.#stage = "dropped";
    this.#writer.removeFile();
    if (!this.#flushing) this.#writer.close();
  }

  #fill(budget: number): void {
    if (this.#flushing && this.#writer.writtenBytes - this.#flushedBytes > flushEveryBytes) return;
    this.#filled ||= this.#source.fill(this.#writer, budget);
    if (this.#filled && this.#writer.finishSlice()) this.#stage = "written";
    else if (this.#writer.writtenBytes - this.#flushedBytes > flushEveryBytes) this.#flush(this.#writer.fd);
  }

  /** From one stage to the next, once nothing is left to flush. */
  #advance(): Part | null {
    switch (this.#stage) {
      case "written":
        this.#stage = "flushed";
        this.#flush(this.#writer.fd);
        return null;
      case "flushed":
        renameSync(this.#writer.temporaryPath, this.#path());
        this.#stage = "renamed";
        this.#flush(this.#folder.fd);
        return null;
      case "renamed":
        this.#stage = "done";
        return Part.written(this.#writer, this.#path());
      case "filling":
      case "done":
      case "dropped":
        break;
    }
    throw new Error(`a part job that is ${this.#stage} was stepped`);
  }

  #flush(fd: number): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#flushedBytes = this.#writer.writtenBytes;
    this.#folder.flush(fd, (error) => {
      this.#flushing = false;
      this.#flushError ??= error;
      if (this.#stage === "dropped") this.#writer.close();
    });
  }

  #path(): string {
    return join(this.#folder.path, partName(this.#source.header.afterSeq, this.#source.header.throughSeq));
  }
}
