/**
 * Facts: what is found out about an event when it is accepted, and written beside it. They are never found out again,
 * so that a rebuild agrees whatever the tables of that day say. Conditions read them under the names below.
 */

/** Absent: not known, or (bot, proxy) not so. */
export interface Facts {
  /** desktop, mobile, tablet, tv, … */
  readonly device?: string;
  readonly os?: string;
  readonly browser?: string;
  /** The user agent is a robot's, or a scanner's that looks into e-mails before people do. */
  readonly bot?: true;
  /** Who fetched an e-mail's pictures in the reader's place, such as `apple` or `google`. */
  readonly proxy?: string;
  /** ISO 3166. */
  readonly country?: string;
}

/** Conditions name them `context.device` and so on. */
export const factNames = ["device", "os", "browser", "bot", "proxy", "country"] as const;

const byProperty: ReadonlyMap<string, (typeof factNames)[number]> = new Map(
  factNames.map((name) => [`context.${name}`, name]),
);

/** Whether a condition's property names a fact; then no property of that name counts. */
export function isFactName(property: string): boolean {
  return byProperty.has(property);
}

/** The fact that a condition's property names; undefined: it is not known, or not so. */
export function factAt(facts: Facts | undefined, property: string): string | true | undefined {
  const name = byProperty.get(property);
  return name === undefined ? undefined : facts?.[name];
}

/** Where `extra`, what is stored beside an event, holds them. */
export const factsKey = "facts";

/** The facts that are stored beside an event; undefined: none. */
export function factsIn(extra: string | null): Facts | undefined {
  if (extra?.includes(`"${factsKey}"`) !== true) return undefined;
  // Written by the judge alone.
  return (JSON.parse(extra) as { readonly [factsKey]?: Facts })[factsKey];
}

/** What events are enriched with, as an operator configures it. */
export interface Enrichment {
  /** Content of a .mmdb file; null: countries are not looked up. */
  readonly geoip: Uint8Array | null;
  /** False: addresses of senders are taken out of what is stored. */
  readonly keepIp: boolean;
}

export const noEnrichment: Enrichment = { geoip: null, keepIp: false };
