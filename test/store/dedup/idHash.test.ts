import { describe, expect, test } from "bun:test";
import { erasedMessageId } from "../../../src/store/erase.ts";
import { idHash, seedTag } from "../../../src/store/dedup/idHash.ts";
import { digestOf } from "./idJournal.ts";

function keyOf(source: number, messageId: string, seed = "s"): string {
  const hash = idHash(seed);
  hash.of(source, messageId);
  return `${hash.hi}/${hash.lo}`;
}

describe("the key of a messageId", () => {
  const awkward = ["", "m-1", "é", "日本語", "\0", "a\0b", "🙂", "x".repeat(512), "sha256:", digestOf("m-1")];

  test.each(awkward)("is the same from what erasure leaves: %j", (messageId) => {
    const hash = idHash("s");
    hash.ofErased(3, erasedMessageId(messageId));
    expect(`${hash.hi}/${hash.lo}`).toBe(keyOf(3, messageId));
    expect(erasedMessageId(messageId)).toBe(digestOf(messageId));
  });

  test("does not depend on how the string was made", () => {
    const text = `${["caf", "e"].join("")}-é`;
    const decoded = new TextDecoder().decode(new TextEncoder().encode(text));
    const sliced = `日${text}`.slice(1);
    expect(keyOf(1, decoded)).toBe(keyOf(1, text));
    expect(keyOf(1, sliced)).toBe(keyOf(1, text));
  });

  test("differs by messageId, by source and by journal", () => {
    const keys = [
      keyOf(1, "a"),
      keyOf(1, "b"),
      keyOf(2, "a"),
      keyOf(1, "a", "t"),
      ...awkward.map((id) => keyOf(9, id)),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(seedTag("s")).not.toBe(seedTag("t"));
  });

  test("spreads evenly over both halves", () => {
    const hash = idHash("s");
    const high = Array.from({ length: 64 }, () => 0);
    const low = Array.from({ length: 64 }, () => 0);
    for (let row = 0; row < 64_000; row += 1) {
      hash.of(row % 3, `message-${row}`);
      high[hash.hi >>> 26] = (high[hash.hi >>> 26] ?? 0) + 1;
      low[hash.lo & 63] = (low[hash.lo & 63] ?? 0) + 1;
    }
    // 1,000 to a bin, standard deviation 31: seven of them never happen.
    for (const count of [...high, ...low]) expect(Math.abs(count - 1000)).toBeLessThan(220);
  });
});
