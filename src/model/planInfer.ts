/** A first tracking plan from what came: the narrowest plain schema that all of it fits. A person reads it before use. */
import type { Json, JsonObject } from "./event.ts";

type Kind = "string" | "integer" | "number" | "boolean" | "null" | "object" | "array";

/** More keys than this are data, not names: such an object is left open. */
const maxKeys = 200;
const maxDepth = 6;
/** A text that stands for a choice comes from a short list, and each choice comes often. */
const maxChoices = 8;
const timesAChoice = 20;
const longestChoice = 40;
/** What came less often than this may have been complete by chance. */
const enoughForRequired = 5;

const formats: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["date-time", /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$/],
  ["date", /^\d{4}-\d{2}-\d{2}$/],
  ["uuid", /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i],
  ["email", /^[^\s@]{1,64}@[^\s@]{1,253}$/],
  ["uri", /^https?:\/\/\S+$/],
];

/** What was seen at one place. */
export class SeenShape {
  #count = 0;
  readonly #kinds = new Set<Kind>();
  #formats = new Set(formats.map(([name]) => name));
  /** Null: there are too many to be choices. */
  #choices: Set<string> | null = new Set();
  #texts = 0;
  #objects = 0;
  /** Null: too many to be names. */
  #properties: Map<string, SeenShape> | null = new Map();
  #items: SeenShape | null = null;

  /** How often this place had a value. */
  get count(): number {
    return this.#count;
  }

  add(value: Json, depth = 0): void {
    this.#count += 1;
    const kind = kindOf(value);
    this.#kinds.add(kind);
    if (typeof value === "string") this.#addText(value);
    else if (Array.isArray(value)) {
      this.#items ??= new SeenShape();
      if (depth < maxDepth) for (const item of value as readonly Json[]) this.#items.add(item, depth + 1);
    } else if (kind === "object") this.#addObject(value as JsonObject, depth);
  }

  /** The JSON Schema that everything seen fits. `requires`: keys that were always there are required. */
  schema(requires: boolean): JsonObject {
    const kinds = this.#kinds.has("number")
      ? [...this.#kinds].filter((kind) => kind !== "integer")
      : [...this.#kinds];
    const [only] = kinds;
    if (only === undefined) return {};
    const type: Json = kinds.length === 1 ? only : kinds.sort();
    return { type, ...this.#textRules(kinds), ...this.#objectRules(requires), ...this.#itemRules(requires) };
  }

  #addText(text: string): void {
    this.#texts += 1;
    for (const [name, pattern] of formats)
      if (this.#formats.has(name) && !(text.length <= 500 && pattern.test(text))) this.#formats.delete(name);
    if (this.#choices === null) return;
    this.#choices.add(text);
    if (this.#choices.size > maxChoices || text.length > longestChoice) this.#choices = null;
  }

  #addObject(value: JsonObject, depth: number): void {
    this.#objects += 1;
    if (depth >= maxDepth) this.#properties = null;
    for (const [key, inner] of Object.entries(value)) {
      const properties = this.#properties;
      if (properties === null) return;
      let seen = properties.get(key);
      if (seen === undefined) properties.set(key, (seen = new SeenShape()));
      seen.add(inner, depth + 1);
      if (properties.size > maxKeys) this.#properties = null;
    }
  }

  #textRules(kinds: readonly Kind[]): JsonObject {
    if (this.#texts === 0) return {};
    const [format] = this.#formats;
    if (format !== undefined) return { format };
    const choices = this.#choices;
    const isChoice = kinds.length === 1 && choices !== null && this.#texts >= choices.size * timesAChoice;
    return isChoice ? { enum: [...choices].sort() } : {};
  }

  #objectRules(requires: boolean): JsonObject {
    if (this.#objects === 0 || this.#properties === null) return {};
    const entries = [...this.#properties].sort(([left], [right]) => (left < right ? -1 : 1));
    const required = entries.filter(([, seen]) => seen.count === this.#objects).map(([key]) => key);
    const properties = Object.fromEntries(entries.map(([key, seen]) => [key, seen.schema(requires)]));
    const mayRequire = requires && this.#objects >= enoughForRequired && required.length > 0;
    return { ...(mayRequire ? { required } : {}), properties };
  }

  #itemRules(requires: boolean): JsonObject {
    return this.#items === null || this.#items.count === 0 ? {} : { items: this.#items.schema(requires) };
  }
}

function kindOf(value: Json): Kind {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  return typeof value as "string" | "boolean" | "object";
}
