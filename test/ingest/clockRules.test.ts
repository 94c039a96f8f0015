import { describe, expect, test } from "bun:test";
import { decideTime, parseIsoTime, type GivenTimes } from "../../src/ingest/clockRules.ts";

const receivedAt = "2026-11-24T09:00:00.000Z";
const receivedAtMs = Date.parse(receivedAt);

function decided(given: GivenTimes, batchSentAt?: unknown): string {
  const time = decideTime(given, batchSentAt, receivedAtMs);
  if (time.kind === "problem") return time.error.code;
  return `${new Date(time.timestampMs).toISOString()}${time.setAside === null ? "" : ` for ${time.setAside}`}`;
}

describe("an event's time", () => {
  const cases: readonly (readonly [what: string, given: GivenTimes, batchSentAt: unknown, time: string])[] = [
    ["is the receipt without any", {}, undefined, receivedAt],
    [
      "is the receipt for empty ones",
      { timestamp: "", originalTimestamp: null, sentAt: "" },
      undefined,
      receivedAt,
    ],
    ["is the receipt with sentAt alone", { sentAt: "2026-11-24T01:00:00Z" }, undefined, receivedAt],
    [
      "is the timestamp as given",
      { timestamp: "2026-01-02T03:04:05.678Z" },
      undefined,
      "2026-01-02T03:04:05.678Z",
    ],
    [
      "… also with sentAt",
      { timestamp: "2026-01-02T03:04:05.678Z", sentAt: "2026-01-02T03:04:06Z" },
      "2026-01-02T03:04:07Z",
      "2026-01-02T03:04:05.678Z",
    ],
    [
      "… also beside originalTimestamp",
      {
        timestamp: "2026-01-02T03:04:05.678Z",
        originalTimestamp: "2026-11-24T07:00:00Z",
        sentAt: "2026-11-24T07:00:01Z",
      },
      undefined,
      "2026-01-02T03:04:05.678Z",
    ],
    [
      "is originalTimestamp without sentAt",
      { originalTimestamp: "2026-11-24T08:00:00Z" },
      undefined,
      "2026-11-24T08:00:00.000Z",
    ],
    [
      "is corrected with sentAt, clock behind",
      { originalTimestamp: "2020-01-01T00:00:00.000Z", sentAt: "2020-01-01T00:00:02.500Z" },
      undefined,
      "2026-11-24T08:59:57.500Z",
    ],
    [
      "is corrected with sentAt, clock ahead",
      { originalTimestamp: "2031-01-01T00:00:00.000Z", sentAt: "2031-01-01T00:00:02.500Z" },
      undefined,
      "2026-11-24T08:59:57.500Z",
    ],
    [
      "is corrected with the batch's sentAt",
      { originalTimestamp: "2020-01-01T00:00:00Z" },
      "2020-01-01T00:00:10Z",
      "2026-11-24T08:59:50.000Z",
    ],
    [
      "prefers its own sentAt",
      { originalTimestamp: "2020-01-01T00:00:00Z", sentAt: "2020-01-01T00:00:01Z" },
      "2020-01-01T00:00:10Z",
      "2026-11-24T08:59:59.000Z",
    ],
    [
      "may be 5 minutes ahead",
      { timestamp: "2026-11-24T09:05:00.000Z" },
      undefined,
      "2026-11-24T09:05:00.000Z",
    ],
    [
      "may not be more",
      { timestamp: "2026-11-24T09:05:00.001Z" },
      undefined,
      `${receivedAt} for 2026-11-24T09:05:00.001Z`,
    ],
    [
      "may not be more, corrected",
      { originalTimestamp: "2026-11-24T12:00:00Z", sentAt: "2026-11-24T11:00:00Z" },
      undefined,
      `${receivedAt} for 2026-11-24T12:00:00Z`,
    ],
    [
      "does not fall before 1970",
      { originalTimestamp: "1970-01-01T00:00:00Z", sentAt: "2027-01-01T00:00:00Z" },
      undefined,
      "1970-01-01T00:00:00.000Z",
    ],
    ["may not lie before 1970", { timestamp: "1969-12-31T23:59:59.999Z" }, undefined, "invalid_event"],
    ["must be readable", { timestamp: "24.11.2026" }, undefined, "invalid_event"],
    ["must be text", { timestamp: receivedAtMs }, undefined, "invalid_event"],
    ["must have a readable sentAt", { originalTimestamp: "2026-11-24T08:00:00Z" }, 5, "invalid_event"],
  ];

  test.each(cases)("%s", (_what, given, batchSentAt, time) => {
    expect(decided(given, batchSentAt)).toBe(time);
  });
});

describe("a readable time", () => {
  test.each([
    ["2026-11-24T09:00:00.123Z", "2026-11-24T09:00:00.123Z"],
    ["2026-11-24T09:00:00Z", "2026-11-24T09:00:00.000Z"],
    ["2026-11-24t09:00:00z", "2026-11-24T09:00:00.000Z"],
    ["2026-11-24 09:00:00Z", "2026-11-24T09:00:00.000Z"],
    ["2026-11-24 09:00:00.000Z", "2026-11-24T09:00:00.000Z"],
    ["2026-11-24T09:00Z", "2026-11-24T09:00:00.000Z"],
    ["2026-11-24T09:00:00", "2026-11-24T09:00:00.000Z"],
    ["2026-11-24", "2026-11-24T00:00:00.000Z"],
    ["2026-11-24T09:00:00+02:00", "2026-11-24T07:00:00.000Z"],
    ["2026-11-24T09:00:00-0230", "2026-11-24T11:30:00.000Z"],
    ["2026-11-24T09:00:00+02", "2026-11-24T07:00:00.000Z"],
    ["1970-01-01T01:00:00+01:00", "1970-01-01T00:00:00.000Z"],
    ["1969-12-31T23:00:00-01:00", "1970-01-01T00:00:00.000Z"],
    ["2026-11-24T09:00:00.1Z", "2026-11-24T09:00:00.100Z"],
    ["2026-11-24T09:00:00.123456789Z", "2026-11-24T09:00:00.123Z"],
    ["2026-11-24T09:00:00.999999+00:00", "2026-11-24T09:00:00.999Z"],
    ["2028-02-29T00:00:00.000Z", "2028-02-29T00:00:00.000Z"],
    ["2016-12-31T23:59:60Z", "2017-01-01T00:00:00.000Z"],
    ["9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"],
  ])("%s", (text, time) => {
    expect(new Date(parseIsoTime(text)).toISOString()).toBe(time);
  });

  test.each([
    "",
    "now",
    "2026",
    "2026-11",
    "2026-13-01",
    "2026-00-01",
    "2026-02-29",
    "2100-02-29",
    "2026-04-31",
    "2026-11-24T24:00:00Z",
    "2026-11-24T09:60:00Z",
    "2026-11-24T09:00:61Z",
    "2026-11-24T09Z",
    "2026-11-24T09:00:00.Z",
    "2026-11-24T09:00:00 Z",
    "2026-11-24T09:00:00+25:00",
    "+02026-11-24",
    "-000001-01-01",
    "2026-11-24T09:00:00.00xZ",
    "2026-1x-24T09:00:00.000Z",
    " 2026-11-24",
    "2026-11-24T09:00:00.000Z ",
    "20261124T090000Z",
    "Tue, 24 Nov 2026 09:00:00 GMT",
    "0001-01-01T00:00:00Z",
    "٢٠٢٦-١١-٢٤",
    `2026-11-24T09:00:00.${"1".repeat(50)}Z`,
  ])("is not %p", (text) => {
    expect(parseIsoTime(text)).toBeNaN();
  });

  test.each([[0], [1_795_504_000], [null], [undefined], [true], [{}], [new Date()]])(
    "is not %p, which is no text",
    (value) => {
      expect(parseIsoTime(value)).toBeNaN();
    },
  );
});
