/** What destinations and triggers say of themselves, in plain words, with what to do. */
import type { DestinationReport } from "../../src/esp/deliver/reports.ts";
import { countText, durationText } from "./words.ts";

/** How a destination is, and how bad that is. */
export function stateWords({ state, stopped, name }: DestinationReport): {
  readonly kind: "good" | "slow" | "wrong";
  readonly words: string;
  readonly advice: string | null;
} {
  switch (state) {
    case "working":
      return { kind: "good", words: "working", advice: null };
    case "paused":
      return {
        kind: "slow",
        words: "paused",
        advice: "Nothing is lost: what comes waits in the queue until it is resumed.",
      };
    case "held":
      return {
        kind: "slow",
        words: "held back",
        advice:
          "Several requests in a row failed, so only one now and then is let through to try. It goes on by itself once one is answered.",
      };
    case "removed":
      return {
        kind: "slow",
        words: "removed",
        advice:
          "freshet.yaml names it no more. What waits for it waits on: it is sent when the destination comes back under the same name, or thrown away when it is forgotten.",
      };
    case "stopped":
      return {
        kind: "wrong",
        words: `stopped: ${stopped ?? "it refuses everything"}`,
        advice: `Mend what it complains of (most often the credentials of ${name} in freshet.yaml), then resume it.`,
      };
  }
}

export function lagText({ lag }: DestinationReport): string {
  if (lag.changes === 0 && lag.ms === 0) return "none";
  return `${countText(lag.changes)} changes, ${durationText(lag.ms)}`;
}

/** What an answer's status most often means, and what to do about it. */
export function adviceOf(status: number | null): string {
  if (status === null)
    return "It could not be reached, or did not answer in time. It is tried again by itself.";
  if (status === 401 || status === 403)
    return "It refuses the credentials: test them, and set them anew in freshet.yaml.";
  if (status === 404)
    return "It knows no such address or person: check the address and the ids in freshet.yaml.";
  if (status === 429)
    return "It asks for fewer requests. They are spread out by themselves; lower limits: in freshet.yaml if it goes on.";
  if (status >= 500) return "It has trouble of its own. It is tried again by itself for 72 hours.";
  return "It does not take what was sent: look at the dead letters, and compare the mapping with what it expects.";
}

export const deadReasons = {
  dropped: "refused for good",
  tooOld: "not taken within 72 hours",
  uncertain: "nobody knows whether it went out: decide yourself, since another sending may be a second one",
} as const;

const reasons: Readonly<Record<string, string>> = {
  once_per: "had it already within the time that it may come once",
  left_segment: "was no longer in the segment",
  too_late: "it was too late for it",
  capped: "had enough messages",
  no_address: "has no e-mail address",
  unsubscribed: "unsubscribed",
  bounced: "the address bounced",
  complained: "complained",
  consent_denied: "does not want it",
  consent_unknown: "never agreed to it",
  not_fresh: "a value was not fresh enough",
  trait_missing: "a value that the block needs is missing",
  template_failed: "the block failed",
  trigger_removed: "the trigger is no longer there",
  block_not_found: "the block is not there",
  destination_removed: "the destination was removed and forgotten",
};

export function reasonText(reason: string): string {
  return reasons[reason] ?? reason.replaceAll("_", " ");
}

export const outcomes: Readonly<Record<string, string>> = {
  queued: "waiting",
  sent: "sent",
  uncertain: "perhaps sent",
  skipped: "not sent",
  dead: "dead letter",
  held_out: "held out",
};
