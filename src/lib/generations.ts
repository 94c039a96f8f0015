/**
 * A memory bounded in bytes, in two generations: what was not asked for while the young one filled up goes. Cheaper than
 * a list in order of use, which a Map only seems to be: finding its first entry takes as long as entries were deleted
 * before it.
 */
export class Generations<Value> {
  readonly #maxBytes: number;
  readonly #onGone: (key: string, value: Value) => void;
  #young = new Map<string, Entry<Value>>();
  #old = new Map<string, Entry<Value>>();
  #youngBytes = 0;
  #oldBytes = 0;

  /** `onGone` is told what goes for want of room. */
  constructor(maxBytes: number, onGone: (key: string, value: Value) => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#onGone = onGone;
  }

  get bytes(): number {
    return this.#youngBytes + this.#oldBytes;
  }

  get(key: string): Value | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young.value;
    const old = this.#old.get(key);
    if (old === undefined) return undefined;
    this.#old.delete(key);
    this.#oldBytes -= old.bytes;
    this.#put(key, old);
    return old.value;
  }

  /** `bytes`: about what it takes. What would fill a generation by itself is not kept. */
  set(key: string, value: Value, bytes: number): void {
    this.delete(key);
    if (bytes > this.#maxBytes / 2) return;
    this.#put(key, { value, bytes });
  }

  delete(key: string): void {
    this.#youngBytes -= this.#young.get(key)?.bytes ?? 0;
    this.#young.delete(key);
    this.#oldBytes -= this.#old.get(key)?.bytes ?? 0;
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
    this.#youngBytes = 0;
    this.#oldBytes = 0;
  }

  #put(key: string, entry: Entry<Value>): void {
    if (this.#youngBytes + entry.bytes > this.#maxBytes / 2) {
      for (const [gone, { value }] of this.#old) this.#onGone(gone, value);
      this.#old = this.#young;
      this.#oldBytes = this.#youngBytes;
      this.#young = new Map();
      this.#youngBytes = 0;
    }
    this.#young.set(key, entry);
    this.#youngBytes += entry.bytes;
  }
}

interface Entry<Value> {
  readonly value: Value;
  readonly bytes: number;
}
