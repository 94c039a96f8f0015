import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { Evidence } from "../../src/model/computed.ts";
import type { Item } from "../../src/model/item.ts";
import { EvidencePieces, pieceItems, type PutPiece, type TextPart } from "../../src/store/evidencePieces.ts";

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

const step = fc.record({ change, isReadAnew: fc.boolean() });

test("what is stored says what the evidence says, whatever came and went, and keeps no piece too many", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      const stored = new Map<number, string>();
      const put = (number: number, text: string | null) => {
        if (text === null) stored.delete(number);
        else stored.set(number, text);
      };
      const read = (number: number): string => {
        const text = stored.get(number);
        if (text === undefined) throw new Error(`no piece ${number}`);
        return text;
      };
      let made = 0;
      const item = (): Item => [(made += 1), 0, 0, `m-${made}`, 'we"b', "grün", null, 1.5];
      let pieces = new EvidencePieces();
      let evidence: Evidence = {
        folded: 3,
        parts: [[4, 2]],
        events: { "Product Viewed": [[], null], Other: [[item()], null] },
        cart: null,
        orders: null,
      };
      for (const { change: edited, isReadAnew } of steps) {
        edit(evidence.events["Product Viewed"]?.[0] ?? [], edited, item);
        const text = textOf(pieces, evidence, put);
        const completed = JSON.parse(text) as Evidence;
        const readers = new EvidencePieces();
        readers.complete(completed, read);
        expect(completed).toEqual(JSON.parse(JSON.stringify(evidence)));
        expect(piecesIn(text)).toEqual([...stored.keys()].sort((left, right) => left - right));
        if (isReadAnew) [pieces, evidence] = [readers, completed];
      }
      pieces.clear(put);
      expect(stored.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test("a profile of hundreds of items is written down in a few", () => {
  const items: Item[] = [];
  const events = { "Product Viewed": [items, null] as [Item[], null] };
  const evidence: Evidence = { folded: 0, parts: [], events, cart: null, orders: null };
  const pieces = new EvidencePieces();
  for (let number = 0; number < 1_500; number += 1) {
    items.push([number, 0, 0, `m-${number}`, "web"]);
    if (items.length > 1_000) items.shift();
    let written = 0;
    const text = textOf(pieces, evidence, (_number, piece) => {
      written += piece === null ? 0 : (JSON.parse(piece) as unknown[]).length;
    });
    const parsed = JSON.parse(text) as { readonly events: Record<string, [unknown[], null]> };
    const inText = parsed.events["Product Viewed"]?.[0].filter((entry) => typeof entry !== "number") ?? [];
    expect(inText.length + written).toBeLessThanOrEqual(pieceItems + 4);
  }
});

function textOf(pieces: EvidencePieces, evidence: Evidence, put: PutPiece): string {
  const parts: TextPart[] = [];
  pieces.write("", evidence, parts, put);
  return parts
    .map((part) => (typeof part === "string" ? part : part.bytes.toString("utf8", 0, part.length)))
    .join("");
}

function edit(items: Item[], { kind, n }: { kind: string; n: number }, item: () => Item): void {
  if (kind === "append") for (let count = 0; count < n; count += 1) items.push(item());
  else if (kind === "shift") items.splice(0, n);
  else if (kind === "insert") items.splice(n % (items.length + 1), 0, item());
  else items.splice(n % (items.length + 1), 1);
}

/** The numbers of the pieces that a profile's text names. */
function piecesIn(text: string): number[] {
  const { events } = JSON.parse(text) as { readonly events: Record<string, [(number | Item)[], null]> };
  const numbers = Object.values(events).flatMap(([entries]) =>
    entries.filter((entry) => typeof entry === "number").slice(1),
  );
  return numbers.sort((left, right) => left - right);
}
