/**
 * What somebody got, and why: receipts of content by recipient, block and time, and the answer made again from history.
 */
import { Elysia } from "elysia";
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KeyInfo } from "../../model/key.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import { firstIdAt, type ReceiptRow } from "../../store/ops/receiptTable.ts";
import type { FindAt } from "../../store/profileAt.ts";
import type { Profiles } from "../../store/profiles.ts";
import { authorise, checkUnlimited, type FindKey } from "../authorise.ts";
import { iso } from "../profileView.ts";
import { flagOf, instantOf, numberOf, parseIdentifier, queryOf } from "../query.ts";
import { blockOf, type Block } from "./block.ts";
import { BlockProblem } from "./frontMatter.ts";
import { receiptId, receiptName } from "./receipts.ts";
import { renderBlock, type Recipient, type RenderedBlock } from "./renderBlock.ts";

export interface ReceiptDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly findKey: FindKey;
  readonly profiles: Pick<Profiles, "find" | "definitions">;
  readonly findAt: FindAt;
  readonly clock: Clock;
}

const receiptsPath = "/v1/receipts";
const defaultLimit = 100;
const maxLimit = 1_000;

/** The routes; mounted by routes.ts. */
export function receiptRoutes(deps: ReceiptDeps) {
  return new Elysia({ name: "receipts" })
    .get(receiptsPath, ({ request }) => listReceipts(request, deps))
    .get(`${receiptsPath}/:receipt`, ({ request }) => getReceipt(request, deps));
}

async function listReceipts(request: Request, deps: ReceiptDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "read");
  checkUnlimited(key);
  const query = queryOf(request.url);
  const nowMs = deps.clock.nowMs();
  const id = query.get("id");
  const fromMs = query.has("from") ? instantOf(query, "from", nowMs) : 0;
  const untilId = query.has("to") ? firstIdAt(instantOf(query, "to", nowMs)) : null;
  const found = await deps.ops.ask("receipts", "page", {
    namespace: key.namespace,
    profileId: id === null ? null : profileIdOf(id, key, deps),
    block: query.get("block"),
    beforeId: cursorOf(query) ?? untilId,
    fromId: firstIdAt(fromMs),
    limit: numberOf(query, "limit", defaultLimit, 1, maxLimit),
  });
  return json({
    receipts: found.receipts.map((row) => receiptView(row, key.readableTraits)),
    nextCursor: found.nextBeforeId === null ? null : receiptName(found.nextBeforeId),
  });
}

async function getReceipt(request: Request, deps: ReceiptDeps): Promise<Response> {
  const key = authorise(request, deps.findKey, "read");
  checkUnlimited(key);
  const { pathname } = new URL(request.url);
  const id = receiptId(pathname.slice(receiptsPath.length + 1));
  const row = id === null ? null : await deps.ops.ask("receipts", "byId", id);
  if (row === null || row.namespace !== key.namespace)
    throw new Refusal("not_found", { detail: "There is no such receipt, or it is no longer kept." });
  const view = receiptView(row, key.readableTraits);
  if (!flagOf(queryOf(request.url), "render")) return json(view);
  return json({ ...view, again: await renderedAgain(row, key.readableTraits, deps) });
}

/** An answer made again. */
export type Again =
  | {
      readonly kind: "rendered";
      /** True where it is, to the letter, what was sent. */
      readonly same: boolean;
      readonly html: string;
      readonly text: string;
      readonly contentHash: string;
      readonly data: RenderedBlock["data"];
    }
  | { readonly kind: "notPossible"; readonly why: string };

/** Renders what a receipt is of, from the block's text and the profile as they were. */
export async function renderedAgain(
  row: ReceiptRow,
  readableTraits: KeyInfo["readableTraits"],
  deps: Pick<ReceiptDeps, "ops" | "findAt">,
): Promise<Again> {
  const block = await blockThen(row, deps);
  if (typeof block === "string") return { kind: "notPossible", why: block };
  if (readableTraits !== null && block.head.needs.some(({ name }) => !readableTraits.includes(name)))
    throw new Refusal("forbidden", { detail: "The block needs traits that this key may not read." });
  const recipient = await recipientThen(row, deps);
  if (typeof recipient === "string") return { kind: "notPossible", why: recipient };
  const { html, text, contentHash, data } = renderBlock(block, recipient, row.atMs);
  return { kind: "rendered", same: contentHash === row.contentHash, html, text, contentHash, data };
}

async function blockThen(
  { block, blockVersion }: ReceiptRow,
  { ops }: Pick<ReceiptDeps, "ops">,
): Promise<Block | string> {
  const text = await ops.ask("receipts", "blockText", block, blockVersion);
  if (text === null) return "The block's text of that time is not kept.";
  try {
    return await blockOf(text);
  } catch (error) {
    if (error instanceof BlockProblem) return `The block of that time can't be read: ${error.message}`;
    throw error;
  }
}

async function recipientThen(
  row: ReceiptRow,
  { findAt }: Pick<ReceiptDeps, "findAt">,
): Promise<Recipient | string> {
  if (row.reason === "profiles_rebuilding" || row.reason === "overloaded")
    return "It was answered from memory, while profiles could not be read.";
  if (row.profileId === null) return row.askedHash === null ? { kind: "shared" } : { kind: "unknown" };
  const found = await findAt(row.namespace, "profile_id", row.profileId, row.atMs);
  switch (found.kind) {
    case "found":
      return { kind: "profile", profile: found.profile };
    case "missing":
      return "The profile is no longer there.";
    case "beforeHistory":
      return "The journal begins later.";
    case "tooMany":
      return "More events are tied to the profile than are gone through.";
    case "busy":
    case "rebuilding":
      throw new Refusal("overloaded", { retryAfterSeconds: 1 });
  }
}

/** Throws Refusal profile_not_found. */
function profileIdOf(id: string, key: KeyInfo, { profiles }: ReceiptDeps): string {
  const { type, value } = parseIdentifier(id, false, profiles.definitions.identity.idTypes);
  const found = profiles.find(key.namespace, type, value);
  if (found.kind === "rebuilding") throw new Refusal("profiles_rebuilding", { retryAfterSeconds: 5 });
  if (found.kind === "missing") throw new Refusal("profile_not_found");
  return found.profile.profileId;
}

function cursorOf(query: URLSearchParams): number | null {
  const text = query.get("cursor");
  if (text === null) return null;
  const id = receiptId(text);
  if (id === null) throw new Refusal("invalid_cursor");
  return id;
}

/** A receipt as it goes over the wire. */
export function receiptView(row: ReceiptRow, readableTraits: KeyInfo["readableTraits"]) {
  const traits = Object.entries(row.traits)
    .filter(([name]) => readableTraits === null || readableTraits.includes(name))
    .map(([name, [servedFrom, updatedAtMs]]) => [
      name,
      {
        servedFrom,
        updatedAt: updatedAtMs === null ? null : iso(updatedAtMs),
        ageMs: updatedAtMs === null ? null : row.atMs - updatedAtMs,
      },
    ]);
  return {
    receipt: receiptName(row.id),
    at: iso(row.atMs),
    profileId: row.profileId,
    profileVersion: row.profileVersion,
    block: row.block,
    version: row.blockVersion,
    form: row.form,
    notModified: row.notModified,
    servedFrom: row.servedFrom,
    reason: row.reason,
    contentHash: row.contentHash,
    caller: row.caller,
    traits: Object.fromEntries(traits) as Readonly<
      Record<string, { servedFrom: string | null; updatedAt: string | null; ageMs: number | null }>
    >,
  };
}

function json(body: unknown): Response {
  return new Response(JSON.stringify(body), {
    headers: { "Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store" },
  });
}
