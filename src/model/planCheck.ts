/** Holding events against the tracking plan. Schemas are compiled once; a check reads nothing but the event. */
import { compileSchema, type SchemaMiss, type Validate } from "../lib/jsonSchema.ts";
import type { Event, JsonObject } from "./event.ts";
import {
  maxViolations,
  type Finding,
  type PlanMode,
  type PlannedShape,
  type PlanRules,
  type Violation,
} from "./plan.ts";

interface CompiledShape {
  readonly version: number;
  readonly mode: PlanMode | null;
  readonly validate: Validate;
}

/** A plan that is ready for use. */
export class TrackingPlan {
  readonly #rules: PlanRules;
  readonly #events: ReadonlyMap<string, CompiledShape>;
  readonly #traits: CompiledShape | null;

  /** Throws SchemaProblem. */
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
      ? this.#unplanned(event.name, event.source)
      : this.#hold(shape, event.name, event, event.properties);
  }

  #unplanned(name: string, source: string): Finding {
    const { unplanned } = this.#rules;
    const mode = unplanned === "allow" ? "allow" : this.#modeOf(source, unplanned);
    return { event: name, version: 0, mode, violations: [{ rule: "unplanned", property: "" }] };
  }

  #hold(shape: CompiledShape, name: string, { source }: Event, value: JsonObject): Finding | null {
    const missed = shape.validate(value);
    if (missed.length === 0) return null;
    return {
      event: name,
      version: shape.version,
      mode: this.#modeOf(source, shape.mode),
      violations: violationsOf(missed),
    };
  }

  #modeOf(source: string, own: PlanMode | null): PlanMode {
    const { sources, mode } = this.#rules;
    return (Object.hasOwn(sources, source) ? sources[source] : undefined) ?? own ?? mode;
  }
}

function compileShape({ version, mode, schema }: PlannedShape): CompiledShape {
  return { version, mode, validate: compileSchema(schema) };
}

function violationsOf(missed: readonly SchemaMiss[]): readonly Violation[] {
  const seen = new Map<string, Violation>();
  for (const { keyword, path } of missed) {
    const property = path
      .map((part) => (/^\d+$/.test(part) ? "*" : part))
      .join(".")
      .slice(0, 200);
    seen.set(`${keyword} ${property}`, { rule: keyword, property });
    if (seen.size === maxViolations) break;
  }
  return [...seen.values()];
}
