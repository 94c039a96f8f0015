/** Takes identifiers that name nobody from what was judged; an event that has no other one is refused. */
import { eventError } from "../errors.ts";
import type { Event } from "../model/event.ts";
import { withoutBlocked, type Ignored } from "../model/guard.ts";
import type { Identity } from "../model/identity.ts";
import type { Judged, Verdict } from "./accept.ts";

const namesNobody = eventError(
  "missing_id",
  "Its userId and anonymousId are values that name nobody, such as null or guest.",
);

/** The verdict with blocked identifiers left out, each written down beside its event. */
export function guardVerdict(verdict: Verdict, identity: Identity): Verdict {
  if (verdict.kind === "refused") return verdict;
  return { ...verdict, events: verdict.events.map((judged) => guard(judged, identity)) };
}

function guard(judged: Judged, identity: Identity): Judged {
  if (judged.kind !== "event") return judged;
  const event = withoutBlocked(judged.event, identity);
  if (event === judged.event) return judged;
  if (event.userId === null && event.anonymousId === null)
    return { kind: "rejected", error: namesNobody, messageId: event.messageId, raw: judged.raw };
  return { ...judged, event, extra: withFact(judged.extra, "ignored", event.ignored ?? {}) };
}

/** A row's `extra` with one more fact. */
export function withFact(
  extra: string | null,
  name: "ignored" | "refused" | "undone",
  value: unknown,
): string {
  const facts = extra === null ? {} : (JSON.parse(extra) as Record<string, unknown>);
  return JSON.stringify({ ...facts, [name]: value });
}

/** `extra` with what a first folding decided about an event; as it was, where it decided nothing. */
export function withDecisions(
  extra: string | null,
  event: Event,
  decided: { readonly refused: readonly string[] | null; readonly overLimit: Ignored | null },
): string | null {
  const { refused, overLimit } = decided;
  const kept = refused === null ? extra : withFact(extra, "refused", refused);
  return overLimit === null ? kept : withFact(kept, "ignored", { ...event.ignored, ...overLimit });
}
