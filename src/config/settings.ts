/** Merges flags, environment and file into the settings that the program runs with. Flags win, then variables, then the file. */
import { dirname, resolve } from "node:path";
import { parseByteSize } from "../lib/byteSize.ts";
import type { ProxyTrust } from "../lib/address.ts";
import { parseDuration } from "../lib/duration.ts";
import { assert } from "../lib/assert.ts";
import { compileIdentity } from "../model/identity.ts";
import type { DestinationSetting } from "../model/delivery/destinationSetting.ts";
import type { TriggerRules } from "../model/trigger.ts";
import type { PlanRules } from "../model/plan.ts";
import type { Rules } from "../model/rules.ts";
import type { Enrichment } from "../model/facts.ts";
import { alertSettings, type AlertSettings } from "./alerts.ts";
import { auditSettings, freshnessTarget, type AuditSettings, type FreshnessTarget } from "./audits.ts";
import { definitionsOf } from "./computedDefinitions.ts";
import { loadSegments, type LoadedSegments } from "./segments.ts";
import { loadPlan } from "./trackingPlan.ts";
import { declaredTraitsOf } from "./declaredTraits.ts";
import { contentSettings, type ContentSettings } from "./content.ts";
import { destinationSettings, type DestinationKind } from "./destinations.ts";
import { triggerRules } from "./triggers.ts";
import { watchedTraits } from "./watched.ts";
import { readConfigFile, readConfigText, refusal, type BuiltInFile, type ConfigFile } from "./configFile.ts";
import { ConfigError } from "./configError.ts";
import { checkVariables, testVariable } from "./variables.ts";
import type { Environment } from "./environment.ts";
import { firstKeysOf, type FirstKeys } from "./firstKeys.ts";
import { consentRulesOf } from "./consent.ts";
import { loadEnrichment } from "./enrichment.ts";
import { identityRulesOf } from "./identity.ts";
import { readText, type Option } from "./option.ts";
import { dataOptions, serveOptions, serveShape, type ServeValues } from "./serveOptions.ts";

/** Option values given on the command line, by key. */
export type Flags = Readonly<Record<string, unknown>>;

/** A source of freshet.yaml. */
export interface SourceSetting {
  readonly name: string;
  readonly trust: "browser" | "server";
  readonly writeKey: string;
}

/** A stream that a source of freshet.yaml follows. */
export interface FollowSetting {
  readonly source: string;
  readonly url: string;
  readonly trusted: boolean;
  /** That of the source's write key, if it has one too. */
  readonly namespace: "live" | "test";
}

/** Bounds of everything that could otherwise grow with load. */
export interface Limits {
  readonly maxInFlightRequests: number;
  readonly maxInFlightBytes: number;
  readonly maxConnections: number;
  readonly maxStreams: number;
  /** Events a second per browser key and address. */
  readonly browserRate: number;
  readonly requestTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly feedHeartbeatMs: number;
  readonly drainTimeoutMs: number;
}

/** What `freshet serve` runs with. */
export interface ServeSettings {
  readonly dataFolder: string;
  readonly host: string;
  readonly port: number;
  readonly publicUrls: readonly string[];
  readonly proxyTrust: ProxyTrust;
  readonly logLevel: ServeValues["logLevel"];
  readonly logFormat: ServeValues["logFormat"];
  readonly limits: Limits;
  /** Whether a changed file is taken into use by itself. */
  readonly watchesConfig: boolean;
  /** Whether the admin page may replace the file. */
  readonly editsConfig: boolean;
  readonly sources: readonly SourceSetting[];
  readonly follows: readonly FollowSetting[];
  readonly rules: Rules;
  /** Content of the lists that segments name, by its hash. */
  readonly lists: ReadonlyMap<string, Uint8Array>;
  /** Null: there is no tracking plan. */
  readonly plan: PlanRules | null;
  readonly destinations: readonly DestinationSetting[];
  /** What is sent when something happens. */
  readonly triggers: TriggerRules;
  readonly alerts: AlertSettings;
  readonly audits: AuditSettings;
  readonly freshness: FreshnessTarget;
  readonly enrichment: Enrichment;
  readonly firstKeys: FirstKeys;
  readonly configPath: string;
  /** `builtIn`: the program brings it along. */
  readonly configOrigin: "file" | "builtIn";
  /** The configuration file as it is; null: there is none. */
  readonly configText: string | null;
  /** Null: there are no content blocks. */
  readonly content: ContentSettings | null;
  /** Null: there is no tracking plan. */
  readonly planFolder: string | null;
  /** Where a test wants the process to die; null in production. */
  readonly crashAt: string | null;
}

/**
 * The settings of `freshet serve`. Throws ConfigError with every problem found. `builtIn` stands for the configuration
 * file where none is named, `instead` for what the file holds; `kinds` are the types of destinations that it may name.
 */
export function loadServeSettings(
  flags: Flags,
  environment: Environment,
  builtIn: BuiltInFile | null = null,
  instead?: string,
  kinds: readonly DestinationKind[] = [],
): ServeSettings {
  const early = mergeOptions(
    serveOptions.filter((option) => !option.inFile),
    flags,
    environment,
    {},
  );
  const configGiven = flags["config"] !== undefined || environment["FRESHET_CONFIG"] !== undefined;
  const brought = configGiven ? null : builtIn;
  const configPath = brought?.name ?? String(early["config"]);
  const given = instead === undefined ? brought : { name: configPath, text: instead };
  const { file, variables, text } =
    given === null
      ? readConfigFile(configPath, configGiven, environment)
      : readConfigText(given, environment);
  checkVariables(environment, variables);
  const values = serveValues(mergeOptions(serveOptions, flags, environment, file.serve ?? {}));
  const { destinations, triggers } = waysOut(file, kinds, configPath, text ?? "");
  const watched = watchedTraits(destinations, kinds, definitionsOf(file));
  return {
    ...settingsOf(
      values,
      file,
      planOf(file, configPath),
      environment,
      inFile(configPath, text, () => segmentsOf(file, configPath)),
      watched,
    ),
    configPath,
    configText: text,
    destinations,
    triggers,
    configOrigin: brought === null ? "file" : "builtIn",
    planFolder: planFolderOf(file, configPath),
    enrichment: inFile(configPath, text, () => loadEnrichment(file.enrichment, dirname(configPath))),
    content: contentSettings(file.content, dirname(configPath)),
  };
}

/** The data folder, for commands that need nothing else. Throws ConfigError. */
export function loadDataFolder(flags: Flags, environment: Environment): string {
  checkVariables(environment, new Set(), { namedInFile: true });
  return String(mergeOptions(dataOptions, flags, environment, {})["data"]);
}

function mergeOptions(
  options: readonly Option[],
  flags: Flags,
  environment: Environment,
  file: Flags,
): Record<string, unknown> {
  const problems: string[] = [];
  const merged: Record<string, unknown> = {};
  for (const option of options) {
    const { value, origin } = pick(option, flags, environment, file);
    if (value === undefined) {
      merged[option.key] = option.defaultValue;
      continue;
    }
    merged[option.key] = readText(option, value);
    if (!option.schema.safeParse(merged[option.key]).success)
      problems.push(`${origin}: expected ${option.expected}${serviceLinkHint(value)}`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return merged;
}

function pick(
  option: Option,
  flags: Flags,
  environment: Environment,
  file: Flags,
): { readonly value: unknown; readonly origin: string } {
  const fromFlag = flags[option.key];
  if (fromFlag !== undefined) return { value: fromFlag, origin: option.flag };
  const fromEnvironment = environment[option.env];
  if (fromEnvironment !== undefined && fromEnvironment !== "")
    return { value: fromEnvironment, origin: option.env };
  return { value: option.inFile ? file[option.key] : undefined, origin: `serve.${option.key}` };
}

/** Kubernetes sets FRESHET_PORT=tcp://… for a service called freshet; without a word about it that is a riddle. */
function serviceLinkHint(value: unknown): string {
  return typeof value === "string" && value.startsWith("tcp://")
    ? " (set by Kubernetes for a service of that name? use enableServiceLinks: false)"
    : "";
}

function serveValues(merged: Record<string, unknown>): ServeValues {
  const parsed: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(serveShape)) parsed[key] = schema.parse(merged[key]);
  // Each value was parsed by the schema of its key just above.
  return parsed as ServeValues;
}

function planFolderOf({ trackingPlan }: ConfigFile, path: string): string | null {
  if (trackingPlan === undefined) return null;
  return resolve(dirname(path), typeof trackingPlan === "string" ? trackingPlan : trackingPlan.folder);
}

/** Null where the file names no plan. */
function planOf({ trackingPlan }: ConfigFile, path: string): PlanRules | null {
  return trackingPlan === undefined ? null : loadPlan(trackingPlan, dirname(path));
}

function settingsOf(
  values: ServeValues,
  file: ConfigFile,
  plan: PlanRules | null,
  environment: Environment,
  { segments, lists }: LoadedSegments,
  watched: Rules["watched"],
): Omit<
  ServeSettings,
  | "configPath"
  | "configText"
  | "configOrigin"
  | "planFolder"
  | "enrichment"
  | "destinations"
  | "triggers"
  | "content"
> {
  const limits: Limits = {
    maxInFlightRequests: values.maxInFlightRequests,
    maxInFlightBytes: bytes(values.maxInFlightBytes),
    maxConnections: values.maxConnections,
    maxStreams: values.maxStreams,
    browserRate: values.browserRate,
    requestTimeoutMs: milliseconds(values.requestTimeout),
    idleTimeoutMs: milliseconds(values.idleTimeout),
    feedHeartbeatMs: milliseconds(values.feedHeartbeat),
    drainTimeoutMs: milliseconds(values.drainTimeout),
  };
  checkLimits(limits);
  return {
    dataFolder: values.data,
    host: values.host,
    port: values.port,
    publicUrls: values.publicUrl,
    proxyTrust: proxyTrust(values.trustProxy),
    logLevel: values.logLevel,
    logFormat: values.logFormat,
    limits,
    watchesConfig: values.watchConfig === "true",
    editsConfig: values.editConfig === "true",
    sources: sourcesOf(file),
    follows: followsOf(file),
    rules: {
      traits: declaredTraitsOf(file),
      computed: definitionsOf(file),
      identity: identityRulesOf(file.identity),
      consent: consentRulesOf(file.consent),
      segments,
      watched,
    },
    lists,
    plan,
    alerts: alertSettings(file.alerts),
    audits: auditSettings(file.audits),
    freshness: freshnessTarget(file.freshness),
    firstKeys: firstKeysOf(environment),
    crashAt: environment[testVariable] ?? null,
  };
}

function segmentsOf({ segments = {}, identity }: ConfigFile, configPath: string): LoadedSegments {
  return loadSegments(segments, dirname(configPath), compileIdentity(identityRulesOf(identity)));
}

function waysOut(
  file: ConfigFile,
  kinds: readonly DestinationKind[],
  configPath: string,
  text: string,
): Pick<ServeSettings, "destinations" | "triggers"> {
  const segments = new Set(Object.keys(file.segments ?? {}));
  const destinations = destinationSettings(file.destinations ?? {}, kinds, segments);
  const triggers = triggerRules(file, {
    segments,
    destinations: destinations.settings,
    canSend: (type) => kinds.some((kind) => kind.type === type && kind.can.includes("send")),
  });
  // A destination that is wrong is missing for its triggers too; the cause alone is worth telling.
  const problems = destinations.problems.length > 0 ? destinations.problems : triggers.problems;
  if (problems.length > 0) throw refusal(configPath, text, problems);
  return { destinations: destinations.settings, triggers: triggers.rules };
}

/** Tells problems as ones of the file, with where they stand in it. */
function inFile<T>(path: string, text: string | null, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    throw refusal(path, text ?? "", error.problems);
  }
}

function sourcesOf({ sources = {} }: ConfigFile): SourceSetting[] {
  return Object.entries(sources).flatMap(([name, { trust, writeKey }]) =>
    writeKey === undefined ? [] : [{ name, trust, writeKey }],
  );
}

function followsOf({ sources = {} }: ConfigFile): FollowSetting[] {
  return Object.entries(sources).flatMap(([source, { trust, writeKey, follow }]) => {
    if (follow === undefined) return [];
    const namespace = writeKey?.startsWith("wk_test_") === true ? "test" : "live";
    return [{ source, url: follow, trusted: trust === "server", namespace }];
  });
}

/** Relations between limits that no single option can state. */
function checkLimits(limits: Limits): void {
  const problems: string[] = [];
  if (limits.idleTimeoutMs < 2_000 || limits.idleTimeoutMs > 255_000)
    problems.push("idleTimeout: expected a duration from 2s to 255s");
  if (limits.idleTimeoutMs % 1_000 !== 0) problems.push("idleTimeout: expected whole seconds");
  if (limits.feedHeartbeatMs < 500 || limits.feedHeartbeatMs >= limits.idleTimeoutMs)
    problems.push("feedHeartbeat: expected a duration from 500ms to less than idleTimeout");
  if (limits.requestTimeoutMs < 1_000 || limits.requestTimeoutMs > 600_000)
    problems.push("requestTimeout: expected a duration from 1s to 10m");
  if (limits.drainTimeoutMs < 100 || limits.drainTimeoutMs > 600_000)
    problems.push("drainTimeout: expected a duration from 100ms to 10m");
  if (limits.maxInFlightBytes < 4 * 1024 ** 2)
    problems.push("maxInFlightBytes: expected at least 4MB, the largest request");
  if (problems.length > 0) throw new ConfigError(problems);
}

function proxyTrust(items: readonly string[]): ProxyTrust {
  const [first, second] = items;
  if (first === undefined) return { kind: "none" };
  const numbers = items.filter((item) => /^\d+$/.test(item));
  if (numbers.length === 0) return { kind: "networks", networks: items };
  if (second !== undefined)
    throw new ConfigError([
      "trustProxy: expected either one number of hops or addresses and ranges, not both",
    ]);
  return { kind: "hops", hops: Number(first) };
}

function milliseconds(text: string): number {
  const durationMs = parseDuration(text);
  assert(durationMs !== null, "the schema let a malformed duration pass");
  return durationMs;
}

function bytes(text: string): number {
  const size = parseByteSize(text);
  assert(size !== null, "the schema let a malformed size pass");
  return size;
}
