/**
 * Random lives of an index (groups, repeats, rollbacks, erasures, slow flushes, restarts, kills, damage) against a
 * plain map. The seed is printed; FRESHET_TEST_SEED repeats a run.
 */
import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { seededIds } from "../../../src/lib/id.ts";
import type { IdHash } from "../../../src/store/dedup/idHash.ts";
import { MessageIdIndex } from "../../../src/store/dedup/messageIdIndex.ts";
import { tempFolder, type TempFolder } from "../../support/tempFolder.ts";
import { Flushes } from "./flushes.ts";
import { IdJournal } from "./idJournal.ts";

const seed = Number(process.env["FRESHET_TEST_SEED"] ?? Date.now() % 1_000_000_007);
const lives = 120;
const stepsPerLife = 120;

type Hashing = "keyed" | "poor" | "constant";

/** What all lives together have seen, so that a run which tests nothing does not pass. */
const seen = {
  restarts: 0,
  kills: 0,
  damages: 0,
  rollbacks: 0,
  repeats: 0,
  erasures: 0,
  merged: 0,
  truncations: 0,
};

/** A hash that makes many keys collide; the erased form is hashed as what it was made of, as it must be. */
function poorHash(hashing: Hashing): { hash?: IdHash } {
  if (hashing === "keyed") return {};
  const digest = new Uint8Array(32);
  return {
    hash: {
      hi: 0,
      lo: 0,
      of(_source, messageId) {
        Bun.SHA256.hash(messageId, digest);
        this.hi = hashing === "constant" ? 7 : (digest[0] ?? 0) & 3;
        this.lo = hashing === "constant" ? 0 : (digest[1] ?? 0) & 1;
      },
      ofErased(_source, erased) {
        const byte = (at: number) => Number.parseInt(erased.slice(7 + 2 * at, 9 + 2 * at), 16);
        this.hi = hashing === "constant" ? 7 : byte(0) & 3;
        this.lo = hashing === "constant" ? 0 : byte(1) & 1;
      },
    },
  };
}

function readIfThere(path: string | undefined): Uint8Array | null {
  return path !== undefined && existsSync(path) ? readFileSync(path) : null;
}

class Life {
  readonly #folder: TempFolder;
  readonly #random: () => number;
  readonly #journal = new IdJournal();
  readonly #flushes = new Flushes();
  readonly #sizes: { partSize: number; fanout: number };
  readonly #hashing: Hashing;
  /** Every messageId that was ever sent, also those whose transaction failed. */
  readonly #sent = new Set<string>();
  #index: MessageIdIndex;
  #generation = 0;
  #seed = "journal-1/1";

  constructor(folder: TempFolder, lifeSeed: number) {
    this.#folder = folder;
    const ids = seededIds(lifeSeed);
    this.#random = () => ids.random();
    this.#sizes = { partSize: this.#below(2, 24), fanout: this.#below(2, 5) };
    this.#hashing = this.#random() < 0.6 ? "keyed" : this.#random() < 0.7 ? "poor" : "constant";
    this.#index = this.#open();
  }

  run(): void {
    for (let step = 0; step < stepsPerLife; step += 1) this.#step();
    this.#checkAll();
    this.#index.close();
  }

  #step(): void {
    const dice = this.#random();
    if (dice < 0.55) this.#group();
    else if (dice < 0.8) this.#work();
    else if (dice < 0.86) this.#flushes.end();
    else if (dice < 0.89) this.#erase();
    else if (dice < 0.92) this.#restart();
    else if (dice < 0.95) this.#kill(false);
    else if (dice < 0.97) this.#kill(true);
    else if (dice < 0.975) this.#olderJournal();
    else this.#checkAll();
  }

  #group(): void {
    const before = this.#journal.headSeq;
    for (let left = this.#below(1, 14); left > 0; left -= 1) this.#send();
    if (this.#random() < 0.2) {
      this.#journal.truncate(before);
      this.#index.rollback();
      seen.rollbacks += 1;
    } else this.#index.commit();
  }

  /** One event as the writer takes it. */
  #send(): void {
    const source = this.#below(1, 3);
    const messageId = `m-${this.#below(0, 400)}`;
    this.#sent.add(messageId);
    const found = this.#index.find(source, messageId);
    expect(found).toBe(this.#journal.find(source, messageId));
    if (found !== null) seen.repeats += 1;
    else
      this.#index.add(
        source,
        messageId,
        this.#journal.append(source, messageId, this.#random() < 0.2 ? 3 : 0),
      );
  }

  #work(): void {
    const partsBefore = this.#index.stats().parts;
    const mergeIds = this.#random() < 0.3 ? this.#below(1, 40) : undefined;
    for (let left = this.#below(1, 12); left > 0; left -= 1) {
      this.#index.work(mergeIds);
      if (this.#random() < 0.7) this.#flushes.end();
    }
    if (this.#index.stats().parts < partsBefore) seen.merged += 1;
  }

  #erase(): void {
    const seqs = [...this.#journal.rows.keys()];
    const seq = seqs[this.#below(0, seqs.length)];
    if (seq === undefined) return;
    this.#journal.erase(seq);
    seen.erasures += 1;
  }

  #restart(): void {
    this.#index.close();
    this.#flushes.end();
    this.#journal.reads = 0;
    this.#index = this.#open();
    seen.restarts += 1;
    this.#checkAll();
  }

  /** Goes on from the folder as it is at this moment, as after kill -9; sometimes damaged as well. */
  #kill(damaged: boolean): void {
    this.#generation += 1;
    const before = this.#directory(this.#generation - 1);
    cpSync(before, this.#directory(this.#generation), { recursive: true });
    this.#index[Symbol.dispose]();
    this.#flushes.end();
    rmSync(before, { recursive: true });
    seen.kills += 1;
    if (damaged) this.#damage();
    this.#index = this.#open();
    this.#checkAll();
  }

  #damage(): void {
    const directory = this.#directory(this.#generation);
    const names = readdirSync(directory).sort();
    for (const name of names) {
      if (this.#random() < 0.5) continue;
      seen.damages += 1;
      this.#damageFile(
        join(directory, name),
        names.map((other) => join(directory, other)),
      );
    }
  }

  #damageFile(path: string, others: readonly string[]): void {
    const bytes = readFileSync(path);
    const dice = this.#random();
    if (dice < 0.2) rmSync(path);
    else if (dice < 0.4) truncateSync(path, this.#below(0, bytes.length));
    else if (dice < 0.5) writeFileSync(path, Buffer.concat([bytes, new Uint8Array(this.#below(1, 5000))]));
    else if (dice < 0.6) writeFileSync(path, readIfThere(others[this.#below(0, others.length)]) ?? bytes);
    else {
      for (let left = this.#below(1, 4); left > 0; left -= 1) {
        const at =
          this.#random() < 0.5 ? this.#below(0, bytes.length) : this.#below(0, Math.min(200, bytes.length));
        bytes[at] = (bytes[at] ?? 0) ^ (1 << this.#below(0, 8));
      }
      writeFileSync(path, bytes);
    }
  }

  /** The journal is replaced by an older copy of itself and goes on from there. */
  #olderJournal(): void {
    this.#index[Symbol.dispose]();
    this.#flushes.end();
    this.#journal.truncate(this.#below(0, this.#journal.headSeq + 1));
    seen.truncations += 1;
    this.#index = this.#open();
    this.#checkAll();
  }

  #checkAll(): void {
    for (const messageId of [...this.#sent, "never-sent"]) {
      for (const source of [1, 2]) {
        const found = this.#index.find(source, messageId);
        if (found !== this.#journal.find(source, messageId)) expect({ source, messageId, found }).toBeNull();
      }
    }
    expect(this.#index.stats().ids).toBe(this.#journal.rows.size);
  }

  #open(): MessageIdIndex {
    const hashing = poorHash(this.#hashing);
    const more = { ...this.#sizes, ...hashing, seed: this.#seed, flush: this.#flushes.flush };
    return MessageIdIndex.open(this.#journal.options(this.#directory(this.#generation), more));
  }

  #directory(generation: number): string {
    return this.#folder.at(`ids-${generation}`);
  }

  #below(from: number, to: number): number {
    return from + Math.floor(this.#random() * (to - from));
  }
}

describe(`random lives, FRESHET_TEST_SEED=${seed}`, () => {
  test.each(Array.from({ length: lives }, (_, life) => life))(
    "life %d answers as the journal does",
    (life) => {
      using folder = tempFolder();
      new Life(folder, seed + 7919 * life).run();
    },
  );
});

afterAll(() => {
  process.stdout.write(`messageId index: FRESHET_TEST_SEED=${seed} ${JSON.stringify(seen)}\n`);
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(0);
});
