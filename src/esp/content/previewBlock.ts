/** A block as a marketer looks at it: rendered as it would be sent, with every value marked and its origin told. */
import type { StoredProfile } from "../../store/profiles.ts";
import { everything, renderVerboseProfile } from "../profileView.ts";
import { blockOf, type Block } from "./block.ts";
import { showMarks } from "./marks.ts";
import type { PreviewValue } from "./previewValue.ts";
import { renderBlock, type Recipient, type RenderedBlock } from "./renderBlock.ts";

/** Which level is shown: as it would be sent; with no value known, in a segment or in none; for somebody unknown. */
export type PreviewLevel =
  | { readonly kind: "asIs" }
  | { readonly kind: "nothingKnown"; readonly segment: string | null }
  | { readonly kind: "unknown" };

export interface PreviewedBlock {
  readonly rendered: RenderedBlock;
  /** The HTML with `<mark>` where values stand. */
  readonly marked: string;
  readonly values: readonly PreviewValue[];
}

/** The recipient that a level stands for. */
export function recipientAt(level: PreviewLevel, recipient: Recipient): Recipient {
  if (level.kind === "asIs") return recipient;
  if (level.kind === "unknown") return { kind: "unknown" };
  return { kind: "values", values: { traits: {}, segments: level.segment === null ? [] : [level.segment] } };
}

/** Renders, marks and tells. */
export async function previewBlock(
  block: Block,
  recipient: Recipient,
  nowMs: number,
): Promise<PreviewedBlock> {
  const rendered = renderBlock(block, recipient, nowMs);
  const values = block.head.needs.map(({ name }) => ({
    name,
    value: rendered.data[name] ?? null,
    servedFrom: rendered.freshness[name]?.servedFrom ?? null,
    ageMs: rendered.freshness[name]?.ageMs ?? null,
    maxAgeMs: rendered.freshness[name]?.maxAgeMs ?? null,
    ...originOf(recipient.kind === "profile" ? recipient.profile : null, name, nowMs),
  }));
  return { rendered, marked: await markedHtml(block, rendered, values), values };
}

async function markedHtml(
  block: Block,
  { html, data, globals, isFallback }: RenderedBlock,
  values: readonly PreviewValue[],
): Promise<string> {
  if (isFallback) return html;
  const byName = new Map(values.map((value) => [value.name, value]));
  const withMarks = await blockOf(block.text, { marks: true });
  return showMarks(withMarks.engine.render(withMarks.html, data, globals), (name) => {
    const value = byName.get(name);
    return value === undefined ? name : titleOf(value);
  });
}

function titleOf({ name, servedFrom, ageMs, source }: PreviewValue): string {
  const parts = [servedFrom ?? "missing", ageMs === null ? "no age" : `${ageText(ageMs)} old`];
  return `${name}: ${[...parts, ...(source === null ? [] : [`from ${source}`])].join(", ")}`;
}

function ageText(ageMs: number): string {
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "min"],
  ] as const;
  const [unitMs, unit] = units.find(([size]) => ageMs >= size) ?? [1_000, "s"];
  return `${Math.floor(ageMs / unitMs)} ${unit}`;
}

const noOrigin = { updatedAt: null, source: null, eventMessageId: null } as const;

function originOf(
  profile: StoredProfile | null,
  name: string,
  nowMs: number,
): Pick<PreviewValue, "updatedAt" | "source" | "eventMessageId"> {
  if (profile === null) return noOrigin;
  const { traits } = renderVerboseProfile(profile, { ...everything, traits: [name] }, nowMs);
  const view = Object.hasOwn(traits, name) ? traits[name] : undefined;
  if (view === undefined) return noOrigin;
  const { updatedAt, source, eventMessageId } = view;
  return { updatedAt, source, eventMessageId };
}
