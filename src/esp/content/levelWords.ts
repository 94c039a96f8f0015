/** What levels and reasons are called where people read them; codes stand in answers, for programs. */

const reasons: Readonly<Record<string, string>> = {
  none: "all live",
  trait_missing: "trait missing",
  trait_stale: "trait out of date",
  profile_not_found: "profile not found",
  profiles_rebuilding: "profiles being rebuilt",
  overloaded: "server too busy",
  link_expired: "link expired",
  template_failed: "template failed",
  unsafe_link: "unsafe link in a value",
  unsafe_markup: "unsafe markup in a value",
};

const levels: Readonly<Record<string, string>> = {
  live: "live",
  lastKnown: "last known",
  segmentDefault: "segment's default",
  default: "default",
  fallback: "fallback",
  missing: "missing",
  nothing: "nothing",
};

/** Why an answer is not what it would be; null: it is. */
export function reasonText(reason: string | null): string {
  const code = reason ?? "none";
  return reasons[code] ?? code.replaceAll("_", " ");
}

/** Where a value or an answer comes from; null: there is none. */
export function levelText(level: string | null): string {
  return levels[level ?? "nothing"] ?? level ?? "";
}
