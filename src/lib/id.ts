/** Where fresh identifiers and random bytes come from; injected, so tests can repeat a run. */
export interface Ids {
  /** A new sortable unique id (UUID version 7, RFC 9562), 36 characters. */
  uuid(): string;
  /** `length` random bytes from the system's secure source. */
  randomBytes(length: number): Uint8Array;
  /** A random number in [0, 1), for jitter and sampling; never for secrets. */
  random(): number;
}

/** The machine's own randomness. */
export const systemIds: Ids = {
  uuid: () => Bun.randomUUIDv7(),
  randomBytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
  random: () => Math.random(),
};

/** Ids that count up and a fixed random sequence: the same seed gives the same run. */
export function seededIds(seed: number): Ids {
  let counter = 0;
  let state = seed >>> 0 || 1;
  const random = () => {
    // mulberry32: tiny, well distributed, good enough for tests and simulations.
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
  return {
    uuid: () => {
      counter += 1;
      return `00000000-0000-7000-8000-${counter.toString(16).padStart(12, "0")}`;
    },
    randomBytes: (length) => Uint8Array.from({ length }, () => Math.floor(random() * 256)),
    random,
  };
}
