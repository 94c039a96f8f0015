/**
 * Who is in a segment, the slow and obvious way: from the whole list of events, at one instant, nothing kept between
 * two questions and nothing known of what comes next.
 */
import type { Definition } from "../../src/model/definition.ts";
import type { Limits } from "../../src/model/evidencePlan.ts";
import type { Event, Json, JsonObject } from "../../src/model/event.ts";
import type { Rules } from "../../src/model/rules.ts";
import type { SegmentRule } from "../../src/model/segmentRule.ts";
import { expectedValue, inOrder } from "./computedOracle.ts";
import { expectedCart, expectedOrders } from "./shopOracle.ts";
import { expectedTraits, expectedWriter } from "./traitOracle.ts";

/** All that is known of one profile. */
export interface Known {
  readonly events: readonly Event[];
  readonly identifiers: readonly string[];
  readonly rules: Rules;
  readonly limits: Limits;
  /** What the lists hold, by hash. */
  readonly lists: ReadonlyMap<string, readonly string[]>;
}

/** Names of the segments that hold at `tMs`, sorted. */
export function expectedSegments(known: Known, tMs: number): string[] {
  return known.rules.segments
    .filter(({ rule }) => isTrue(known, rule, tMs))
    .map(({ name }) => name)
    .sort();
}

function isTrue(known: Known, rule: SegmentRule, tMs: number): boolean {
  switch (rule.kind) {
    case "all":
      return rule.of.every((one) => isTrue(known, one, tMs));
    case "any":
      return rule.of.some((one) => isTrue(known, one, tMs));
    case "not":
      return !isTrue(known, rule.of, tMs);
    case "segment": {
      const other = known.rules.segments.find(({ name }) => name === rule.name);
      return other !== undefined && isTrue(known, other.rule, tMs);
    }
    case "consent":
      return wordOn(known.events, rule.channel, rule.topic) === rule.is;
    case "list":
      return known.identifiers.some((key) =>
        (known.lists.get(rule.sha256) ?? []).some((value) => key === `L${rule.match}:${value}`),
      );
    case "event": {
      const count: Extract<Definition, { aggregate: "count" }> = {
        aggregate: "count",
        name: "n",
        event: rule.event,
        ...(rule.where && { where: rule.where }),
        ...(rule.windowMs !== undefined && { windowMs: rule.windowMs }),
      };
      const n = Number(expectedValue(known.events, count, tMs, known.limits).value);
      const { atLeast = 0, atMost = Infinity } = rule.times ?? { atLeast: 1 };
      return n >= atLeast && n <= atMost;
    }
    case "trait":
      return asExpected(rule, valueOf(known, rule.path, tMs), tMs);
  }
}

/** The newest word on the topic, or a newer no on the channel; without a word of its own the channel's. */
function wordOn(events: readonly Event[], channel: string, topic: string | null): Json {
  const said = inOrder(events.filter(({ name, trusted }) => name === "Consent Changed" && trusted)).map(
    ({ properties }) => properties,
  );
  const own = said.findLastIndex((word) => word["channel"] === channel && (word["topic"] ?? null) === topic);
  const whole = said.findLastIndex((word) => word["channel"] === channel && word["topic"] === undefined);
  const decides = own < 0 || (whole > own && said[whole]?.["status"] === "denied") ? whole : own;
  return said[decides]?.["status"] ?? "unknown";
}

function asExpected({ test }: Extract<SegmentRule, { kind: "trait" }>, value: Json, tMs: number): boolean {
  const { is, isNot, oneOf, atLeast, below, exists, startsWith, between, contains } = test.condition ?? {};
  const number = typeof value === "number" ? value : Number.NaN;
  const timeMs = typeof value === "string" && /^\d{4}-/.test(value) ? Date.parse(value) : Number.NaN;
  const asked: boolean[] = [];
  if (is !== undefined) asked.push(value === is);
  if (isNot !== undefined) asked.push(value !== isNot);
  if (oneOf !== undefined) asked.push(oneOf.some((one) => one === value));
  if (atLeast !== undefined) asked.push(number >= atLeast);
  if (below !== undefined) asked.push(number < below);
  if (exists !== undefined) asked.push(exists ? value !== null : value === null);
  if (startsWith !== undefined) asked.push(typeof value === "string" && value.indexOf(startsWith) === 0);
  if (between !== undefined) asked.push(number >= between[0] && number <= between[1]);
  if (contains !== undefined) asked.push(JSON.stringify(value).includes(JSON.stringify(contains)));
  if (test.olderThanMs !== undefined) asked.push(tMs - timeMs >= test.olderThanMs);
  if (test.newerThanMs !== undefined) asked.push(tMs - timeMs < test.newerThanMs);
  if (test.beforeMs !== undefined) asked.push(timeMs < test.beforeMs);
  if (test.afterMs !== undefined) asked.push(timeMs >= test.afterMs);
  return asked.every((holds) => holds);
}

function valueOf(known: Known, path: readonly string[], tMs: number): Json {
  const [name = "", ...rest] = path;
  const definition = known.rules.computed.find((one) => one.name === name);
  const whole =
    definition === undefined
      ? ((expectedTraits(known.events) as JsonObject)[name] ?? null)
      : computedNow(known, definition, tMs);
  const value = rest.reduce<Json>(step, whole);
  if (value !== null || path.at(-1) !== "updatedAt" || definition !== undefined) return value;
  const writer = path.length === 2 && whole !== null ? expectedWriter(known.events, name) : undefined;
  return writer === undefined ? null : new Date(writer.timestampMs).toISOString();
}

function step(value: Json, key: string): Json {
  if (Array.isArray(value)) {
    const found = (value as readonly Json[]).map((one) => step(one, key)).filter((one) => one !== null);
    return found.length === 0 ? null : found;
  }
  return typeof value === "object" && value !== null ? ((value as JsonObject)[key] ?? null) : null;
}

function computedNow({ events, limits }: Known, definition: Definition, tMs: number): Json {
  if (definition.aggregate === "cart") return expectedCart(events, definition.currency);
  if (definition.aggregate === "orders") return expectedOrders(events, definition, tMs);
  return expectedValue(events, definition, tMs, limits).value;
}
