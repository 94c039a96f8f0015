/**
 * One block for one recipient: values by the freshness that each need asks for, the template over them, and where that
 * can't be, what stands in. It always gives something. Pure but for the engine's clock.
 */
import { served, type ServedFrom } from "../../model/freshness.ts";
import type { Json } from "../../model/event.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import type { Block } from "./block.ts";
import {
  noValue,
  readGiven,
  readNobody,
  readProfile,
  type BlockData,
  type BlockReading,
  type GivenValues,
  type Whole,
} from "./blockReading.ts";
import { textOf, type HtmlFault } from "./checkHtml.ts";
import type { MailGlobals } from "./filters.ts";
import type { Head } from "./frontMatter.ts";
import { quotedOf, type Made } from "./renderMemory.ts";

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
  /** All that came of the template alone. */
  readonly made: Made;
  /** What the template saw. */
  readonly data: BlockData;
  /** The same as JSON. */
  readonly dataText: string;
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

/** Whom it is for: `shared` for everybody. */
export type Recipient =
  | { readonly kind: "profile"; readonly profile: StoredProfile }
  | { readonly kind: "reading"; readonly reading: BlockReading }
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
      return fill(block, readNobody(block), nowMs);
    case "values":
      return fill(block, readGiven(block, recipient.values), nowMs);
    case "profile":
      return fill(block, readProfile(block, recipient.profile, nowMs), nowMs);
    case "reading":
      return fill(block, recipient.reading, nowMs);
  }
}

interface Gathered {
  readonly data: BlockData;
  readonly freshness: Readonly<Record<string, NeedServed>>;
  /** The worst level. */
  readonly servedFrom: ServedFrom;
  readonly globals: MailGlobals;
  /** A need that can't be met. */
  readonly missing: boolean;
}

function gather(head: Head, reading: BlockReading, nowMs: number): Gathered {
  const { values, declared, members, locale, timeZone } = reading;
  const data = Object.create(null) as Record<string, Json>;
  const freshness = Object.create(null) as Record<string, NeedServed>;
  const isIn = (segment: string) => members.includes(segment);
  let missing = false;
  let level = 0;
  for (const need of head.needs) {
    const found = values.get(need.name) ?? noValue;
    const own = declared.get(need.name);
    const given = served(
      found,
      need.maxStaleMs === null && need.default === null
        ? own
        : {
            ...own,
            ...(need.maxStaleMs === null ? {} : { maxStaleMs: need.maxStaleMs }),
            ...(need.default === null ? {} : { default: need.default }),
          },
      { nowMs, maxAgeMs: need.maxAgeMs, isIn },
    );
    data[need.name] = given.value;
    level = Math.max(level, order.indexOf(given.servedFrom));
    freshness[need.name] = {
      servedFrom: given.servedFrom,
      ageMs: found.updatedAtMs === null ? null : Math.max(0, nowMs - found.updatedAtMs),
      maxAgeMs: need.maxAgeMs ?? own?.maxAgeMs ?? null,
    };
    missing ||= need.required && given.value === null;
  }
  return { data, freshness, servedFrom: order[level] ?? null, globals: { nowMs, locale, timeZone }, missing };
}

const order: readonly ServedFrom[] = ["live", "lastKnown", "segmentDefault", "default", null];

function fill(block: Block, reading: BlockReading, nowMs: number): RenderedBlock {
  const gathered = gather(block.head, reading, nowMs);
  const { data, servedFrom, globals } = gathered;
  if (gathered.missing) return standIn(block, reading.members, "trait_missing", gathered);
  const { whole } = reading;
  if (whole !== null && servedFrom === "live") return filled(whole, gathered);
  const dataText = JSON.stringify(data);
  const values = `${block.version}\n${globals.locale}\n${globals.timeZone}\n${dataText}`;
  const { memory } = block.engine;
  const before = memory.get(values);
  const outcome = before === undefined ? makeOf(block, gathered) : { made: before, isLasting: true };
  if (typeof outcome === "string") return standIn(block, reading.members, outcome, gathered);
  const { made, isLasting } = outcome;
  const filling = { made, data, dataText };
  if (isLasting && before === undefined) memory.keep(values, made);
  if (isLasting && servedFrom === "live") reading.whole = filling;
  return filled(filling, gathered);
}

function filled(
  { made, data, dataText }: Whole,
  { servedFrom, freshness, globals }: Gathered,
): RenderedBlock {
  return {
    html: made.html,
    text: made.text,
    contentHash: made.contentHash,
    made,
    data,
    dataText,
    servedFrom,
    reason: reasonOf(servedFrom),
    freshness,
    globals,
    isFallback: false,
  };
}

/** What the template makes, and whether it would at any other time; or why nothing can be sent of it. */
function makeOf(
  block: Block,
  { data, globals }: Gathered,
): { readonly made: Made; readonly isLasting: boolean } | Reason {
  const moment = momentOf(globals);
  try {
    const { output: html, pieces } = block.engine.renderPieces(block.html, data, moment.globals);
    const fault = block.check.fault(html, pieces);
    if (fault !== null) return fault;
    const text =
      block.textPart === null
        ? textOf(html)
        : decodedText(block.engine.render(block.textPart, data, moment.globals));
    return { made: madeOf(html, text), isLasting: !moment.wasAsked() };
  } catch {
    return "template_failed";
  }
}

function madeOf(html: string, text: string): Made {
  const hash = new Bun.CryptoHasher("sha256").update(html).update("\0").update(text);
  const contentHash = hash.digest("hex").slice(0, 32);
  return { html, text, contentHash, quoted: quotedOf(html, text), heads: null };
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
  { data, freshness, globals }: Pick<Gathered, "data" | "freshness" | "globals"> = nothingGathered,
): RenderedBlock {
  const ofSegment = head.fallbackBySegment.find(([segment]) => members.includes(segment));
  const html = ofSegment?.[1] ?? head.fallback;
  const servedFrom = ofSegment === undefined ? "default" : "segmentDefault";
  const made = madeOf(html, textOf(html));
  const dataText = JSON.stringify(data);
  const { contentHash, text } = made;
  return {
    html,
    text,
    contentHash,
    made,
    data,
    dataText,
    servedFrom,
    reason,
    freshness,
    globals,
    isFallback: true,
  };
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

function reasonOf(level: ServedFrom): Reason | null {
  if (level === "live") return null;
  return level === "lastKnown" ? "trait_stale" : "trait_missing";
}
