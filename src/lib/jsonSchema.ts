/** JSON Schema, by Ajv: draft 7, or 2020-12 where `$schema` says so. Bounded against what strangers send. */
import { Ajv, type ErrorObject, type Options } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import isSafePattern from "safe-regex2";

/** Longer texts don't match any pattern: the time of a match must stay bounded. */
const maxMatchedLength = 1_000;

/** A schema that can't be used; the sentence says why. */
export class SchemaProblem extends Error {}

/** One place where a value is not as its schema says. */
export interface SchemaMiss {
  /** The schema's keyword, such as `required` or `type`. */
  readonly keyword: string;
  /** Keys and places from the value down; of a missing property, the property itself. */
  readonly path: readonly string[];
}

/** Everywhere a value is not as the schema says; empty: it fits. */
export type Validate = (value: unknown) => readonly SchemaMiss[];

const options: Options = {
  allErrors: true,
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allowUnionTypes: true,
  // An annotation that other tools' schemas are full of.
  keywords: ["example"],
  logger: false,
  code: { regExp: Object.assign(boundedPattern, { code: "" }) },
};

/** Compiles a schema. Throws SchemaProblem: also for a reference to elsewhere, since nothing is fetched. */
export function compileSchema(schema: Readonly<Record<string, unknown>>): Validate {
  try {
    const validate = newAjv(schema["$schema"]).compile(schema);
    return (value) => (validate(value) ? [] : (validate.errors ?? []).map(missOf));
  } catch (error) {
    if (error instanceof SchemaProblem) throw error;
    throw new SchemaProblem(error instanceof Error ? error.message : String(error));
  }
}

function newAjv(dialect: unknown): Ajv {
  const uses2020 = typeof dialect === "string" && dialect.includes("2020-12");
  const ajv = uses2020 ? new Ajv2020(options) : new Ajv(options);
  // "fast" formats match in linear time. The package's types describe its CommonJS form: the import is the function.
  (addFormats as unknown as (ajv: Ajv, settings: { mode: "fast" }) => void)(ajv, { mode: "fast" });
  return ajv;
}

function boundedPattern(pattern: string, flags: string): RegExp {
  if (!isSafePattern(pattern))
    throw new SchemaProblem("a pattern repeats what already repeats, so that some texts would take for ever");
  const expression = new RegExp(pattern, flags);
  const bounded = { test: (text: string) => text.length <= maxMatchedLength && expression.test(text) };
  // Ajv calls nothing but test.
  return bounded as unknown as RegExp;
}

function missOf({ instancePath, keyword, params }: ErrorObject): SchemaMiss {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const missing: unknown = keyword === "required" ? params["missingProperty"] : undefined;
  return { keyword, path: typeof missing === "string" ? [...path, missing] : path };
}
