/**
 * What one asker gets of a block: rendered from the profile as it is, or from memory where that can't be had in time;
 * with a receipt. The one way to content for whoever sends e-mails, over HTTP or from our own loop.
 */
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Namespace } from "../../model/event.ts";
import type { ServedFrom } from "../../model/freshness.ts";
import type { ProfileMemory } from "../../store/profileMemory.ts";
import type { Profiles } from "../../store/profiles.ts";
import { parseIdentifier } from "../query.ts";
import type { Block } from "./block.ts";
import { readProfile, type ProfileReading } from "./blockReading.ts";
import type { LastGood } from "./lastGood.ts";
import type { ReceiptDraft, Receipts } from "./receipts.ts";
import { renderBlock, type RenderedBlock } from "./renderBlock.ts";

/** About what a reading takes beside what was made of it, which others remember too. */
const readingBytes = 1_500;

/** In which form a block is asked for. */
export type Form = "json" | "html" | "text";

export interface ServeBlockDeps {
  readonly profiles: Pick<Profiles, "find" | "definitions">;
  readonly clock: Clock;
  readonly receipts: Pick<Receipts, "note">;
  readonly lastGood: LastGood;
  /** What blocks read of profiles. */
  readonly readings: ProfileMemory<ProfileReading>;
  /** True while an answer must come from memory, since a look-up would come too late. */
  readonly memoryOnly: () => boolean;
}

/** Who asks for whom. */
export interface Asked {
  readonly namespace: Namespace;
  /** `type:value`; null: for everybody. */
  readonly id: string | null;
  readonly form: Form;
  /** The id of the key or token that asks. */
  readonly caller: string;
  /** True for a signed link that is over. */
  readonly isOver?: boolean;
}

/** An answer, before it is known whether the asker has it already. */
export interface ServedBlock {
  readonly rendered: RenderedBlock;
  /** Leaves the receipt; gives its name. */
  readonly leaveReceipt: (notModified: boolean) => string;
}

/** Never throws, and never waits. */
export function serveBlock(block: Block, asked: Asked, deps: ServeBlockDeps): ServedBlock {
  const { clock, receipts } = deps;
  const nowMs = clock.nowMs();
  // One text for all memories: finding it in one costs more to make the text than to look.
  const key = `${asked.namespace} ${block.name} ${asked.id}`;
  const recipient = recipientOf(block, asked, key, nowMs, deps);
  const rendered = renderedFor(block, recipient, key, nowMs, deps);
  const reading = recipient.kind === "reading" ? recipient.reading : null;
  return {
    rendered,
    leaveReceipt: (notModified) =>
      receipts.note(block, {
        atMs: nowMs,
        namespace: asked.namespace,
        profileId: reading?.profileId ?? null,
        profileVersion: reading?.profileVersion ?? null,
        askedHash: reading !== null || asked.id === null ? null : askedHash(asked.id),
        form: asked.form,
        notModified,
        servedFrom: rendered.servedFrom,
        reason: rendered.reason,
        contentHash: rendered.contentHash,
        caller: asked.caller,
        traits: traitsOf(rendered, nowMs),
      }),
  };
}

function traitsOf({ freshness }: RenderedBlock, nowMs: number): ReceiptDraft["traits"] {
  const traits: Record<string, readonly [ServedFrom, number | null]> = {};
  for (const name in freshness) {
    const given = freshness[name];
    if (given !== undefined)
      traits[name] = [given.servedFrom, given.ageMs === null ? null : nowMs - given.ageMs];
  }
  return traits;
}

/** Whom it is for, as far as is known. */
type Known =
  | { readonly kind: "reading"; readonly reading: ProfileReading }
  | { readonly kind: "shared" | "unknown" | "rebuilding" | "overloaded" | "linkOver" };

function renderedFor(
  block: Block,
  recipient: Known,
  key: string,
  nowMs: number,
  { lastGood }: ServeBlockDeps,
): RenderedBlock {
  if (recipient.kind !== "rebuilding" && recipient.kind !== "overloaded") {
    const isAsBefore = recipient.kind === "reading" && recipient.reading.whole !== null;
    const rendered = renderBlock(block, recipient, nowMs);
    if (recipient.kind === "reading" && rendered.reason === null && !(isAsBefore && lastGood.has(key)))
      lastGood.keep(key, rendered);
    return rendered;
  }
  const before = lastGood.get(key);
  if (before === null) return renderBlock(block, recipient, nowMs);
  const reason = recipient.kind === "rebuilding" ? "profiles_rebuilding" : "overloaded";
  return { ...before, servedFrom: "lastKnown", reason };
}

/** An identifier that makes no sense is an unknown recipient: the mail is on its way. */
function recipientOf(
  block: Block,
  { namespace, id, isOver = false }: Asked,
  key: string,
  nowMs: number,
  { profiles, readings, memoryOnly }: ServeBlockDeps,
): Known {
  if (isOver) return { kind: "linkOver" };
  if (id === null) return { kind: "shared" };
  if (memoryOnly()) return { kind: "overloaded" };
  const before = readings.get(key, nowMs);
  if (before?.block === block) return { kind: "reading", reading: before };
  let identifier: { readonly type: string; readonly value: string };
  try {
    identifier = parseIdentifier(id, false, profiles.definitions.identity.idTypes);
  } catch (error) {
    if (error instanceof Refusal) return { kind: "unknown" };
    throw error;
  }
  const found = profiles.find(namespace, identifier.type, identifier.value);
  if (found.kind !== "found") return { kind: found.kind === "missing" ? "unknown" : "rebuilding" };
  const reading = readProfile(block, found.profile, nowMs);
  const { pid } = found.profile;
  readings.keep(key, reading, { pid, bytes: readingBytes, validUntilMs: reading.validUntilMs });
  return { kind: "reading", reading };
}

/** How a receipt names a recipient whom nobody knew. */
export function askedHash(id: string): string {
  return new Bun.CryptoHasher("sha256").update(id).digest("hex");
}
