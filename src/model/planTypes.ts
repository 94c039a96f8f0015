/** TypeScript types of the tracking plan, for the code that sends events. */
import type { Json, JsonObject } from "./event.ts";
import type { PlanRules } from "./plan.ts";

/** A module that declares the properties of every planned event by its name, and the traits. */
export function planTypes(plan: PlanRules): string {
  const events = plan.events.map(
    ({ event, version, schema }) =>
      `  /** Version ${version}. */\n  ${JSON.stringify(event)}: ${typeOf(schema, "  ")};\n`,
  );
  const traits = plan.traits === null ? "Record<string, unknown>" : typeOf(plan.traits.schema, "");
  return [
    "// Made by `freshet plan types`; make it anew when the tracking plan changes.\n\n",
    "/** Properties of each track event of the plan. */\n",
    `export interface PlannedEvents {\n${events.join("")}}\n\n`,
    `/** Traits of identify. */\nexport type PlannedTraits = ${traits};\n\n`,
    "/** A track function that takes planned events only. */\n",
    "export type Track = <Name extends keyof PlannedEvents>(event: Name, properties: PlannedEvents[Name]) => void;\n",
  ].join("");
}

const plainTypes: Readonly<Record<string, string>> = {
  string: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
  null: "null",
};

/** The type that a schema describes; what TypeScript has no word for is unknown. */
function typeOf(schema: Json | undefined, indent: string): string {
  if (!isObject(schema)) return "unknown";
  if (schema["const"] !== undefined) return literal(schema["const"]);
  if (Array.isArray(schema["enum"])) return union((schema["enum"] as readonly Json[]).map(literal));
  for (const word of ["anyOf", "oneOf"]) {
    const choices = schema[word];
    if (Array.isArray(choices)) return union((choices as readonly Json[]).map((one) => typeOf(one, indent)));
  }
  const type = schema["type"] ?? (isObject(schema["properties"]) ? "object" : undefined);
  if (Array.isArray(type))
    return union((type as readonly Json[]).map((one) => typeOf({ ...schema, type: one }, indent)));
  if (type === "object") return objectType(schema, indent);
  if (type === "array") return `readonly (${typeOf(schema["items"], indent)})[]`;
  return (typeof type === "string" ? plainTypes[type] : undefined) ?? "unknown";
}

function objectType(schema: JsonObject, indent: string): string {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as readonly Json[]) : []);
  const inner = `${indent}  `;
  const lines = Object.entries(properties).map(
    ([name, of]) =>
      `${inner}readonly ${JSON.stringify(name)}${required.has(name) ? "" : "?"}: ${typeOf(of, inner)};\n`,
  );
  const open = schema["additionalProperties"] === false ? "" : `${inner}readonly [name: string]: unknown;\n`;
  return lines.length === 0 && open !== ""
    ? "Record<string, unknown>"
    : `{\n${lines.join("")}${open}${indent}}`;
}

function union(types: readonly string[]): string {
  return [...new Set(types)].join(" | ") || "never";
}

function literal(value: Json): string {
  return typeof value === "object" && value !== null ? "unknown" : JSON.stringify(value);
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
