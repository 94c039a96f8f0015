/**
 * What one asker gets of a block: rendered from the profile as it is, or from memory where that can't be had in time;
 * with a receipt. The one way to content for whoever sends e-mails, over HTTP or from our own loop.
 */
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Namespace } from "../../model/event.ts";
import type { Profiles, StoredProfile } from "../../store/profiles.ts";
import { parseIdentifier } from "../query.ts";
import type { Block } from "./block.ts";
import type { LastGood } from "./lastGood.ts";
import type { Receipts } from "./receipts.ts";
import { renderBlock, type Recipient, type RenderedBlock } from "./renderBlock.ts";

/** In which form a block is asked for. */
export type Form = "json" | "html" | "text";

export interface ServeBlockDeps {
  readonly profiles: Pick<Profiles, "find" | "definitions">;
  readonly clock: Clock;
  readonly receipts: Pick<Receipts, "note">;
  readonly lastGood: LastGood;
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
  const recipient = recipientOf(asked, deps);
  const rendered = renderedFor(block, recipient, asked, nowMs, deps);
  const profile = recipient.kind === "profile" ? recipient.profile : null;
  return {
    rendered,
    leaveReceipt: (notModified) =>
      receipts.note(block, {
        atMs: nowMs,
        namespace: asked.namespace,
        ...whoOf(asked.id, profile),
        form: asked.form,
        notModified,
        servedFrom: rendered.servedFrom,
        reason: rendered.reason,
        contentHash: rendered.contentHash,
        caller: asked.caller,
        traits: Object.fromEntries(
          Object.entries(rendered.freshness).map(([name, { servedFrom, ageMs }]) => [
            name,
            [servedFrom, ageMs === null ? null : nowMs - ageMs] as const,
          ]),
        ),
      }),
  };
}

function renderedFor(
  block: Block,
  recipient: Recipient,
  { namespace, id }: Asked,
  nowMs: number,
  { lastGood }: ServeBlockDeps,
): RenderedBlock {
  const key = JSON.stringify([namespace, block.name, id]);
  if (recipient.kind !== "rebuilding" && recipient.kind !== "overloaded") {
    const rendered = renderBlock(block, recipient, nowMs);
    if (recipient.kind === "profile" && rendered.reason === null) lastGood.keep(key, rendered);
    return rendered;
  }
  const before = lastGood.get(key);
  if (before === null) return renderBlock(block, recipient, nowMs);
  const reason = recipient.kind === "rebuilding" ? "profiles_rebuilding" : "overloaded";
  return { ...before, servedFrom: "lastKnown", reason };
}

/** An identifier that makes no sense is an unknown recipient: the mail is on its way. */
function recipientOf(
  { namespace, id, isOver = false }: Asked,
  { profiles, memoryOnly }: ServeBlockDeps,
): Recipient {
  if (isOver) return { kind: "linkOver" };
  if (id === null) return { kind: "shared" };
  if (memoryOnly()) return { kind: "overloaded" };
  let identifier: { readonly type: string; readonly value: string };
  try {
    identifier = parseIdentifier(id, false, profiles.definitions.identity.idTypes);
  } catch (error) {
    if (error instanceof Refusal) return { kind: "unknown" };
    throw error;
  }
  const found = profiles.find(namespace, identifier.type, identifier.value);
  if (found.kind === "found") return { kind: "profile", profile: found.profile };
  return { kind: found.kind === "missing" ? "unknown" : "rebuilding" };
}

function whoOf(id: string | null, profile: StoredProfile | null) {
  if (profile !== null)
    return { profileId: profile.profileId, profileVersion: profile.version, askedHash: null };
  return { profileId: null, profileVersion: null, askedHash: id === null ? null : askedHash(id) };
}

/** How a receipt names a recipient whom nobody knew. */
export function askedHash(id: string): string {
  return new Bun.CryptoHasher("sha256").update(id).digest("hex");
}
