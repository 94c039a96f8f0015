/** The encoder against text that tries to break out of an event. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { encodeEvent, encodePosition } from "../../src/esp/sseText.ts";
import { SseParser, type SseEvent } from "../support/sseReader.ts";
import vectors from "../fixtures/sse/injection.json";

/** What a client makes of the text, in pieces of `size` characters. */
function parse(text: string, size = text.length || 1): readonly SseEvent[] {
  const parser = new SseParser();
  for (let at = 0; at < text.length; at += size) parser.push(text.slice(at, at + size));
  return parser.events;
}

interface Vector {
  readonly field: string;
  readonly v: string;
  readonly expect?: string;
}

const cases: readonly Vector[] = vectors.cases;

describe("an event", () => {
  const frame = { id: "3.1", event: "change", data: "{}" };

  test("has one form", () => {
    expect(encodeEvent(frame)).toBe("id: 3.1\nevent: change\ndata: {}\n\n");
    expect(encodePosition("3.1")).toBe("id: 3.1\n\n");
  });

  test.each(cases.filter((vector) => vector.expect !== "refuse"))(
    "holds vector %# as data, and nothing else",
    ({ field, v }) => {
      expect(field).toBe("data");
      const events = parse(encodeEvent({ ...frame, data: v }));
      expect(events).toEqual([{ ...frame, data: v.replaceAll(/\r\n|\r/g, "\n") }]);
    },
  );

  test.each(cases.filter((vector) => vector.expect === "refuse"))("refuses vector %#", ({ field, v }) => {
    expect(() => encodeEvent({ ...frame, [field]: v })).toThrow();
  });

  test("comes out as it went in, whatever the data and the pieces it travels in", () => {
    const character = fc.constantFrom(
      "a",
      "\n",
      "\r",
      ":",
      " ",
      "\0",
      "\u2028",
      "é",
      "😀",
      "data: x",
      "\ufeff",
    );
    fc.assert(
      fc.property(fc.array(character), fc.integer({ min: 1, max: 7 }), (characters, size) => {
        const data = characters.join("");
        const text = encodeEvent({ ...frame, data }) + encodeEvent({ ...frame, id: "3.2" });
        expect(parse(text, size)).toEqual([
          { ...frame, data: data.replaceAll(/\r\n|\r/g, "\n") },
          { ...frame, id: "3.2" },
        ]);
      }),
    );
  });
});

test("a position is dispatched as nothing, but reconnecting goes on from it", () => {
  const parser = new SseParser();
  parser.push(encodeEvent({ id: "3.1", event: "change", data: "{}" }) + encodePosition("3.9"));
  expect(parser.events).toHaveLength(1);
  expect(parser.lastEventId).toBe("3.9");
});
