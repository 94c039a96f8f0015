/** Holding events against the tracking plan. Schemas are compiled once; a check reads nothing but the event. */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import isSafePattern from "safe-regex2";
import type { Event, JsonObject } from "./event.ts";
import {
  maxViolations,
  type Finding,
  type PlanMode,
  type PlannedShape,
  type PlanRules,
  type Violation,
} from "./plan.ts";

/** Longer texts don't match any pattern: the time of a match must stay bounded. */
const maxMatchedLength = 1_000;

/** A schema that can't be used; the sentence says why. */
export class PlanProblem extends Error {}

interface CompiledShape {
  readonly version: number;
  readonly mode: PlanMode | null;
  readonly validate: ValidateFunction;
}

const options: Options = {
  allErrors: true,
  strict: true,
  strictTypes: false,
  strictTuples: false,
  strictRequired: false,
  allowUnionTypes: true,
  // Annotations of our own files and of other tools' plans.
  keywords: ["example"],
  logger: false,
  code: {
    regExp: Object.assign((pattern: string, flags: string) => boundedPattern(pattern, flags), {
      code: "",
    }),
  },
};

/** Formats that ajv-formats itself calls safe from slow matches. */
function newAjv(schema: JsonObject): Ajv {
  const uses2020 = typeof schema["$schema"] === "string" && schema["$schema"].includes("2020-12");
  const ajv = uses2020 ? new Ajv2020(options) : new Ajv(options);
  // The package's types describe its CommonJS form: what is imported is the function itself.
  (addFormats as unknown as (ajv: Ajv, settings: { mode: "fast" | "full" }) => void)(ajv, { mode: "fast" });
  return ajv;
}

function boundedPattern(pattern: string, flags: string): RegExp {
  if (!isSafePattern(pattern))
    throw new PlanProblem("a pattern repeats what already repeats, so that some texts would take for ever");
  const expression = new RegExp(pattern, flags);
  const bounded = { test: (text: string) => text.length <= maxMatchedLength && expression.test(text) };
  // Ajv calls nothing but test.
  return bounded as unknown as RegExp;
}

/** Compiles a schema. Throws PlanProblem. */
export function compileSchema(schema: JsonObject): ValidateFunction {
  try {
    return newAjv(schema).compile(schema);
  } catch (error) {
    if (error instanceof PlanProblem) throw error;
    throw new PlanProblem(error instanceof Error ? error.message : String(error));
  }
}

/** A plan that is ready for use. */
export class TrackingPlan {
  readonly #rules: PlanRules;
  readonly #events: ReadonlyMap<string, CompiledShape>;
  readonly #traits: CompiledShape | null;

  /** Throws PlanProblem. */
  constructor(rules: PlanRules) {
    this.#rules = rules;
    this.#events = new Map(rules.events.map((planned) => [planned.event, compileShape(planned)] as const));
    this.#traits = rules.traits === null ? null : compileShape(rules.traits);
  }

  /** What is wrong with the event; null: nothing. */
  check(event: Event): Finding | null {
    if (event.type === "identify")
      return this.#traits === null ? null : this.#hold(this.#traits, "identify", event, event.traits);
    if (event.type !== "track" || event.name === null) return null;
    const shape = this.#events.get(event.name);
    return shape === undefined
      ? this.#unplanned(event)
      : this.#hold(shape, event.name, event, event.properties);
  }

  #unplanned({ name, source }: Event): Finding | null {
    const mode = this.#rules.unplanned === "allow" ? "allow" : this.#modeOf(source, this.#rules.unplanned);
    return { event: name ?? "", version: 0, mode, violations: [{ rule: "unplanned", property: "" }] };
  }

  #hold(shape: CompiledShape, name: string, { source }: Event, value: JsonObject): Finding | null {
    if (shape.validate(value)) return null;
    const violations = violationsOf(shape.validate.errors ?? []);
    return { event: name, version: shape.version, mode: this.#modeOf(source, shape.mode), violations };
  }

  #modeOf(source: string, own: PlanMode | null): PlanMode {
    const { sources, mode } = this.#rules;
    return (Object.hasOwn(sources, source) ? sources[source] : undefined) ?? own ?? mode;
  }
}

function compileShape({ version, mode, schema }: PlannedShape): CompiledShape {
  return { version, mode, validate: compileSchema(schema) };
}

function violationsOf(errors: readonly ErrorObject[]): readonly Violation[] {
  const seen = new Map<string, Violation>();
  for (const error of errors) {
    const violation = { rule: error.keyword, property: propertyOf(error) };
    seen.set(`${violation.rule} ${violation.property}`, violation);
    if (seen.size === maxViolations) break;
  }
  return [...seen.values()];
}

/** Where it is wrong. A name that only the sender knows isn't told: it may hold anything. */
function propertyOf({ instancePath, keyword, params }: ErrorObject): string {
  const path = instancePath
    .split("/")
    .slice(1)
    .map((part) => (/^\d+$/.test(part) ? "*" : part.replaceAll("~1", "/").replaceAll("~0", "~")));
  const missing: unknown = keyword === "required" ? params["missingProperty"] : undefined;
  return [...path, ...(typeof missing === "string" ? [missing] : [])].join(".").slice(0, 200);
}
