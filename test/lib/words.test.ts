import { describe, expect, test } from "bun:test";
import { parseByteSize } from "../../src/lib/byteSize.ts";
import { parseDuration } from "../../src/lib/duration.ts";
import { nearest } from "../../src/lib/nearest.ts";

describe("durations", () => {
  test.each([
    ["0ms", 0],
    ["500ms", 500],
    ["10s", 10_000],
    ["5m", 300_000],
    ["2h", 7_200_000],
    ["7d", 604_800_000],
  ])("%s is %d ms", (text, durationMs) => expect(parseDuration(text)).toBe(durationMs));

  test.each(["", "5", "5 s", "s", "1.5s", "-5s", "5S", "5sec", "999999999999d", "5s5s"])(
    "%p is none",
    (text) => expect(parseDuration(text)).toBeNull(),
  );
});

describe("sizes", () => {
  test.each([
    ["1B", 1],
    ["32KB", 32_768],
    ["64MB", 67_108_864],
    ["1GB", 1_073_741_824],
  ])("%s is %d bytes", (text, bytes) => expect(parseByteSize(text)).toBe(bytes));

  test.each(["", "5", "5 MB", "5mb", "1.5MB", "999999999999GB"])("%p is none", (text) =>
    expect(parseByteSize(text)).toBeNull(),
  );
});

describe("the nearest name", () => {
  const names = ["port", "host", "publicUrl", "maxStreams"];
  test.each([
    ["prot", "port"],
    ["PORT", "port"],
    ["hots", "host"],
    ["publicURLs", "publicUrl"],
    ["maxStream", "maxStreams"],
    ["colour", null],
    ["x".repeat(1_000), null],
  ])("to %p is %p", (name, expected) => expect(nearest(name, names)).toBe(expected));
});
