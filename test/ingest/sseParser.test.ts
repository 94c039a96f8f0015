import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeEvent } from "../../src/esp/sseText.ts";
import { SseParser, type SseMessage } from "../../src/ingest/sseParser.ts";
import vectors from "../fixtures/sse/parsing.json" with { type: "json" };

const brief = ({ type, data, lastEventId }: SseMessage) => [type, data, lastEventId];

function parse(...pieces: readonly string[]): string[][] {
  const parser = new SseParser(1_000);
  return pieces.flatMap((piece) => parser.push(piece)).map(brief);
}

describe("the algorithm", () => {
  test.each(vectors.cases.map(({ name, text, events }) => [name, text, events] as const))(
    "%s",
    (_name, text, events) => {
      expect(parse(text)).toEqual(events);
      expect(parse(...text.split(""))).toEqual(events);
    },
  );

  test.each(vectors.retries.map(({ text, retryMs }) => [text, retryMs] as const))(
    "%j waits %p",
    (text, retryMs) => {
      const parser = new SseParser(1_000);
      parser.push(text);
      expect(parser.retryMs).toBe(retryMs);
    },
  );
});

test("where pieces end makes no difference", () => {
  const part = fc.constantFrom(
    "data: a",
    "data",
    "id: 1",
    "id",
    "event: x",
    ": c",
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "é",
    ":",
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 60 }), fc.array(fc.nat(300)), (parts, cuts) => {
      const text = parts.join("");
      const at = [...new Set(cuts.filter((cut) => cut < text.length)), 0, text.length].sort((a, b) => a - b);
      const pieces = at.slice(1).map((end, index) => text.slice(at[index] ?? 0, end));
      expect(parse(...pieces)).toEqual(parse(text));
    }),
  );
});

test("what our own encoder writes is read back", () => {
  const data = fc.string({ unit: "grapheme", maxLength: 100 });
  fc.assert(
    fc.property(fc.array(fc.tuple(data, fc.nat()), { maxLength: 10 }), (events) => {
      const text = events
        .map(([value, id]) => encodeEvent({ event: "change", id: String(id), data: value }))
        .join("");
      const lines = (value: string) => value.replaceAll(/\r\n|\r/g, "\n");
      expect(parse(text)).toEqual(events.map(([value, id]) => ["change", lines(value), String(id)]));
    }),
  );
});

describe("bounds", () => {
  test.each([
    ["one long line", `data: ${"x".repeat(50_000)}\n\n`],
    ["many lines", `${"data: xx\n".repeat(50_000)}\n`],
    ["many empty lines", `${"data\n".repeat(50_000)}\n`],
  ])("%s is cut a little behind the limit, and the next event is whole", (_what, text) => {
    const parser = new SseParser(1_000);
    const [long, next] = parser.push(`${text}data: next\n\n`);
    expect(long?.data.length).toBeGreaterThan(1_000);
    expect(long?.data.length).toBeLessThan(1_010);
    expect(next?.data).toBe("next");
  });

  test("data of exactly the limit is whole", () => {
    expect(new SseParser(1_000).push(`data: ${"x".repeat(1_000)}\n\n`)[0]?.data).toHaveLength(1_000);
  });

  test("an id too long to be sent back does not count", () => {
    const parser = new SseParser(5_000);
    expect(parser.push(`id: 1\ndata: a\n\nid: ${"9".repeat(1_025)}\ndata: b\n\n`).map(brief)).toEqual([
      ["message", "a", "1"],
      ["message", "b", "1"],
    ]);
  });
});
