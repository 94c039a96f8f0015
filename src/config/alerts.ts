/** The alerts block of freshet.yaml. */
import { z } from "zod";
import { assert } from "../lib/assert.ts";
import { parseByteSize } from "../lib/byteSize.ts";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { byteSize, duration, integer } from "./option.ts";

/** When something counts as wrong, and who is told. */
export interface AlertSettings {
  readonly webhook: string | null;
  readonly raiseAfterMs: number;
  readonly clearAfterMs: number;
  /** 0: never. */
  readonly quietAfterMs: number;
  readonly quietAfterMsBySource: Readonly<Record<string, number>>;
  readonly quarantinePercent: number;
  readonly latencyMs: number;
  readonly destinationLagMs: number;
  readonly destinationErrorPercent: number;
  readonly deadLetters: number;
  readonly driftPercent: number;
  readonly diskFreeBytes: number;
}

const alertsShape = {
  webhook: z.string().refine(isHttpUrl).optional().meta({
    description: "Where alerts are POSTed to as JSON; without it they are logged and shown only.",
    expected: "a URL that begins with https:// or http://",
  }),
  raiseAfter: duration({
    description: "How long something must be wrong before its alert is raised.",
  }).default("30s"),
  clearAfter: duration({
    description: "How long it must be well again before its alert is cleared.",
  }).default("2m"),
  quietAfter: duration({
    description: "A source that has sent before and then sends nothing for so long is quiet; 0s: never.",
  }).default("6h"),
  quiet: z
    .record(z.string(), z.string().regex(durationPattern, { abort: true }).refine(isDuration))
    .default({})
    .meta({
      description: "The same for some sources, by name: `{ shop: 15m }`; 0s: never.",
      expected: "a map of source names and durations such as 15m",
    }),
  quarantinePercent: integer({
    min: 1,
    max: 100,
    description: "Share of a minute's events that go to the quarantine, in percent (from ten events on).",
  }).default(5),
  latency: duration({
    description: "Time from the receipt of an event until it can be read, 99th percentile of a minute.",
  }).default("2s"),
  destinationLag: duration({
    description: "Age of the oldest thing that a destination has not got; 0s: never.",
  }).default("15m"),
  destinationErrorPercent: integer({
    min: 1,
    max: 100,
    description: "Share of a minute's rows to a destination that fail, in percent (from ten rows on).",
  }).default(25),
  deadLetters: integer({
    min: 1,
    max: 1_000_000,
    description: "So many dead letters of a destination.",
  }).default(1),
  driftPercent: integer({
    min: 1,
    max: 100,
    description: "Share of the profiles read back from a destination that differ there, in percent.",
  }).default(2),
  diskFree: byteSize({ description: "Least free space on the data folder's disk." }).default("1GB"),
} as const;

/** The block; everything in it has a default. */
export const alertsSchema = z.strictObject(alertsShape);

/** One key of the block, for docs and messages. */
export interface AlertKey {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
  readonly defaultValue: unknown;
}

/** Every key of the block. */
export const alertKeys: readonly AlertKey[] = Object.entries(alertsShape).map(([key, schema]) => {
  const inner: unknown = schema instanceof z.ZodDefault ? schema.def.innerType : schema;
  const meta = { ...(inner instanceof z.ZodType ? inner.meta() : {}), ...schema.meta() };
  return {
    key,
    description: String(meta["description"]),
    expected: String(meta["expected"]),
    defaultValue: schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined,
  };
});

/** The settings that a checked block stands for. */
export function alertSettings(block: z.output<typeof alertsSchema> | undefined): AlertSettings {
  const values = alertsSchema.parse(block ?? {});
  return {
    webhook: values.webhook ?? null,
    raiseAfterMs: milliseconds(values.raiseAfter),
    clearAfterMs: milliseconds(values.clearAfter),
    quietAfterMs: milliseconds(values.quietAfter),
    quietAfterMsBySource: Object.fromEntries(
      Object.entries(values.quiet).map(([source, text]) => [source, milliseconds(text)]),
    ),
    quarantinePercent: values.quarantinePercent,
    latencyMs: milliseconds(values.latency),
    destinationLagMs: milliseconds(values.destinationLag),
    destinationErrorPercent: values.destinationErrorPercent,
    deadLetters: values.deadLetters,
    driftPercent: values.driftPercent,
    diskFreeBytes: bytes(values.diskFree),
  };
}

/** True for an absolute URL of the two schemes that outbound requests know. */
export function isHttpUrl(text: string): boolean {
  return text.length <= 2_000 && /^https?:\/\//.test(text) && URL.canParse(text);
}

function isDuration(text: string): boolean {
  return parseDuration(text) !== null;
}

function milliseconds(text: string): number {
  const durationMs = parseDuration(text);
  assert(durationMs !== null, "the schema let a malformed duration pass");
  return durationMs;
}

function bytes(text: string): number {
  const size = parseByteSize(text);
  assert(size !== null, "the schema let a malformed size pass");
  return size;
}
