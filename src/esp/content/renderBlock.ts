/**
 * One block for one recipient: values by the freshness that each need asks for, the template over them, and where that
 * can't be, what stands in. It always gives something. Pure but for the engine's clock.
 */
import { served, type ServedFrom } from "../../model/freshness.ts";
import type { Json } from "../../model/event.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { segmentsOfProfile } from "../../store/segmentSubject.ts";
import { everything, renderVerboseProfile } from "../profileView.ts";
import type { Block } from "./block.ts";
import { htmlFault, textOf, type HtmlFault } from "./checkHtml.ts";
import type { Need } from "./frontMatter.ts";

/** Why a block is not what it would be for a known recipient with fresh values. */
export type Reason =
  | "profile_not_found"
  | "profiles_rebuilding"
  | "trait_missing"
  | "trait_stale"
  | "template_failed"
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
}

/** Whom it is for: `shared` for everybody. */
export type Recipient =
  | { readonly kind: "profile"; readonly profile: StoredProfile }
  | { readonly kind: "shared" }
  | { readonly kind: "unknown" }
  | { readonly kind: "rebuilding" };

/** Renders; never throws. */
export function renderBlock(block: Block, recipient: Recipient, nowMs: number): RenderedBlock {
  switch (recipient.kind) {
    case "unknown":
      return standIn(block, [], "profile_not_found");
    case "rebuilding":
      return standIn(block, [], "profiles_rebuilding");
    case "shared":
      return fill(block, gather(block.head.needs, null, [], nowMs), []);
    case "profile": {
      const { profile } = recipient;
      const members = asksForSegments(block, profile) ? segmentsOfProfile(profile, nowMs).members : [];
      return fill(block, gather(block.head.needs, profile, members, nowMs), members);
    }
  }
}

interface Gathered {
  readonly data: Record<string, Json>;
  readonly freshness: Record<string, NeedServed>;
  /** A need that can't be met. */
  readonly missing: boolean;
}

function gather(
  needs: readonly Need[],
  profile: StoredProfile | null,
  members: readonly string[],
  nowMs: number,
): Gathered {
  const names = needs.map(({ name }) => name);
  const traits =
    profile === null ? {} : renderVerboseProfile(profile, { ...everything, traits: names }, nowMs).traits;
  const data = Object.create(null) as Record<string, Json>;
  const freshness = Object.create(null) as Record<string, NeedServed>;
  let missing = false;
  for (const need of needs) {
    const view = Object.hasOwn(traits, need.name) ? traits[need.name] : undefined;
    const ageMs = view?.ageMs ?? null;
    const declared = profile?.definitions.declared.get(need.name);
    const found = { value: view?.value ?? null, updatedAtMs: ageMs === null ? null : nowMs - ageMs };
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
      ageMs,
      maxAgeMs: need.maxAgeMs ?? declared?.maxAgeMs ?? null,
    };
    missing ||= need.required && given.value === null;
  }
  return { data, freshness, missing };
}

function fill(block: Block, gathered: Gathered, members: readonly string[]): RenderedBlock {
  const { data, freshness } = gathered;
  if (gathered.missing) return standIn(block, members, "trait_missing", gathered);
  try {
    const html = block.engine.render(block.html, data);
    const fault = htmlFault(html, block.linkHosts);
    if (fault !== null) return standIn(block, members, fault, gathered);
    const text = block.text === null ? textOf(html) : decodedText(block.engine.render(block.text, data));
    const servedFrom = worst(Object.values(freshness).map((one) => one.servedFrom));
    return { html, text, data, servedFrom, reason: reasonOf(servedFrom), freshness };
  } catch {
    return standIn(block, members, "template_failed", gathered);
  }
}

/** What everybody gets for whom the template has nothing. */
function standIn(
  { head }: Block,
  members: readonly string[],
  reason: Reason,
  { data, freshness }: Pick<Gathered, "data" | "freshness"> = { data: {}, freshness: {} },
): RenderedBlock {
  const ofSegment = head.fallbackBySegment.find(([segment]) => members.includes(segment));
  const html = ofSegment?.[1] ?? head.fallback;
  const servedFrom = ofSegment === undefined ? "default" : "segmentDefault";
  return { html, text: textOf(html), data, servedFrom, reason, freshness };
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
