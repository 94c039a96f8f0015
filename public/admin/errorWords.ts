/** What went wrong, in words for whoever sits before the page; the API's own are for whoever writes a program. */
import { ApiError } from "./api.ts";
import { durationText } from "./words.ts";

export interface ErrorWords {
  readonly sentence: string;
  readonly hint: string;
}

/** Of anything that was caught. */
export function wordsOf(error: unknown): ErrorWords {
  if (!(error instanceof ApiError))
    return { sentence: error instanceof Error ? error.message : String(error), hint: "" };
  return ours(error) ?? { sentence: error.message, hint: error.hint };
}

/** Why signing in with `key` did not work. */
export function signInWords(error: unknown, key: string): ErrorWords {
  if (!(error instanceof ApiError)) return wordsOf(error);
  const isWriteKey = key.startsWith("wk_");
  switch (error.code) {
    case "rate_limited":
      return {
        sentence: "Too many tries with keys that don't work.",
        hint: `Wait ${waitText(error)}, then try again.`,
      };
    case "unauthorized":
    case "forbidden":
    case "invalid_request":
      if (isWriteKey)
        return {
          sentence: "That is a write key: it can only send events.",
          hint: "Sign in with a secret key; it begins with sk_.",
        };
      return error.code === "forbidden"
        ? {
            sentence: "That key works, but it may not open this page.",
            hint: "Use a live secret key with the scope admin that may read all traits.",
          }
        : {
            sentence: "That key doesn't open this page.",
            hint: "Check that you copied all of it, and that it was not revoked.",
          };
    case "disk_full":
      return {
        sentence: "The server's disk is full, so nobody can sign in.",
        hint: "Free some space, then try again.",
      };
    default:
      return wordsOf(error);
  }
}

function ours(error: ApiError): ErrorWords | null {
  switch (error.code) {
    case "rate_limited":
    case "overloaded":
      return { sentence: "The server is busy.", hint: `Try again in ${waitText(error)}.` };
    case "unauthorized":
      return { sentence: "You are signed out.", hint: "Sign in again to go on." };
    case "profiles_rebuilding":
      return {
        sentence: "The profiles are being rebuilt.",
        hint: "Events are taken meanwhile; look again in a moment.",
      };
    case "profile_not_found":
      return {
        sentence: "No profile has that identifier.",
        hint: "The search takes whole identifiers only. Check the spelling, and whether it is live or test data.",
      };
    case "disk_full":
      return { sentence: "The server's disk is full, so this was not done.", hint: "Free some space first." };
    default:
      return null;
  }
}

function waitText({ retryAfterSeconds }: ApiError): string {
  return durationText(Math.max(1, retryAfterSeconds) * 1_000);
}
