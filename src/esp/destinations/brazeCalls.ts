/** Requests to Braze, whom they are about, and what its answers say; docs/destinations/braze.md. */
import { z } from "zod";
import type { RowVerdict, Verdict } from "../../model/delivery/verdict.ts";
import type { Answered, OutRequest, ProfileKey } from "../deliver/destination.ts";

export interface BrazeAccount {
  readonly apiKey: string;
  readonly cluster?: string | undefined;
  readonly url?: string | undefined;
}

/** The address of a cluster, `iad-01` or `fra-02`; those of the EU lie below another name. */
function originOf({ cluster = "", url }: BrazeAccount): string {
  const place = cluster.startsWith("fra-") ? "eu" : "com";
  return (url ?? `https://rest.${cluster}.braze.${place}`).replace(/\/+$/, "");
}

export function post(own: BrazeAccount, path: string, body: object): OutRequest {
  return {
    method: "POST",
    url: `${originOf(own)}${path}`,
    headers: { Authorization: `Bearer ${own.apiKey}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
}

/** The kinds of names that Freshet calls people by there. */
export type NameKind = "external_id" | "email" | "user_alias";

export function kindOf(key: ProfileKey): NameKind {
  if (key["external_id"] !== undefined) return "external_id";
  return key["email"] === undefined ? "user_alias" : "email";
}

/** Whom an object of `/users/track` is about. Without the flag nobody is made who has but an alias. */
export function who(key: ProfileKey): object {
  const kind = kindOf(key);
  return kind === "user_alias" ? { user_alias: key, _update_existing_only: false } : { [kind]: key[kind] };
}

const takenSchema = z.looseObject({
  message: z.string(),
  errors: z.array(z.unknown()).nullish(),
});

const errorSchema = z.looseObject({
  type: z.string().optional(),
  input_array: z.string(),
  index: z.int().min(0),
});

/**
 * `/users/track` takes what it can and names the rest in `errors`, each by its place in one of the arrays. What it names
 * in no way that is understood is found by halving, or, where a repeat does harm, left open.
 */
export function readTracked(
  { status, text }: Answered,
  count: number,
  array: "attributes" | "events",
): Verdict | null {
  if (status >= 300) return null;
  const { errors } = takenSchema.parse(JSON.parse(text));
  if (errors === undefined || errors === null || errors.length === 0) return { kind: "done" };
  const [said] = errors;
  if (count === 1) return { kind: "drop", reason: reasonOf(said) };
  const refused = new Map<number, string>();
  let isWhole = true;
  for (const error of errors) {
    const { success, data } = errorSchema.safeParse(error);
    if (success && data.input_array === array && data.index < count) refused.set(data.index, reasonOf(error));
    else isWhole = false;
  }
  if (!isWhole && array === "attributes") return { kind: "split", reason: reasonOf(said) };
  const others: RowVerdict = isWhole ? { kind: "done" } : { kind: "unknown", reason: reasonOf(said) };
  return {
    kind: "rows",
    rows: Array.from({ length: count }, (_, at) => {
      const reason = refused.get(at);
      return reason === undefined ? others : { kind: "drop", reason };
    }),
  };
}

/** An answer that speaks of all rows at once. */
export function readTaken({ status, text }: Answered): Verdict | null {
  if (status >= 300) return null;
  const { errors } = takenSchema.parse(JSON.parse(text));
  const [said] = errors ?? [];
  return said === undefined ? { kind: "done" } : { kind: "split", reason: reasonOf(said) };
}

/** An error as Braze words it: a text, or an object with the text as `type` or `message`. */
export function reasonOf(error: unknown): string {
  const { data } = z
    .looseObject({ type: z.string().optional(), message: z.string().optional() })
    .safeParse(error);
  const text = typeof error === "string" ? error : (data?.type ?? data?.message ?? JSON.stringify(error));
  return `Braze: ${text}`.slice(0, 300);
}
