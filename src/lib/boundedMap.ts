/**
 * A map bounded in bytes. When it is full the oldest entry goes, or, if it was asked for since it came or was last passed
 * over, gets a second chance behind all others. A list in order of use, which a Map seems to offer for nothing, costs more:
 * each hit deletes and inserts, and finding the first entry takes as long as entries were deleted before it.
 */
export class BoundedMap<Value> {
  readonly #maxBytes: number;
  readonly #onGone: (key: string, value: Value) => void;
  readonly #entries = new Map<string, Entry<Value>>();
  /** Goes on where it stopped, so that it never comes past deleted entries twice. */
  #oldest = this.#entries.entries();
  #bytes = 0;

  /** `onGone` is told what goes for want of room. */
  constructor(maxBytes: number, onGone: (key: string, value: Value) => void = () => {}) {
    this.#maxBytes = maxBytes;
    this.#onGone = onGone;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): Value | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    entry.isAsked = true;
    return entry.value;
  }

  /** `bytes`: about what it takes. What does not fit by itself is not kept. */
  set(key: string, value: Value, bytes: number): void {
    if (bytes > this.#maxBytes) return this.delete(key);
    const entry = this.#entries.get(key);
    this.#bytes += bytes - (entry?.bytes ?? 0);
    if (entry === undefined) this.#entries.set(key, { value, bytes, isAsked: false });
    else {
      entry.value = value;
      entry.bytes = bytes;
    }
    while (this.#bytes > this.#maxBytes) this.#passOldest(key);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry === undefined) return;
    this.#entries.delete(key);
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#oldest = this.#entries.entries();
    this.#bytes = 0;
  }

  /** Takes the oldest away, or puts it behind the others; `kept` is what all of it is done for. */
  #passOldest(kept: string): void {
    const oldest = this.#oldest.next();
    if (oldest.done === true) {
      this.#oldest = this.#entries.entries();
      return;
    }
    const [key, entry] = oldest.value;
    this.#entries.delete(key);
    if (entry.isAsked || key === kept) {
      entry.isAsked = false;
      this.#entries.set(key, entry);
      return;
    }
    this.#bytes -= entry.bytes;
    this.#onGone(key, entry.value);
  }
}

interface Entry<Value> {
  value: Value;
  bytes: number;
  isAsked: boolean;
}

const beyondLatin = /[^\u0000-\u00ff]/;

/** What a text takes in memory: with a character beyond Latin, two bytes for each of them. */
export function textBytes(text: string): number {
  return beyondLatin.test(text) ? text.length * 2 : text.length;
}
