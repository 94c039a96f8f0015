import { expect, test } from "bun:test";
import { seededIds } from "../../../src/lib/id.ts";
import { Bloom, bitsPerKey, bloomWords } from "../../../src/store/dedup/bloom.ts";

test("a filter never denies what was added, and says maybe to about one stranger in two hundred", () => {
  const ids = seededIds(11);
  const word = () => Math.floor(ids.random() * 2 ** 32);
  const count = 50_000;
  const bloom = new Bloom(new Int32Array(bloomWords(count)));
  const keys = Array.from({ length: count }, () => [word(), word()] as const);
  for (const [hi, lo] of keys) bloom.add(hi, lo);
  expect(keys.every(([hi, lo]) => bloom.mayHold(hi, lo))).toBe(true);
  const strangers = 200_000;
  let maybe = 0;
  for (let left = strangers; left > 0; left -= 1) if (bloom.mayHold(word(), word())) maybe += 1;
  expect(maybe / strangers).toBeLessThan(0.008);
  expect((32 * bloom.words.length) / count).toBeCloseTo(bitsPerKey, 1);
});

test("the ends of the range have a place too", () => {
  const bloom = new Bloom(new Int32Array(bloomWords(1000)));
  for (const hi of [0, 1, 2 ** 32 - 1]) {
    bloom.add(hi, 2 ** 32 - 1);
    expect(bloom.mayHold(hi, 2 ** 32 - 1)).toBe(true);
  }
});

test("an empty filter holds nothing", () => {
  expect(new Bloom(new Int32Array(bloomWords(0))).mayHold(5, 5)).toBe(false);
});
