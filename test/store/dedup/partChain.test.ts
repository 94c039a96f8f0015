import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { chooseChain, levelOf, nextMerge, type Stretch } from "../../../src/store/dedup/partChain.ts";

const stretch = (afterSeq: number, throughSeq: number): Stretch => ({ afterSeq, throughSeq });

const row = (counts: readonly number[], busy: readonly number[] = []) =>
  counts.map((count, index) => ({
    ...stretch(1000 * index, 1000 * (index + 1)),
    count,
    busy: busy.includes(index),
  }));

describe("the chain of parts", () => {
  const cases: [string, Stretch[], number, { kept: Stretch[]; gaps: Stretch[] }][] = [
    ["nothing", [], 10, { kept: [], gaps: [] }],
    [
      "neighbours in any order",
      [stretch(4, 8), stretch(0, 4)],
      9,
      { kept: [stretch(0, 4), stretch(4, 8)], gaps: [] },
    ],
    [
      "a merged part and what it was made of",
      [stretch(0, 4), stretch(4, 8), stretch(0, 8)],
      9,
      { kept: [stretch(0, 8)], gaps: [] },
    ],
    [
      "a hole",
      [stretch(0, 4), stretch(6, 8)],
      9,
      { kept: [stretch(0, 4), stretch(6, 8)], gaps: [stretch(4, 6)] },
    ],
    ["no beginning", [stretch(2, 4)], 9, { kept: [stretch(2, 4)], gaps: [stretch(0, 2)] }],
    [
      "an overlap",
      [stretch(0, 4), stretch(3, 8), stretch(8, 9)],
      9,
      { kept: [stretch(0, 4), stretch(8, 9)], gaps: [stretch(4, 8)] },
    ],
    ["one ahead of the journal", [stretch(0, 4), stretch(4, 8)], 7, { kept: [stretch(0, 4)], gaps: [] }],
    ["twice the same", [stretch(0, 4), stretch(0, 4)], 7, { kept: [stretch(0, 4)], gaps: [] }],
  ];

  test.each(cases)("of %s", (_name, found, head, expected) => {
    expect(chooseChain(found, head)).toMatchObject(expected);
  });

  test("with its gaps is whole up to its end, whatever was found, and loses no file from sight", () => {
    const any = fc
      .tuple(fc.nat(30), fc.integer({ min: 1, max: 12 }))
      .map(([after, span]) => stretch(after, after + span));
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), fc.nat(40), (found, head) => {
        const { kept, dropped, gaps } = chooseChain(found, head);
        let reached = 0;
        for (const next of [...kept, ...gaps].sort((a, b) => a.afterSeq - b.afterSeq)) {
          expect(next.afterSeq).toBe(reached);
          reached = next.throughSeq;
        }
        expect(reached).toBeLessThanOrEqual(head);
        expect(kept.length + dropped.length).toBe(found.length);
      }),
    );
  });
});

describe("merging", () => {
  const rules = { partSize: 10, fanout: 3 };

  test.each([
    [1, 0],
    [10, 0],
    [29, 0],
    [30, 1],
    [89, 1],
    [90, 2],
  ])("a part of %d ids is of level %d", (count, level) => {
    expect(levelOf(count, rules)).toBe(level);
  });

  test.each([
    ["too few", [10, 10], [], null],
    ["three of a level", [10, 11, 10], [], { first: 0, lane: 0 }],
    ["three of a level behind a larger one", [30, 10, 10, 10], [], { first: 1, lane: 0 }],
    ["levels mixed", [30, 10, 30, 10], [], null],
    ["one of them busy", [10, 10, 10], [1], null],
  ])("with %s", (_name, counts, busy, expected) => {
    expect(nextMerge(row(counts, busy), rules, new Set())).toEqual(expected);
  });

  test("waits for its lane", () => expect(nextMerge(row([10, 10, 10]), rules, new Set([0]))).toBeNull());

  test("tidies up once odd sizes leave too many", () => {
    const odd = Array.from({ length: 25 }, (_, index) => (index % 2 === 0 ? 30 : 10));
    expect(nextMerge(row(odd.slice(1)), rules, new Set())).toBeNull();
    expect(nextMerge(row(odd), rules, new Set())).toEqual({ first: 1, lane: -1 });
  });

  test("never makes a part of more than 2^27 ids or 2^32 seqs", () => {
    expect(nextMerge(row([2 ** 26, 2 ** 26, 2 ** 26]), rules, new Set())).toBeNull();
    const wide = [0, 1, 2].map((index) => ({
      ...stretch(2 ** 31 * index, 2 ** 31 * (index + 1)),
      count: 10,
      busy: false,
    }));
    expect(nextMerge(wide, rules, new Set())).toBeNull();
  });
});
