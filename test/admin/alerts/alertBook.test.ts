import { expect, test } from "bun:test";
import fc from "fast-check";
import { AlertBook } from "../../../src/admin/alerts/alertBook.ts";
import type { Condition } from "../../../src/admin/alerts/condition.ts";

const wrong = (id = "disk", value = 1): Condition => ({
  id,
  kind: "disk",
  source: null,
  sentence: `${id} is wrong`,
  value,
  threshold: 5,
});

/** What is told when `pattern` says, a letter a second, what is wrong (x) and well (.). */
function told(pattern: string, patience = { raiseAfterMs: 3_000, clearAfterMs: 2_000 }): string[] {
  const book = new AlertBook(patience);
  return pattern
    .split("")
    .flatMap((letter, second) =>
      book.note(letter === "x" ? [wrong()] : [], second * 1_000).map(({ kind }) => `${second} ${kind}`),
    );
}

test.each([
  ["xxx.....", []],
  ["xxxx", ["3 raised"]],
  ["xx.xx.xx.xxx.", []],
  ["xxxxxxxx", ["3 raised"]],
  ["xxxx.x.x.x", ["3 raised"]],
  ["xxxx...", ["3 raised", "6 cleared"]],
  ["xxxx...xxxx...", ["3 raised", "6 cleared", "10 raised", "13 cleared"]],
] as const)("%s tells %j", (pattern, expected) => expect(told(pattern)).toEqual([...expected]));

test("without patience everything is told at once", () => {
  expect(told("x.x", { raiseAfterMs: 0, clearAfterMs: 0 })).toEqual(["0 raised", "1 cleared", "2 raised"]);
});

test("raised and cleared take turns, whatever happens, and the book agrees", () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 60 }), fc.nat(5), fc.nat(5), (states, raise, clear) => {
      const book = new AlertBook({ raiseAfterMs: raise * 1_000, clearAfterMs: clear * 1_000 });
      let isRaised = false;
      let cleared = 0;
      for (const [second, isWrong] of states.entries()) {
        for (const { kind } of book.note(isWrong ? [wrong()] : [], second * 1_000)) {
          expect(kind).toBe(isRaised ? "cleared" : "raised");
          isRaised = !isRaised;
          if (!isRaised) cleared += 1;
        }
        expect(book.current).toHaveLength(isRaised ? 1 : 0);
        expect(book.history).toHaveLength(cleared);
      }
    }),
  );
});

test("an alert shows the newest value, since when, and how it ended", () => {
  const book = new AlertBook({ raiseAfterMs: 0, clearAfterMs: 0 });
  book.note([wrong("disk", 4), wrong("latency", 7)], 1_000);
  book.note([wrong("disk", 2), wrong("latency", 7)], 2_000);
  expect(book.current.map(({ id, value, raisedAtMs }) => [id, value, raisedAtMs])).toEqual([
    ["disk", 2, 1_000],
    ["latency", 7, 1_000],
  ]);
  book.note([wrong("latency", 7)], 3_000);
  expect(book.current.map(({ id }) => id)).toEqual(["latency"]);
  expect(book.history).toEqual([
    {
      id: "disk",
      kind: "disk",
      source: null,
      sentence: "disk is wrong",
      value: 2,
      threshold: 5,
      raisedAtMs: 1_000,
      clearedAtMs: 3_000,
    },
  ]);
});
