import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Evidence } from "../../src/model/computed.ts";
import type { Item } from "../../src/model/item.ts";
import { EvidenceTexts } from "../../src/store/evidenceText.ts";

const change = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("append" as const), n: fc.integer({ min: 1, max: 90 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant("shift" as const), n: fc.integer({ min: 1, max: 150 }) }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("insert" as const), n: fc.nat(1_000) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("cut" as const), n: fc.nat(1_000) }) },
);

test("remembered texts say what the evidence says, whatever came and went", () => {
  fc.assert(
    fc.property(fc.array(change, { maxLength: 30 }), (changes) => {
      const texts = new EvidenceTexts();
      const items: Item[] = [];
      let made = 0;
      const item = (): Item => [(made += 1), 0, 0, `m-${made}`, 'we"b', "grün", null, 1.5];
      const evidence: Evidence = {
        folded: 3,
        parts: [[4, 2]],
        events: { "Product Viewed": [items, null], Other: [[item()], null] },
        cart: null,
        orders: null,
      };
      for (const { kind, n } of changes) {
        if (kind === "append") for (let count = 0; count < n; count += 1) items.push(item());
        else if (kind === "shift") items.splice(0, n);
        else if (kind === "insert") items.splice(n % (items.length + 1), 0, item());
        else items.splice(n % (items.length + 1), 1);
        expect(JSON.parse(texts.of(evidence))).toEqual(JSON.parse(JSON.stringify(evidence)));
      }
    }),
    { numRuns: 300 },
  );
});
