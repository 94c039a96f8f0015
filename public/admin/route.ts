/** Where in the page one is, by the address's fragment: `#/profiles/user_id%3A42`. */
import { signal } from "@preact/signals";

export const sections = [
  ["river", "River"],
  ["profiles", "Profiles"],
  ["segments", "Segments"],
  ["definitions", "Definitions"],
  ["plan", "Tracking plan"],
  ["content", "Content"],
  ["destinations", "Destinations"],
  ["triggers", "Triggers"],
  ["quarantine", "Quarantine"],
  ["audits", "Audits"],
  ["freshness", "Freshness"],
  ["keys", "Keys and sources"],
  ["storage", "Storage"],
  ["audit", "Audit log"],
] as const;

export type SectionName = (typeof sections)[number][0];

export interface Route {
  readonly section: SectionName;
  /** What stands behind the section, decoded. */
  readonly rest: readonly string[];
}

export const route = signal<Route>(read());

addEventListener("hashchange", () => {
  route.value = read();
});

/** The address of a place in the page. */
export function link(section: SectionName, ...rest: readonly string[]): string {
  return `#/${[section, ...rest.map(encodeURIComponent)].join("/")}`;
}

export function go(section: SectionName, ...rest: readonly string[]): void {
  location.hash = link(section, ...rest);
}

function read(): Route {
  const [name = "", ...rest] = location.hash.replace(/^#\/?/, "").split("/");
  const section = sections.find(([known]) => known === name)?.[0] ?? "river";
  return { section, rest: rest.map(decode) };
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
