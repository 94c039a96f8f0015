/** Custom fields of SendGrid: known there by ids, here by names. Looked up when they are needed, kept for a while. */
import { z } from "zod";
import { errorClass, type Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type { Answer } from "../deliver/destination.ts";

const answerSchema = z.object({
  custom_fields: z
    .array(z.object({ id: z.string().min(1), name: z.string(), field_type: z.string() }))
    .nullish(),
});

export interface SendgridFieldsDeps {
  readonly nowMs: () => number;
  readonly fetch: () => Promise<Answer>;
}

interface Field {
  readonly id: string;
  readonly name: string;
  readonly type: string;
}

const heldMs = 300_000;
/** Fields that are missing are looked for again so soon: somebody may just be making them. */
const heldMissingMs = 30_000;
const longestText = 1_000;

export class SendgridFields {
  readonly #deps: SendgridFieldsDeps;
  /** By name in lower case: names there differ in more than case. */
  #fields: ReadonlyMap<string, Field> | null = null;
  #atMs = 0;

  constructor(deps: SendgridFieldsDeps) {
    this.#deps = deps;
  }

  /**
   * Makes sure that the fields are known. `missing`: what is done where some are not there: rows are planned again,
   * and then leave out what is refused, or nothing more is sent until somebody makes the field.
   */
  async ready(names: readonly string[], missing: "plan again" | "stop"): Promise<Verdict | null> {
    if (names.length === 0) return null;
    const ageMs = this.#deps.nowMs() - this.#atMs;
    const unknown = () => names.filter((name) => this.#fields?.has(name.toLowerCase()) !== true);
    const isOld = this.#fields === null || ageMs > (unknown().length > 0 ? heldMissingMs : heldMs);
    const problem = isOld ? await this.#look() : null;
    if (problem !== null) return problem;
    const [first] = unknown();
    if (first === undefined) return null;
    const reason = `SendGrid has no custom field ${first}`;
    if (missing === "stop") return { kind: "stop", reason: `${reason}: make it there, of the type Text` };
    return { kind: "retry", reason, afterMs: 0 };
  }

  /** Why a value can't be had; null as long as the fields are not known. */
  refuse(name: string, value: Json): string | null {
    if (typeof value === "object") return "a custom field is a text, a number or a date";
    if (typeof value === "string" && value.length > longestText)
      return `it is longer than ${longestText} characters`;
    if (this.#fields === null) return null;
    const field = this.#fields.get(name.toLowerCase());
    if (field === undefined) return "SendGrid has no custom field of that name";
    if (field.type === "Number" && (typeof value === "boolean" || !isNumber(value)))
      return "the field is a number there";
    const isDate = typeof value === "string" && !Number.isNaN(Date.parse(value));
    return field.type === "Date" && !isDate ? "the field is a date there" : null;
  }

  isText(name: string): boolean {
    return this.#fields?.get(name.toLowerCase())?.type === "Text";
  }

  /** Values by id, as their fields take them. */
  byId(values: Readonly<Record<string, Json>>): Record<string, Json> {
    const found: Record<string, Json> = {};
    for (const [name, value] of Object.entries(values)) {
      const field = this.#fields?.get(name.toLowerCase());
      if (field !== undefined) found[field.id] = field.type === "Number" ? Number(value) : asText(value);
    }
    return found;
  }

  /** Values by name; SendGrid answers with either. */
  byName(values: Readonly<Record<string, Json>>): Record<string, Json> {
    const names = new Map([...(this.#fields?.values() ?? [])].map(({ id, name }) => [id, name]));
    return Object.fromEntries(Object.entries(values).map(([key, value]) => [names.get(key) ?? key, value]));
  }

  async #look(): Promise<Verdict | null> {
    const answer = await this.#deps.fetch();
    if (answer.kind === "failed") return { kind: "retry", reason: answer.why };
    const kind = errorClass(answer.status);
    const reason = `the custom fields could not be read (${answer.status})`;
    if (kind === "stop" || kind === "refresh") return { kind: "stop", reason };
    if (kind !== "done") return { kind: "retry", reason };
    try {
      const { custom_fields } = answerSchema.parse(JSON.parse(answer.text));
      this.#fields = new Map(
        (custom_fields ?? []).map(({ id, name, field_type }) => [
          name.toLowerCase(),
          { id, name, type: field_type },
        ]),
      );
    } catch {
      return { kind: "retry", reason: "the custom fields are not what was documented" };
    }
    this.#atMs = this.#deps.nowMs();
    return null;
  }
}

function isNumber(value: string | number): boolean {
  return typeof value === "number" || (value.trim() !== "" && Number.isFinite(Number(value)));
}

/** As a field of the type Text holds it. */
export function asText(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}
