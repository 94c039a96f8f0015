/** Keys and seqs in the order in which they came: the raw material of a part. Grows by doubling. */
export class IdColumns {
  hi: Uint32Array;
  lo: Uint32Array;
  seq: Float64Array;
  count = 0;

  constructor(capacity: number) {
    this.hi = new Uint32Array(capacity);
    this.lo = new Uint32Array(capacity);
    this.seq = new Float64Array(capacity);
  }

  push(hi: number, lo: number, seq: number): void {
    if (this.count === this.hi.length) this.#grow();
    this.hi[this.count] = hi;
    this.lo[this.count] = lo;
    this.seq[this.count] = seq;
    this.count += 1;
  }

  #grow(): void {
    const { hi, lo, seq } = this;
    const capacity = Math.max(16, 2 * hi.length);
    this.hi = new Uint32Array(capacity);
    this.lo = new Uint32Array(capacity);
    this.seq = new Float64Array(capacity);
    this.hi.set(hi);
    this.lo.set(lo);
    this.seq.set(seq);
  }
}

const digitBits = 11;
const digits = 1 << digitBits;

/** The entry numbers of `columns` in ascending order of `hi`, equal ones as they came (radix sort, three passes). */
export function sortedOrder(columns: IdColumns): Uint32Array {
  const { hi, count } = columns;
  let from = new Uint32Array(count);
  let to = new Uint32Array(count);
  for (let index = 0; index < count; index += 1) from[index] = index;
  const starts = new Uint32Array(digits);
  for (let shift = 0; shift < 32; shift += digitBits) {
    countDigits(hi, count, shift, starts);
    for (let index = 0; index < count; index += 1) {
      const entry = from[index] ?? 0;
      const digit = ((hi[entry] ?? 0) >>> shift) & (digits - 1);
      const place = starts[digit] ?? 0;
      to[place] = entry;
      starts[digit] = place + 1;
    }
    [from, to] = [to, from];
  }
  return from;
}

/** Fills `starts` with the place where each digit's run begins. */
function countDigits(hi: Uint32Array, count: number, shift: number, starts: Uint32Array): void {
  starts.fill(0);
  for (let index = 0; index < count; index += 1) {
    const digit = ((hi[index] ?? 0) >>> shift) & (digits - 1);
    starts[digit] = (starts[digit] ?? 0) + 1;
  }
  let place = 0;
  for (let digit = 0; digit < digits; digit += 1) {
    const size = starts[digit] ?? 0;
    starts[digit] = place;
    place += size;
  }
}
