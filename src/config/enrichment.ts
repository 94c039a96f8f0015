/** The section `enrichment` of freshet.yaml: what is found out about an event when it comes, and what is kept of it. */
import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { openCountries } from "../lib/countries.ts";
import type { Enrichment } from "../model/facts.ts";
import { ConfigError } from "./configError.ts";

const maxFileBytes = 256 * 1024 * 1024;

const keys = {
  geoip: {
    schema: z.string().min(1),
    description:
      "A .mmdb file, such as GeoLite2-Country.mmdb, from which an event gets the country of its address; read at start. From where freshet.yaml lies.",
    expected: "the path of a .mmdb file",
  },
  keepIp: {
    schema: z.boolean(),
    description:
      "true: the addresses that clients send under context.ip stay in the stored events. Otherwise they are taken out before an event is stored.",
    expected: "true or false",
  },
} as const;

type KeyName = keyof typeof keys;
const keyNames = Object.keys(keys) as KeyName[];

/** `enrichment:` */
export const enrichmentSchema = z
  .strictObject({
    geoip: keys.geoip.schema.meta({ description: keys.geoip.description }).optional(),
    keepIp: keys.keepIp.schema.meta({ description: keys.keepIp.description }).optional(),
  })
  .meta({
    description: "What is found out about an event when it comes, and what is kept of its sender's address.",
    expected: `a map of ${keyNames.join(", ")}`,
  });

/** Reads the file that the section names; `from` is the folder of freshet.yaml. Throws ConfigError. */
export function loadEnrichment(
  section: z.output<typeof enrichmentSchema> | undefined,
  from: string,
): Enrichment {
  const { geoip, keepIp = false } = section ?? {};
  return { geoip: geoip === undefined ? null : readGeoip(resolve(from, geoip)), keepIp };
}

function readGeoip(path: string): Uint8Array {
  let content: Uint8Array;
  try {
    if (statSync(path).size > maxFileBytes)
      throw new ConfigError([`enrichment.geoip: ${path} is larger than 256 MB`]);
    content = readFileSync(path);
  } catch (error) {
    if (error instanceof ConfigError) throw error;
    throw new ConfigError([`enrichment.geoip: ${path} can't be read`]);
  }
  if (openCountries(content) === null)
    throw new ConfigError([`enrichment.geoip: ${path} is not a .mmdb file`]);
  return content;
}

/** What is wrong at one place of the section. */
export function describeEnrichment(issue: z.core.$ZodIssue, at: readonly string[]): string {
  if (issue.code === "unrecognized_keys")
    return issue.keys
      .map((key) => `enrichment.${key} is unknown; known here: ${keyNames.join(", ")}`)
      .join("; ");
  const known = keyNames.find((name) => name === at[1]);
  return `${at.join(".")}: expected ${known === undefined ? `a map of ${keyNames.join(", ")}` : keys[known].expected}`;
}

/** The keys of the section, for the reference. */
export const enrichmentKeys: readonly {
  readonly key: string;
  readonly description: string;
  readonly expected: string;
}[] = keyNames.map((key) => ({ key, description: keys[key].description, expected: keys[key].expected }));
