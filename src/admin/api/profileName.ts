/** What people would call a profile: by a name among its traits, or by an e-mail address. Pure. */
import type { Json } from "../../model/event.ts";
import type { Identifier } from "../../model/identifier.ts";

/** Longer names are cut: it is a heading. */
const maxLength = 100;
const wholeNames = ["name", "fullName", "full_name"] as const;
const nameParts = [
  ["firstName", "lastName"],
  ["first_name", "last_name"],
] as const;

/** The profile's name; null where neither its traits nor its identifiers hold one. */
export function nameOf(
  traits: Readonly<Record<string, Json>>,
  identifiers: readonly Identifier[],
): string | null {
  const whole = wholeNames.map((key) => textOf(traits, key));
  const parts = nameParts.map((keys) =>
    keys
      .map((key) => textOf(traits, key))
      .filter(Boolean)
      .join(" "),
  );
  const email = identifiers.find(({ type }) => type === "email")?.value ?? "";
  const found = [...whole, ...parts, email, textOf(traits, "email")].find((text) => text !== "");
  if (found === undefined) return null;
  return shortened(found);
}

/** Cut between what a reader takes for characters, never inside one. */
function shortened(text: string): string {
  let count = 0;
  for (const { index } of new Intl.Segmenter().segment(text)) {
    if (count === maxLength) return `${text.slice(0, index)}…`;
    count += 1;
  }
  return text;
}

function textOf(traits: Readonly<Record<string, Json>>, key: string): string {
  const value = Object.hasOwn(traits, key) ? traits[key] : undefined;
  return typeof value === "string" ? value.trim() : "";
}
