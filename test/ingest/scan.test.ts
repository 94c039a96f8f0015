import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { holdsProtoKey, scanBatch, scanValue, skipSpace } from "../../src/ingest/scan.ts";

const bytesOf = (text: string) => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes);

/** Nesting of a parsed value, found the slow way. */
function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function hasProtoKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return false;
  return Object.keys(value).includes("__proto__") || Object.values(value).some(hasProtoKey);
}

const numbers = [
  "0",
  "-0",
  "1.5",
  "1e5",
  "-2E-3",
  "1e999",
  "-1E+400",
  "123456789012345678901234567890",
  "0.1",
  "9".repeat(320),
  `0.${"9".repeat(320)}`,
];
const strings = [
  "",
  "a",
  "__proto__",
  "batch",
  "\\u005f\\u005fproto__",
  "\\\\",
  '\\"',
  "}]{[,:",
  "é😀",
  "\\ud800",
  " ",
  "constructor",
];

/** JSON as text, with white space, escapes, big numbers and keys that stand twice; `keys` counts those of the outer object. */
const jsonText = fc.letrec<{ value: string; space: string; key: string }>((tie) => ({
  space: fc.constantFrom("", "", "", " ", "\n\t"),
  key: fc.constantFrom(...strings).map((text) => `"${text}"`),
  value: fc.oneof(
    { depthSize: "medium", withCrossShrink: true },
    fc.constantFrom(...numbers),
    fc.constantFrom("true", "false", "null"),
    fc.constantFrom(...strings).map((text) => `"${text}"`),
    fc.string({ unit: "grapheme" }).map((text) => JSON.stringify(text)),
    fc
      .tuple(fc.array(tie("value"), { maxLength: 4 }), tie("space"))
      .map(([items, space]) => `[${space}${items.join(`${space},${space}`)}${space}]`),
    fc
      .tuple(fc.array(fc.tuple(tie("key"), tie("value")), { maxLength: 4 }), tie("space"))
      .map(
        ([members, space]) =>
          `{${space}${members.map(([key, value]) => `${key}${space}:${space}${value}`).join(`,${space}`)}${space}}`,
      ),
  ),
})).value;

describe("the scan of a value", () => {
  test("agrees with JSON.parse on depth, end and numbers, whatever stands around it", () => {
    fc.assert(
      fc.property(jsonText, fc.constantFrom("", " ", "\r\n"), (text, space) => {
        const bytes = bytesOf(`${space}${text}${space}`);
        const scanned = scanValue(bytes, skipSpace(bytes, 0));
        const parsed: unknown = JSON.parse(text);
        // A key that stands twice hides its first value from JSON.parse, so the text may be deeper.
        const shown = textOf(bytes.subarray(scanned.start, scanned.end));
        expect(shown.trimEnd()).toBe(text);
        expect(scanned.depth).toBeGreaterThanOrEqual(depthOf(parsed));
        if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed))
          expect(scanned.keys).toBeGreaterThanOrEqual(Object.keys(parsed).length);
        if (
          JSON.stringify(parsed, (_key, value: unknown) =>
            value === Infinity || value === -Infinity ? "infinite" : value,
          )?.includes('"infinite"')
        )
          expect(scanned.infinite).toBe(true);
        if (hasProtoKey(parsed)) expect(holdsProtoKey(bytes, 0, bytes.length)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test("agrees exactly where no key stands twice", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 8 }), fc.constantFrom(undefined, 1, "\t"), (value, indent) => {
        const bytes = bytesOf(JSON.stringify(value, null, indent));
        const scanned = scanValue(bytes, 0);
        expect(scanned.end).toBe(bytes.length);
        expect(scanned.depth).toBe(depthOf(value));
        expect(scanned.infinite).toBe(false);
        const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
        if (isObject) expect(scanned.keys).toBe(Object.keys(value).length);
        expect(holdsProtoKey(bytes, 0, bytes.length)).toBe(hasProtoKey(value));
      }),
      { numRuns: 1_000 },
    );
  });

  test("ends within bounds on anything", () => {
    const bits = fc.constantFrom(
      "{",
      "}",
      "[",
      "]",
      ",",
      ":",
      '"',
      "\\",
      "1",
      "-",
      "e",
      "9e999",
      " ",
      "a",
      '"batch"',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          fc.array(bits, { maxLength: 30 }).map((parts) => bytesOf(parts.join(""))),
        ),
        (bytes) => {
          const scanned = scanValue(bytes, 0);
          expect(scanned.end).toBeLessThanOrEqual(bytes.length);
          const batch = scanBatch(bytes, 10);
          for (const element of batch?.elements ?? []) expect(element.end).toBeLessThanOrEqual(bytes.length);
          holdsProtoKey(bytes, 0, bytes.length);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

describe("the scan of a batch", () => {
  test("finds each element's own text", () => {
    fc.assert(
      fc.property(
        fc.array(jsonText, { maxLength: 5 }),
        fc.array(fc.tuple(fc.constantFrom('"a"', '"b\\u0061tches"', '"sentAt"'), jsonText), { maxLength: 2 }),
        fc.constantFrom("", " "),
        fc.boolean(),
        (elements, around, space, last) => {
          const batch = `${space}"batch"${space}:${space}[${space}${elements.join(`${space},${space}`)}${space}]`;
          const others = around.map(([key, value]) => `${key}:${space}${value}`);
          const body = `${space}{${(last ? [...others, batch] : [batch, ...others]).join(",")}${space}}`;
          const scanned = scanBatch(bytesOf(body), 5);
          expect(scanned?.tooMany).toBe(false);
          expect(scanned?.keys).toBe(1 + others.length);
          expect(
            scanned?.elements.map(({ start, end }) => textOf(bytesOf(body).subarray(start, end)).trimEnd()),
          ).toEqual(elements);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("stops at the limit", () => {
    expect(scanBatch(bytesOf('{"batch":[1,2,3]}'), 3)?.tooMany).toBe(false);
    expect(scanBatch(bytesOf('{"batch":[1,2,3,4'), 3)?.tooMany).toBe(true);
  });
});
