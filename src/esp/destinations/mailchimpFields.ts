/** Merge fields of a Mailchimp audience: which there are, what each takes; looked up when they are needed, and made. */
import { z } from "zod";
import { retryAfterMs } from "../../model/delivery/backoff.ts";
import { errorClass, type Verdict } from "../../model/delivery/verdict.ts";
import type { Json } from "../../model/event.ts";
import type { Answer, Answered } from "../deliver/destination.ts";
import { refused, saidBy } from "./mailchimpErrors.ts";

const answerSchema = z.object({
  merge_fields: z.array(
    z.object({
      tag: z.string().min(1),
      type: z.string(),
      options: z.object({ choices: z.array(z.string()).nullish() }).nullish(),
    }),
  ),
});

type Field = z.output<typeof answerSchema>["merge_fields"][number];

/** A merge field that is to be made. */
export interface NewField {
  readonly tag: string;
  readonly type: "text" | "number" | "date";
}

/** What is to be written of somebody. */
export interface Changed {
  readonly set: Readonly<Record<string, Json>>;
  readonly clear: readonly string[];
}

export interface MailchimpFieldsDeps {
  readonly nowMs: () => number;
  readonly list: () => Promise<Answer>;
  /** Makes a field; null: missing ones are not made. */
  readonly create: ((field: NewField) => Promise<Answer>) | null;
}

const heldMs = 300_000;
/** Fields that are missing are looked for again so soon: somebody may just be making them. */
const heldMissingMs = 30_000;
const longestBytes = 255;
const dayPattern = /^\d{4}-\d{2}-\d{2}(?:T|$)/;
const line = z.string().min(1);
const addressSchema = z.looseObject({ addr1: line, city: line, state: line, zip: line });

export class MailchimpFields {
  readonly #deps: MailchimpFieldsDeps;
  #fields: ReadonlyMap<string, Field> | null = null;
  #atMs = 0;
  /** It asked not to be asked before then. */
  #quietUntilMs = 0;
  /** Fields that it would not make, and why. */
  readonly #unmade = new Map<string, string>();
  #looking: Promise<Verdict | null> | null = null;

  constructor(deps: MailchimpFieldsDeps) {
    this.#deps = deps;
  }

  /**
   * Makes sure that the fields are known, and makes those that are missing if it may. Where a value can't be taken, or
   * a field is not there, rows are planned again, and then leave it out.
   */
  async ready(rows: readonly Changed[]): Promise<Verdict | null> {
    const values = rows.flatMap(({ set }) => Object.entries(set));
    const names = new Set([...values.map(([tag]) => tag), ...rows.flatMap(({ clear }) => clear)]);
    if (names.size === 0) return null;
    const isMissing = (tag: string) => this.#fields?.has(tag) !== true;
    const ageMs = this.#deps.nowMs() - this.#atMs;
    if (this.#fields === null || ageMs > ([...names].some(isMissing) ? heldMissingMs : heldMs)) {
      // Whoever comes meanwhile waits for the same answer.
      this.#looking ??= this.#look().finally(() => (this.#looking = null));
      const problem = await this.#looking;
      if (problem !== null) return problem;
    }
    for (const [tag, value] of values) {
      if (!isMissing(tag) || this.refuse(tag, value) !== null) continue;
      const problem = await this.#make({ tag, type: typeFor(value) });
      if (problem !== null) return problem;
    }
    for (const [tag, value] of values) {
      const why = this.refuse(tag, value);
      if (why !== null) return { kind: "retry", reason: `once more, without ${tag}: ${why}`, afterMs: 0 };
    }
    return null;
  }

  /** Why a value can't be had; as long as the fields are not known, what can be said without them. */
  refuse(tag: string, value: Json): string | null {
    if (tag === "EMAIL") return "Mailchimp tells people apart by it";
    if (!/^[A-Z0-9_]{1,10}$/.test(tag))
      return "a merge tag has at most 10 characters: capital letters, digits and _";
    if (Array.isArray(value)) return "a merge field is no list";
    if (typeof value === "string" && Buffer.byteLength(value) > longestBytes)
      return `it is longer than ${longestBytes} bytes`;
    if (this.#fields === null) return null;
    const field = this.#fields.get(tag);
    return field === undefined ? this.#refuseMissing(tag, value) : refuseValue(field, value);
  }

  /** Values as their fields take them; what has none is emptied. */
  values({ set, clear }: Changed): Record<string, Json> {
    const all: Record<string, Json> = {};
    for (const [tag, value] of Object.entries(set)) all[tag] = this.#sent(tag, value);
    for (const tag of clear) if (this.#fields?.has(tag) !== false) all[tag] = "";
    return all;
  }

  /** Values as they were given; an empty one is none. */
  valuesFrom(theirs: Readonly<Record<string, Json>>): Record<string, Json> {
    return Object.fromEntries(
      Object.entries(theirs).flatMap(([tag, value]): [string, Json][] => {
        if (value === "") return [];
        if (typeof value === "object" && value !== null)
          return [[tag, Object.fromEntries(Object.entries(value).filter(([, part]) => part !== ""))]];
        const isCut = this.#fields?.get(tag)?.type === "date" && typeof value === "string";
        return [[tag, isCut ? value.slice(0, 10) : value]];
      }),
    );
  }

  #refuseMissing(tag: string, value: Json): string | null {
    if (this.#deps.create === null)
      return "the audience has no merge field of that tag: make it in Mailchimp, or set createFields";
    if (typeof value === "object") return "a merge field for it can only be made by hand";
    return this.#unmade.get(tag) ?? null;
  }

  #sent(tag: string, value: Json): Json {
    const type = this.#fields?.get(tag)?.type;
    if (type === "number") return Number(value);
    if (typeof value === "object") return value;
    const text = String(value);
    return type === "date" ? text.slice(0, 10) : text;
  }

  async #look(): Promise<Verdict | null> {
    const waitMs = this.#quietUntilMs - this.#deps.nowMs();
    if (waitMs > 0) return { kind: "retry", reason: "Mailchimp asked for silence", afterMs: waitMs };
    const answer = await this.#deps.list();
    if (answer.kind === "failed") return { kind: "retry", reason: answer.why };
    const problem = this.#problemOf(answer);
    if (problem !== null) return problem;
    try {
      const { merge_fields } = answerSchema.parse(JSON.parse(answer.text));
      this.#fields = new Map(merge_fields.map((field) => [field.tag, field]));
    } catch {
      return { kind: "retry", reason: "the merge fields are not what was documented" };
    }
    this.#unmade.clear();
    this.#atMs = this.#deps.nowMs();
    return null;
  }

  async #make(field: NewField): Promise<Verdict | null> {
    const { create } = this.#deps;
    if (create === null) return null;
    const answer = await create(field);
    if (answer.kind === "failed") return { kind: "retry", reason: answer.why };
    if (answer.status === 400) {
      // Somebody else made it, or it is one too many.
      const problem = await this.#look();
      if (problem !== null) return problem;
      if (this.#fields?.has(field.tag) !== true)
        this.#unmade.set(field.tag, `Mailchimp would not make it: ${saidBy(answer)}`.slice(0, 300));
      return null;
    }
    const problem = this.#problemOf(answer);
    if (problem !== null) return problem;
    const { tag, type } = field;
    if (!answer.text.includes(JSON.stringify(tag)))
      return { kind: "retry", reason: `it does not say that it made the merge field ${tag}` };
    this.#fields = new Map<string, Field>([...(this.#fields ?? []), [tag, { tag, type }]]);
    return null;
  }

  #problemOf(answer: Answered): Verdict | null {
    if (errorClass(answer.status) === "done") return null;
    const afterMs = retryAfterMs(answer.headers["retry-after"], this.#deps.nowMs());
    if (afterMs !== null) this.#quietUntilMs = this.#deps.nowMs() + afterMs;
    const asked = afterMs === null ? {} : { afterMs };
    const reason = `the merge fields could not be read: ${saidBy(answer)}`;
    return refused(answer) ?? { kind: "retry", reason, ...asked };
  }
}

function typeFor(value: Json): NewField["type"] {
  if (typeof value === "number") return "number";
  return typeof value === "string" && isDay(value) ? "date" : "text";
}

function isDay(text: string): boolean {
  return dayPattern.test(text) && !Number.isNaN(Date.parse(text));
}

function refuseValue({ type, options }: Field, value: Json): string | null {
  if (type === "address") return refuseAddress(value);
  if (typeof value === "object") return "it must be a text, a number or a day";
  const text = String(value);
  if (type === "number")
    return typeof value === "boolean" || text.trim() === "" || !Number.isFinite(Number(value))
      ? "the merge field is a number"
      : null;
  if (type === "date") return isDay(text) ? null : "the merge field is a day, such as 2026-01-31";
  if (type === "birthday")
    return /^(?:0[1-9]|1[0-2])\/(?:0[1-9]|[12]\d|3[01])$/.test(text)
      ? null
      : "a birthday is a month and a day, such as 01/31";
  const choices = options?.choices ?? [];
  if ((type === "radio" || type === "dropdown") && choices.length > 0 && !choices.includes(text))
    return "it is none of the merge field's choices";
  return null;
}

function refuseAddress(value: Json): string | null {
  const why = "an address has addr1, city, state and zip";
  return addressSchema.safeParse(value).success ? null : why;
}
