/** A mapping file: how refused events are mended before they are sent again (docs/tracking-plan.md). */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { castKinds, type Mapping } from "../model/mapping.ts";
import { ConfigError } from "./configError.ts";

const path = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => !text.split(".").includes("__proto__"));

/** What a mapping may hold. */
export const mappingSchema = z.strictObject({
  rename: z.record(path, path).default({}),
  cast: z.record(path, z.enum(castKinds)).default({}),
  default: z.record(path, z.json()).default({}),
  /** JSONata over the event, after the others; its result is the event. */
  expression: z.string().min(1).max(10_000).optional(),
});

export type MappingFile = z.output<typeof mappingSchema>;

/** The part that needs no expression language. */
export function mappingOf({ rename, cast, default: defaults }: MappingFile): Mapping {
  return { rename, cast, default: defaults };
}

/** Reads a mapping file, YAML or JSON. Throws ConfigError. */
export function readMapping(file: string): MappingFile {
  const expected =
    "expected rename, cast (string, number, boolean or date), default and expression, by dotted path such as properties.total";
  let parsed: unknown;
  try {
    parsed = Bun.YAML.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError([`${file}: ${error instanceof Error ? error.message : String(error)}`]);
  }
  const result = mappingSchema.safeParse(parsed);
  if (!result.success) throw new ConfigError([`${file}: ${expected}`]);
  return result.data;
}
