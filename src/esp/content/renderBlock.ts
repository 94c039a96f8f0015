/**
 * One block for one recipient: values by the freshness that each need asks for, the template over them, and where that
 * can't be, what stands in. It always gives something. Pure but for the engine's clock.
 */
import { isTimeZone } from "../../lib/localDay.ts";
import { served, type AgedValue, type Freshness, type ServedFrom } from "../../model/freshness.ts";
import type { Json } from "../../model/event.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { segmentsOfProfile } from "../../store/segmentSubject.ts";
import { everything, renderVerboseProfile } from "../profileView.ts";
import type { Block } from "./block.ts";
import { textOf, type HtmlFault } from "./checkHtml.ts";
import { isLocale, type MailGlobals } from "./filters.ts";
import type { Head, OfPerson } from "./frontMatter.ts";

/** Why a block is not what it would be for a known recipient with fresh values. */
export type Reason =
  | "profile_not_found"
  | "profiles_rebuilding"
  | "trait_missing"
  | "trait_stale"
  | "template_failed"
  | "overloaded"
  | "link_expired"
  | HtmlFault;

export interface NeedServed {
  readonly servedFrom: ServedFrom;
  readonly ageMs: number | null;
  readonly maxAgeMs: number | null;
}

export interface RenderedBlock {
  readonly html: string;
  readonly text: string;
  /** What the template saw. */
  readonly data: Readonly<Record<string, Json>>;
  /** The worst level that went in. */
  readonly servedFrom: ServedFrom;
  /** Null when all is live. */
  readonly reason: Reason | null;
  readonly freshness: Readonly<Record<string, NeedServed>>;
  /** In which locale and time zone it was written. */
  readonly globals: MailGlobals;
  /** True where something stands in for the block. */
  readonly isFallback: boolean;
  /** Of the HTML and the text: 128 bits of their SHA-256, in hexadecimal digits. */
  readonly contentHash: string;
}

/** Values by trait, for a recipient who is made up: a case of a test, or one level of a preview. */
export interface GivenValues {
  readonly traits: Readonly<Record<string, AgedValue>>;
  readonly segments: readonly string[];
}

/** Whom it is for: `shared` for everybody. */
export type Recipient =
  | { readonly kind: "profile"; readonly profile: StoredProfile }
  | { readonly kind: "values"; readonly values: GivenValues }
  | { readonly kind: "shared" }
  | { readonly kind: "unknown" }
  | { readonly kind: "rebuilding" }
  /** Nothing may be looked up now. */
  | { readonly kind: "overloaded" }
  /** The signed link that was used is over. */
  | { readonly kind: "linkOver" };

/** Renders; never throws. */
export function renderBlock(block: Block, recipient: Recipient, nowMs: number): RenderedBlock {
  switch (recipient.kind) {
    case "unknown":
      return standIn(block, [], "profile_not_found");
    case "rebuilding":
      return standIn(block, [], "profiles_rebuilding");
    case "overloaded":
      return standIn(block, [], "overloaded");
    case "linkOver":
      return standIn(block, [], "link_expired");
    case "shared":
      return fill(block, gather(block.head, nobody, nowMs), []);
    case "values": {
      const { traits, segments } = recipient.values;
      const source = {
        valueOf: (name: string) => (Object.hasOwn(traits, name) ? (traits[name] ?? nothing) : nothing),
        declaredOf: () => undefined,
        members: segments,
      };
      return fill(block, gather(block.head, source, nowMs), segments);
    }
    case "profile": {
      const source = readingOf(block, recipient.profile, nowMs);
      return fill(block, gather(block.head, source, nowMs), source.members);
    }
  }
}

/** Where values are read from. */
interface Source {
  readonly valueOf: (name: string) => AgedValue;
  readonly declaredOf: (name: string) => Freshness | undefined;
  readonly members: readonly string[];
}

const nothing: AgedValue = { value: null, updatedAtMs: null };
const nobody: Source = { valueOf: () => nothing, declaredOf: () => undefined, members: [] };

function readingOf(block: Block, profile: StoredProfile, nowMs: number): Source {
  const { head } = block;
  const settings = [head.locale.trait, head.timeZone.trait].filter((name) => name !== null);
  const traits = [...head.needs.map(({ name }) => name), ...settings];
  const views = renderVerboseProfile(profile, { ...everything, traits }, nowMs).traits;
  return {
    valueOf: (name) => {
      const view = Object.hasOwn(views, name) ? views[name] : undefined;
      const ageMs = view?.ageMs ?? null;
      return { value: view?.value ?? null, updatedAtMs: ageMs === null ? null : nowMs - ageMs };
    },
    declaredOf: (name) => profile.definitions.declared.get(name),
    members: asksForSegments(block, profile) ? segmentsOfProfile(profile, nowMs).members : [],
  };
}

interface Gathered {
  readonly data: Record<string, Json>;
  readonly freshness: Record<string, NeedServed>;
  readonly globals: MailGlobals;
  /** A need that can't be met. */
  readonly missing: boolean;
}

function gather(head: Head, { valueOf, declaredOf, members }: Source, nowMs: number): Gathered {
  const data = Object.create(null) as Record<string, Json>;
  const freshness = Object.create(null) as Record<string, NeedServed>;
  let missing = false;
  for (const need of head.needs) {
    const found = valueOf(need.name);
    const declared = declaredOf(need.name);
    const given = served(
      found,
      {
        ...declared,
        ...(need.maxStaleMs === null ? {} : { maxStaleMs: need.maxStaleMs }),
        ...(need.default === null ? {} : { default: need.default }),
      },
      { nowMs, maxAgeMs: need.maxAgeMs, isIn: (segment) => members.includes(segment) },
    );
    data[need.name] = given.value;
    freshness[need.name] = {
      servedFrom: given.servedFrom,
      ageMs: found.updatedAtMs === null ? null : nowMs - found.updatedAtMs,
      maxAgeMs: need.maxAgeMs ?? declared?.maxAgeMs ?? null,
    };
    missing ||= need.required && given.value === null;
  }
  const globals = {
    nowMs,
    locale: settingOf(head.locale, valueOf, isLocale),
    timeZone: settingOf(head.timeZone, valueOf, isTimeZone),
  };
  return { data, freshness, globals, missing };
}

function settingOf(
  { trait, default: given }: OfPerson,
  valueOf: Source["valueOf"],
  isUsable: (text: string) => boolean,
): string {
  if (trait === null) return given;
  const { value } = valueOf(trait);
  return typeof value === "string" && isUsable(value) ? value : given;
}

function fill(block: Block, gathered: Gathered, members: readonly string[]): RenderedBlock {
  const { data, freshness, globals } = gathered;
  if (gathered.missing) return standIn(block, members, "trait_missing", gathered);
  const servedFrom = worst(Object.values(freshness).map((one) => one.servedFrom));
  const reason = reasonOf(servedFrom);
  const rest = { data, servedFrom, reason, freshness, globals, isFallback: false } as const;
  const values = JSON.stringify([block.version, globals.locale, globals.timeZone, data]);
  const before = block.engine.memory.get(values);
  if (before !== undefined) return { ...before, ...rest };
  const moment = momentOf(globals);
  try {
    const { output: html, pieces } = block.engine.renderPieces(block.html, data, moment.globals);
    const fault = block.check.fault(html, pieces);
    if (fault !== null) return standIn(block, members, fault, gathered);
    const text =
      block.textPart === null
        ? textOf(html)
        : decodedText(block.engine.render(block.textPart, data, moment.globals));
    const made = { html, text, contentHash: hashOf(html, text) };
    if (!moment.wasAsked()) block.engine.memory.keep(values, made);
    return { ...made, ...rest };
  } catch {
    return standIn(block, members, "template_failed", gathered);
  }
}

/** What is rendered with, and whether the template asked what time it is. */
function momentOf({ locale, timeZone, nowMs }: MailGlobals): {
  readonly globals: MailGlobals;
  readonly wasAsked: () => boolean;
} {
  let isAsked = false;
  const globals: MailGlobals = {
    locale,
    timeZone,
    get nowMs() {
      isAsked = true;
      return nowMs;
    },
  };
  return { globals, wasAsked: () => isAsked };
}

const nothingGathered = { data: {}, freshness: {}, globals: { locale: "en", timeZone: "UTC" } } as const;

/** What everybody gets for whom the template has nothing. */
function standIn(
  { head }: Block,
  members: readonly string[],
  reason: Reason,
  { data, freshness, globals }: Omit<Gathered, "missing"> = nothingGathered,
): RenderedBlock {
  const ofSegment = head.fallbackBySegment.find(([segment]) => members.includes(segment));
  const html = ofSegment?.[1] ?? head.fallback;
  const servedFrom = ofSegment === undefined ? "default" : "segmentDefault";
  const text = textOf(html);
  const contentHash = hashOf(html, text);
  return { html, text, data, servedFrom, reason, freshness, globals, isFallback: true, contentHash };
}

function hashOf(html: string, text: string): string {
  const hash = new Bun.CryptoHasher("sha256").update(html).update("\0").update(text);
  return hash.digest("hex").slice(0, 32);
}

/** The text part is no HTML: what the engine escaped is turned back. */
function decodedText(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&#34;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

const order: readonly ServedFrom[] = ["live", "lastKnown", "segmentDefault", "default", null];

function worst(levels: readonly ServedFrom[]): ServedFrom {
  return order[Math.max(0, ...levels.map((level) => order.indexOf(level)))] ?? null;
}

function reasonOf(level: ServedFrom): Reason | null {
  if (level === "live") return null;
  return level === "lastKnown" ? "trait_stale" : "trait_missing";
}

function asksForSegments({ head }: Block, { definitions }: StoredProfile): boolean {
  return (
    head.fallbackBySegment.length > 0 ||
    head.needs.some(({ name }) => definitions.declared.get(name)?.defaultBySegment !== undefined)
  );
}
