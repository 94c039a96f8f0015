import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { IdColumns, sortedOrder } from "../../../src/store/dedup/idColumns.ts";

test("entries are ordered by hi, equal ones as they came", () => {
  const word = fc.oneof(fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.integer({ min: 0, max: 3 }));
  fc.assert(
    fc.property(fc.array(word, { maxLength: 300 }), (words) => {
      const columns = new IdColumns(1);
      words.forEach((hi, index) => columns.push(hi, 0, index + 1));
      const expected = words
        .map((hi, index) => ({ hi, index }))
        .sort((a, b) => a.hi - b.hi || a.index - b.index);
      expect([...sortedOrder(columns)]).toEqual(expected.map(({ index }) => index));
    }),
  );
});
