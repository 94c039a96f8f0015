/** The section `destinations` of freshet.yaml: where profiles go, and what of them. Each type adds keys of its own. */
import { z } from "zod";
import { durationPattern, parseDuration } from "../lib/duration.ts";
import { nearest } from "../lib/nearest.ts";
import type { CapabilityName } from "../model/delivery/delivery.ts";
import type { DestinationSetting } from "../model/delivery/destinationSetting.ts";
import { fieldTypes, ownPaths, type FieldMapping } from "../model/delivery/fieldMapping.ts";

/** A type of destination, as far as its settings are concerned. */
export interface DestinationKind {
  readonly type: string;
  readonly can: readonly CapabilityName[];
  readonly settings: z.ZodType;
}

const fieldName = z.string().min(1).max(500);
const path = z.string().min(1).max(5_000);
const mapping = z.union([path, z.strictObject({ from: path, type: z.enum(fieldTypes).optional() })]);

const common = {
  type: {
    schema: z.string().min(1).max(64),
    description: "What it is, such as `customerio` or `http`; docs/destinations has a page for each.",
    needs: null,
  },
  map: {
    schema: z.record(fieldName, mapping),
    description:
      "The fields it gets, each with a trait's path such as `cart.value`, a Liquid text such as `{{ firstName | upcase }}`, or `{ from, type }` with type string, number, boolean or date. Beside traits there are `$profileId`, `$userId`, `$email`, `$segments`, `$firstSeenAt` and `$lastSeenAt`. Without it, every trait under its own name.",
    needs: "upsert",
  },
  audiences: {
    schema: z.array(z.string().min(1).max(64)).max(500),
    description: "Segments whose members it is told of as they come and go.",
    needs: "audience",
  },
  events: {
    schema: z.union([z.literal(true), z.array(z.string().min(1).max(200)).max(500)]),
    description: "Track events that are forwarded, by name; `true`: all. Without it, none.",
    needs: "event",
  },
  suppressions: {
    schema: z.boolean(),
    description: "Whether it is told who must not be written to; true unless given.",
    needs: "suppress",
  },
  namespace: {
    schema: z.enum(["live", "test"]),
    description: "Whose profiles it gets: `live` unless given; `test`: those of test keys alone.",
    needs: null,
  },
  privateNetwork: {
    schema: z.boolean(),
    description: "Whether its address may be this machine's or lie in a private network; false unless given.",
    needs: null,
  },
  limits: {
    schema: z.strictObject({
      requestsPerSecond: z.number().min(0.01).max(100_000).optional(),
      connections: z.int().min(1).max(100).optional(),
      batchRows: z.int().min(1).max(10_000).optional(),
      timeout: z.string().regex(durationPattern).optional(),
    }),
    description:
      "Less than it documents: `requestsPerSecond`, `connections` at the same time, `batchRows` a request, `timeout` of a request.",
    needs: null,
  },
} as const satisfies Record<string, { schema: z.ZodType; description: string; needs: CapabilityName | null }>;

type CommonName = keyof typeof common;
const commonNames = Object.keys(common) as CommonName[];

const commonSchema = z.object({
  type: common.type.schema,
  map: common.map.schema.optional(),
  audiences: common.audiences.schema.optional(),
  events: common.events.schema.optional(),
  suppressions: common.suppressions.schema.optional(),
  namespace: common.namespace.schema.optional(),
  privateNetwork: common.privateNetwork.schema.optional(),
  limits: common.limits.schema.optional(),
});

/** `destinations:`; what its type adds is held against that type's own schema. */
export const destinationsSchema = z
  .record(z.string().regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/), z.looseObject({ type: common.type.schema }))
  .meta({
    description: "Where profiles and events are sent, by name.",
    expected: "a map of destinations, each with a type; a name has at most 64 letters, digits, _ . -",
  });

export type DestinationsSection = z.output<typeof destinationsSchema>;

/** Keys that every type has, for the reference. */
export const destinationKeys: readonly { readonly key: string; readonly description: string }[] =
  commonNames.map((key) => ({ key, description: common[key].description }));

/** The settings of a section, and what is wrong with it, each problem beginning with its place. */
export function destinationSettings(
  section: DestinationsSection,
  kinds: readonly DestinationKind[],
  segments: ReadonlySet<string>,
): { readonly settings: readonly DestinationSetting[]; readonly problems: readonly string[] } {
  const problems: string[] = [];
  const settings = Object.entries(section).flatMap(([name, entry]) => {
    const kind = kinds.find(({ type }) => type === entry.type);
    const place = `destinations.${name}`;
    if (kind === undefined) {
      const types = kinds.map(({ type }) => type);
      const meant = nearest(entry.type, types);
      problems.push(
        `${place}.type: there is no type of that name${meant === null ? `; there are ${types.join(", ")}` : `; did you mean ${meant}?`}`,
      );
      return [];
    }
    const own = Object.fromEntries(
      Object.entries(entry).filter(([key]) => !commonNames.some((one) => one === key)),
    );
    const shared = commonSchema.safeParse(entry);
    const rest = kind.settings.safeParse(own);
    if (!shared.success) problems.push(...shared.error.issues.flatMap((issue) => told(issue, place, [])));
    if (!rest.success)
      problems.push(
        ...rest.error.issues.flatMap((issue) =>
          told(issue, place, [...commonNames, ...keysOf(kind.settings)]),
        ),
      );
    if (!shared.success || !rest.success) return [];
    problems.push(
      ...undeclared(entry, kind, place),
      ...unknownSegments(shared.data.audiences, segments, place),
    );
    return [settingOf(name, shared.data, rest.data)];
  });
  return { settings, problems };
}

function settingOf(name: string, shared: z.output<typeof commonSchema>, own: unknown): DestinationSetting {
  const { type, map, audiences = [], events = [], limits = {} } = shared;
  return {
    name,
    type,
    namespace: shared.namespace ?? "live",
    map: map === undefined ? null : Object.entries(map).map(mappingOf),
    audiences,
    events: events === true ? null : events,
    suppressions: shared.suppressions ?? true,
    privateNetwork: shared.privateNetwork ?? false,
    limits: {
      requestsPerSecond: limits.requestsPerSecond ?? null,
      connections: limits.connections ?? null,
      batchRows: limits.batchRows ?? null,
      timeoutMs: limits.timeout === undefined ? null : parseDuration(limits.timeout),
    },
    own,
  };
}

function mappingOf([field, given]: [string, z.output<typeof mapping>]): FieldMapping {
  const { from, type = null } = typeof given === "string" ? { from: given } : given;
  return { field, type, from: { kind: /\{\{|\{%/.test(from) ? "liquid" : "path", text: from } };
}

/** Keys that ask for what the type can't do; and own paths that there are none of. */
function undeclared(
  entry: Readonly<Record<string, unknown>>,
  { type, can }: DestinationKind,
  place: string,
): string[] {
  const asked = commonNames.flatMap((key) => {
    const { needs } = common[key];
    if (needs === null || !(key in entry) || can.some((one) => one === needs)) return [];
    return [
      `${place}.${key}: a destination of the type ${type} can't do that (${needs}); it can ${can.join(", ")}`,
    ];
  });
  const { map } = entry;
  const paths = typeof map === "object" && map !== null ? Object.entries(map) : [];
  const wrong = paths.flatMap(([field, given]) => {
    const from: unknown = typeof given === "object" && given !== null ? Reflect.get(given, "from") : given;
    if (typeof from !== "string" || !from.startsWith("$") || ownPaths.some((own) => own === from)) return [];
    const meant = nearest(from, ownPaths);
    return [
      `${place}.map.${field}: there is no ${from}${meant === null ? `; there are ${ownPaths.join(", ")}` : `; did you mean ${meant}?`}`,
    ];
  });
  return [...asked, ...wrong];
}

function unknownSegments(
  audiences: readonly string[] | undefined,
  segments: ReadonlySet<string>,
  place: string,
): string[] {
  return (audiences ?? []).flatMap((name, at) => {
    if (segments.has(name)) return [];
    const meant = nearest(name, segments);
    return [
      `${place}.audiences.${at}: there is no segment ${name}${meant === null ? "" : `; did you mean ${meant}?`}`,
    ];
  });
}

/** An issue in words, without the value: it may be a secret. */
function told(issue: z.core.$ZodIssue, place: string, known: readonly string[]): string[] {
  const at = [place, ...issue.path.map(String)].join(".");
  if (issue.code === "unrecognized_keys")
    return issue.keys.map((key) => {
      const meant = nearest(key, known);
      return `${at}.${key} is unknown${meant === null ? `; known here: ${known.join(", ")}` : `; did you mean ${meant}?`}`;
    });
  const isMissing = issue.code === "invalid_type" && issue.message.endsWith("received undefined");
  if (isMissing) return [`${at} is missing: expected a ${issue.expected}`];
  if (issue.code === "invalid_format") return [`${at}: it has not the form that is expected there`];
  return [`${at}: ${issue.message.charAt(0).toLowerCase()}${issue.message.slice(1)}`];
}

function keysOf(schema: z.ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}
