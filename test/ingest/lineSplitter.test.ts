import { expect, test } from "bun:test";
import fc from "fast-check";
import { packLines, unpackLines } from "../../src/ingest/lines.ts";
import { LineSplitter } from "../../src/ingest/lineSplitter.ts";

const limitBytes = 20;

/** What a splitter makes of some chunks, as `number:text`. */
function linesOf(chunks: readonly Uint8Array[]): string[] {
  const splitter = new LineSplitter(limitBytes);
  for (const chunk of chunks) splitter.push(chunk);
  splitter.end();
  return splitter
    .take(1_000, 1_000_000)
    .map(({ number, text }) => `${number}:${Buffer.from(text).toString("utf8")}`);
}

const bytes = (text: string) => new TextEncoder().encode(text);

test.each([
  ["", []],
  ["a", ["1:a"]],
  ["a\n", ["1:a"]],
  ["a\r\nb\r\n", ["1:a", "2:b"]],
  ["\n \t\r\n\na", ["4:a"]],
  ["a\rb\n", ["1:a\rb"]],
  [
    `${"x".repeat(20)}\n${"y".repeat(21)}\n${"z".repeat(500)}\nq`,
    [`1:${"x".repeat(20)}`, `2:${"y".repeat(21)}`, `3:${"z".repeat(21)}`, "4:q"],
  ],
] as const)("%j", (text, expected) => expect(linesOf([bytes(text)])).toEqual([...expected]));

test("where chunks end makes no difference", () => {
  const piece = fc.constantFrom("a", "é", "\n", "\r\n", " ", "0123456789", "{}");
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), fc.array(fc.nat(200)), (pieces, cuts) => {
      const whole = bytes(pieces.join(""));
      const at = [...new Set(cuts.filter((cut) => cut < whole.length)), 0, whole.length].sort(
        (a, b) => a - b,
      );
      const chunks = at.slice(1).map((end, index) => whole.subarray(at[index] ?? 0, end));
      expect(linesOf(chunks)).toEqual(linesOf([whole]));
    }),
  );
});

test("no more is taken at once than asked for, but always one", () => {
  const splitter = new LineSplitter(limitBytes);
  splitter.push(bytes("aaaa\nbbbb\ncc\n"));
  expect(splitter.take(1, 100)).toHaveLength(1);
  expect(splitter.take(5, 5)).toHaveLength(1);
  expect(splitter.take(5, 1)).toHaveLength(1);
  expect(splitter.take(5, 1)).toEqual([]);
});

test("what is packed for the writer comes out of it again, whatever it holds", () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 50 })),
      fc.nat(),
      fc.option(fc.string()),
      (texts, first, lastEventId) => {
        const lines = unpackLines(packLines({ first, texts, lastEventId }));
        expect(lines.first).toBe(first);
        expect(lines.lastEventId).toBe(lastEventId);
        expect(lines.texts.map((text) => [...text])).toEqual(texts.map((text) => [...text]));
      },
    ),
  );
});
