/**
 * How one option is described: a zod schema that carries, as metadata, the sentence, the word for its value in the
 * help, and what is expected. Flags, environment variables, the file, the JSON Schema and the docs all come from it.
 */
import { z } from "zod";
import { byteSizePattern, parseByteSize } from "../lib/byteSize.ts";
import { durationPattern, parseDuration } from "../lib/duration.ts";

/** What an option carries beside its schema. */
export interface OptionMeta {
  /** What it does, one sentence. */
  readonly description: string;
  /** The word that stands for the value in the help: `--port <number>`. */
  readonly placeholder: string;
  /** What a value must be, for the error message. */
  readonly expected: string;
  /** How text (a flag, a variable, a substituted string) becomes a value. */
  readonly reading: "text" | "integer" | "list";
  /** False for what only makes sense on the command line. */
  readonly inFile: boolean;
}

/** One option of the command line. */
export interface Option extends OptionMeta {
  /** Its key in freshet.yaml, camelCase. */
  readonly key: string;
  /** `--max-streams` */
  readonly flag: string;
  /** `FRESHET_MAX_STREAMS` */
  readonly env: string;
  readonly defaultValue: unknown;
  /** Checks one value, after text was read. */
  readonly schema: z.ZodType;
}

type Words = Pick<OptionMeta, "description"> & { readonly inFile?: boolean };

/** Any text but the empty one. */
export function text(words: Words & { readonly placeholder: string }) {
  return z
    .string()
    .min(1)
    .meta({ expected: "a text that is not empty", reading: "text", inFile: true, ...words });
}

/** A whole number. */
export function integer(words: Words & { readonly min: number; readonly max: number }) {
  const { min, max, ...rest } = words;
  const expected = `a whole number from ${min} to ${max}`;
  return z
    .int()
    .min(min)
    .max(max)
    .meta({ placeholder: "number", expected, reading: "integer", inFile: true, ...rest });
}

/** One of a few words. */
export function oneOf<const Word extends string>(
  choices: readonly Word[],
  words: Words & { readonly placeholder: string },
) {
  return z
    .enum(choices)
    .meta({ expected: `one of ${choices.join(", ")}`, reading: "text", inFile: true, ...words });
}

/** A duration such as `30s`. */
export function duration(words: Words) {
  return z
    .string()
    .regex(durationPattern, { abort: true })
    .refine((written) => parseDuration(written) !== null)
    .meta({
      placeholder: "duration",
      expected: "a duration such as 500ms, 10s, 5m, 2h or 7d",
      reading: "text",
      inFile: true,
      ...words,
    });
}

/** A size such as `64MB`. */
export function byteSize(words: Words) {
  return z
    .string()
    .regex(byteSizePattern, { abort: true })
    .refine((written) => parseByteSize(written) !== null)
    .meta({
      placeholder: "size",
      expected: "a size such as 512KB, 64MB or 1GB",
      reading: "text",
      inFile: true,
      ...words,
    });
}

/** Several texts: a repeated flag, a comma-separated variable, a YAML list. `fits` judges one of them. */
export function list(
  fits: (item: string) => boolean,
  words: Words & { readonly placeholder: string; readonly expected: string },
) {
  return z
    .array(z.string().min(1).refine(fits))
    .max(100)
    .meta({ reading: "list", inFile: true, ...words });
}

/** The options of a schema's shape, in its order. */
export function optionsOf(shape: Readonly<Record<string, z.ZodType>>): readonly Option[] {
  return Object.entries(shape).map(([key, schema]) => {
    const words = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    const env = `FRESHET_${words.replaceAll("-", "_").toUpperCase()}`;
    return { key, flag: `--${words}`, env, defaultValue: defaultOf(schema), schema, ...metaOf(schema) };
  });
}

/** The value that text stands for; text that does not fit stays text and is refused by the schema. */
export function readText(option: Option, value: unknown): unknown {
  if (option.reading === "integer" && typeof value === "string" && /^\d{1,15}$/.test(value))
    return Number(value);
  if (option.reading !== "list") return value;
  const items: readonly unknown[] = Array.isArray(value) ? value : [value];
  return items.flatMap((item) =>
    typeof item === "string" || typeof item === "number" ? splitList(String(item)) : [item],
  );
}

function splitList(value: string): string[] {
  return value
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "");
}

function defaultOf(schema: z.ZodType): unknown {
  return schema instanceof z.ZodDefault ? schema.def.defaultValue : undefined;
}

function metaOf(schema: z.ZodType): OptionMeta {
  const inner = schema instanceof z.ZodDefault ? schema.def.innerType : schema;
  const meta = inner instanceof z.ZodType ? inner.meta() : undefined;
  if (meta === undefined) throw new Error("an option without description");
  const { description, placeholder, expected, reading, inFile } = meta;
  if (typeof description !== "string" || typeof placeholder !== "string" || typeof expected !== "string")
    throw new Error("an option without words");
  if (reading !== "text" && reading !== "integer" && reading !== "list")
    throw new Error("an option that can't be read from text");
  return { description, placeholder, expected, reading, inFile: inFile !== false };
}
