/**
 * What readers made of profiles, remembered and kept right by the writer's commits: it goes with the profile's next change,
 * and whenever an identifier comes to lead elsewhere, since the profile that it led to changes then too.
 */
import { Door } from "../lib/door.ts";
import { BoundedMap } from "../lib/boundedMap.ts";

const doorPlaces = 65_536;

/** How long something remembered is true, and what it takes. */
export interface Kept {
  /** Number of the profile that it was made of. */
  readonly pid: number;
  readonly bytes: number;
  /** Wall time at which it stops being true by itself; null: never. */
  readonly validUntilMs: number | null;
}

/** A memory of one reader's. A hit is as fresh as a look into the store. */
export interface ProfileMemory<Value> {
  get(key: string, nowMs: number): Value | undefined;
  /** Remembers it from the second time on that it is told of the key. */
  keep(key: string, value: Value, kept: Kept): void;
}

interface Remembered<Value> extends Kept {
  readonly value: Value;
}

class Memory<Value> implements ProfileMemory<Value> {
  readonly #kept: BoundedMap<Remembered<Value>>;
  readonly #door = new Door(doorPlaces);
  /** Keys by profile. */
  readonly #keys = new Map<number, Set<string>>();

  constructor(maxBytes: number) {
    this.#kept = new BoundedMap(maxBytes, (key, { pid }) => this.#unlist(key, pid));
  }

  get(key: string, nowMs: number): Value | undefined {
    const found = this.#kept.get(key);
    if (found === undefined) return undefined;
    return found.validUntilMs === null || nowMs < found.validUntilMs ? found.value : undefined;
  }

  keep(key: string, value: Value, { pid, bytes, validUntilMs }: Kept): void {
    if (!this.#door.admits(key)) return;
    const former = this.#kept.get(key);
    if (former !== undefined && former.pid !== pid) this.#unlist(key, former.pid);
    const keys = this.#keys.get(pid);
    if (keys === undefined) this.#keys.set(pid, new Set([key]));
    else keys.add(key);
    this.#kept.set(key, { value, pid, bytes, validUntilMs }, bytes);
  }

  forget(pid: number): void {
    const keys = this.#keys.get(pid);
    if (keys === undefined) return;
    for (const key of keys) this.#kept.delete(key);
    this.#keys.delete(pid);
  }

  clear(): void {
    this.#kept.clear();
    this.#door.clear();
    this.#keys.clear();
  }

  #unlist(key: string, pid: number): void {
    const keys = this.#keys.get(pid);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(pid);
  }
}

/** The memories of all readers, in the hands of whoever hears of commits. */
export class ProfileMemories {
  readonly #all: Memory<unknown>[] = [];

  open<Value>(maxBytes: number): ProfileMemory<Value> {
    const memory = new Memory<Value>(maxBytes);
    this.#all.push(memory as Memory<unknown>);
    return memory;
  }

  /** Profiles with these numbers changed. */
  forget(pids: ArrayLike<number>): void {
    for (const memory of this.#all) for (let at = 0; at < pids.length; at += 1) memory.forget(pids[at] ?? 0);
  }

  /** All of them changed, or nobody knows which. */
  clear(): void {
    for (const memory of this.#all) memory.clear();
  }
}
