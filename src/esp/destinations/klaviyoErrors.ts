/** The errors of a bulk import of Klaviyo's, page by page: which row each is about. */
import { z } from "zod";
import type { RowVerdict } from "../../model/delivery/verdict.ts";
import type { ProfileRow } from "../deliver/destination.ts";

const pageSchema = z.object({
  data: z.array(
    z.object({
      attributes: z.object({
        title: z.string().optional(),
        detail: z.string().optional(),
        source: z.object({ pointer: z.string().nullish() }).optional(),
        original_payload: z.record(z.string(), z.unknown()).nullish(),
      }),
    }),
  ),
  links: z.object({ next: z.string().nullish() }).optional(),
});

export interface ImportFailures {
  /** Takes a page in; the address of the next one, or null. */
  take(page: unknown): string | null;
  /** What became of each row; who was not named where not all were named is tried again. */
  verdicts(): readonly RowVerdict[];
}

/** `failed`: how many the job says there are. */
export function klaviyoErrors(rows: readonly ProfileRow[], failed: number): ImportFailures {
  const positions = new Map(rows.map(({ key }, at) => [key["email"]?.toLowerCase() ?? "", at]));
  const reasons = new Map<number, string>();
  return {
    take: (page) => {
      const { data, links } = pageSchema.parse(page);
      for (const { attributes } of data) {
        const { title = "", detail = "", source, original_payload } = attributes;
        const at = positions.get(emailIn(original_payload ?? {})) ?? positionIn(source?.pointer ?? "");
        if (at !== null && at < rows.length)
          reasons.set(at, [title, detail].filter((part) => part !== "").join(" "));
      }
      return links?.next ?? null;
    },
    verdicts: () => {
      const others: RowVerdict =
        reasons.size >= failed
          ? { kind: "done" }
          : { kind: "retry", reason: "the job failed for some, and does not say for whom" };
      return rows.map((_row, at) => {
        const reason = reasons.get(at);
        return reason === undefined ? others : { kind: "drop", reason };
      });
    },
  };
}

/** The payload comes back as it was sent, or its attributes alone. */
function emailIn(payload: Readonly<Record<string, unknown>>): string {
  const attributes = payload["attributes"];
  const inner: unknown =
    typeof attributes === "object" && attributes !== null ? Reflect.get(attributes, "email") : null;
  const email = payload["email"] ?? inner;
  // No row has the empty address.
  return typeof email === "string" ? email.toLowerCase() : "\u0000";
}

function positionIn(pointer: string): number | null {
  const found = /\/profiles\/data\/(\d{1,6})(?:\/|$)/.exec(pointer)?.[1];
  return found === undefined ? null : Number(found);
}
