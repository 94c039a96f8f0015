/** Content on the page: its blocks, how one would look for somebody, what a send of it would be. */
import { z } from "zod";
import { OperationFailed } from "../operation.ts";
import type { AdminDeps, Asked } from "./adminContext.ts";
import { notUnderstood } from "./adminContext.ts";
import type {
  ContentAnswer,
  ContentBlockAnswer,
  ContentPreviewAnswer,
  PreflightJobAnswer,
  ReceiptAnswer,
  ReceiptsAnswer,
} from "./contentWire.ts";
import { audited } from "./audited.ts";
import { quietOutlet } from "./keyActs.ts";
import { findProfile } from "./profileSearch.ts";
import { Refusal } from "../../errors.ts";
import type { ProbeReport } from "../../esp/deliver/reports.ts";
import { timeIn } from "../../model/timeIn.ts";

const maxDraftCharacters = 262_144;

const previewBody = z.strictObject({
  block: z.string().min(1).max(64),
  namespace: z.enum(["live", "test"]).default("live"),
  /** `type:value` or a bare value of any type; null: for everybody. */
  id: z.string().max(2_048).nullable().default(null),
  at: z.string().max(40).nullable().default(null),
  draft: z.string().max(maxDraftCharacters).nullable().default(null),
  version: z.string().max(64).nullable().default(null),
  level: z
    .union([
      z.strictObject({ kind: z.enum(["asIs", "unknown"]) }),
      z.strictObject({ kind: z.literal("nothingKnown"), segment: z.string().max(64).nullable() }),
    ])
    .default({ kind: "asIs" }),
});

const preflightBody = z.strictObject({
  block: z.string().min(1).max(64),
  namespace: z.enum(["live", "test"]).default("live"),
  segment: z.string().min(1).max(64).nullable().default(null),
});

/** Every block, with what is wrong with it. */
export async function contentList({ call }: AdminDeps): Promise<ContentAnswer> {
  return { blocks: await call("content.blocks", {}, quietOutlet()), nextCursor: null };
}

/** One block with its text and the versions that were sent. Throws Refusal block_not_found. */
export async function contentBlock(name: string, { call }: AdminDeps): Promise<ContentBlockAnswer> {
  const found = await call("content.block", { block: name }, quietOutlet());
  if (found === null) throw new Refusal("block_not_found");
  const destinations = await call("destinations.list", {}, quietOutlet());
  return { ...found, senders: destinations.filter(({ can }) => can.includes("send")).map((one) => one.name) };
}

/** How a block would look, also one that is being written. */
export async function previewContent({ body }: Asked, deps: AdminDeps): Promise<ContentPreviewAnswer> {
  const parsed = previewBody.safeParse(await body());
  if (!parsed.success) throw notUnderstood("Send {block, id, at, draft, version, level}.");
  const { id, at, namespace, ...asked } = parsed.data;
  const atMs = at === null ? null : timeIn(at);
  if (at !== null && atMs === null) throw notUnderstood("at takes a time such as 2026-11-24T09:00:00.000Z.");
  const as = id === null ? null : { namespace, ...named(id, namespace, deps) };
  try {
    const found = await deps.call("content.preview", { ...asked, as, atMs }, quietOutlet());
    if (found === null) throw new Refusal("block_not_found");
    const { answer: _answer, marked, ...preview } = found;
    const { frames } = deps;
    return {
      kind: "shown",
      preview,
      frame: frames.put(preview.html),
      markedFrame: frames.put(marked),
    };
  } catch (error) {
    if (error instanceof OperationFailed) return { kind: "problem", problem: error.message };
    throw error;
  }
}

/** Somebody who is there, by any identifier; one that nobody has goes on as it is, to show what is sent then. */
function named(id: string, namespace: "live" | "test", { store }: AdminDeps) {
  try {
    return { type: "profile_id", value: findProfile(store.profiles, namespace, id).profileId };
  } catch (error) {
    if (!(error instanceof Refusal) || error.code !== "profile_not_found") throw error;
    return { type: "user_id", value: id };
  }
}

const sendBody = z.strictObject({
  block: z.string().min(1).max(64),
  namespace: z.enum(["live", "test"]).default("live"),
  id: z.string().max(2_048).nullable().default(null),
  through: z.string().min(1).max(64),
  to: z.email().max(320),
  subject: z.string().min(1).max(500),
});

/** Sends a block to an address of one's own; the address is not written down. */
export async function sendContentTest(asked: Asked, deps: AdminDeps): Promise<ProbeReport> {
  const parsed = sendBody.safeParse(await asked.body());
  if (!parsed.success)
    throw notUnderstood("Send {block, id, through, to, subject}, to being an e-mail address.");
  const { id, namespace, ...rest } = parsed.data;
  const as = id === null ? null : { namespace, ...named(id, namespace, deps) };
  const act = { action: "content.send", target: `${rest.block} through ${rest.through}` };
  const sent = await audited(act, asked.visitor, deps, () =>
    deps.call("content.send", { ...rest, as }, quietOutlet()).catch((error: unknown) => {
      if (error instanceof OperationFailed) return { isGood: false, sentence: error.message };
      throw error;
    }),
  );
  if (sent === null) throw new Refusal("block_not_found");
  return sent;
}

/** Begins to render a block for everybody in a segment; one at a time, of all who look. */
export async function beginPreflight({ body }: Asked, deps: AdminDeps): Promise<PreflightJobAnswer> {
  const parsed = preflightBody.safeParse(await body());
  if (!parsed.success) throw notUnderstood("Send {block, namespace, segment}.");
  return deps.preflights.begin(parsed.data, deps.call);
}

/** The preflight under way, or the last one; null: there was none since the start. */
export function preflightView({ preflights }: AdminDeps): { readonly job: PreflightJobAnswer | null } {
  return { job: preflights.current };
}

/** A rendered sample of the last preflight, shown in a frame. Throws Refusal not_found. */
export function preflightSample(
  query: URLSearchParams,
  { preflights, frames }: AdminDeps,
): { readonly frame: string } {
  const at = query.get("at") ?? "";
  const sample = /^\d{1,3}$/.test(at) ? preflights.current?.report?.samples[Number(at)] : undefined;
  if (sample === undefined)
    throw new Refusal("not_found", { detail: "The last preflight has no such sample." });
  return { frame: frames.put(sample.html) };
}

const maxReceipts = 50;

/** The newest receipts of a block, a person, or everybody. */
export async function receiptList(query: URLSearchParams, deps: AdminDeps): Promise<ReceiptsAnswer> {
  const id = query.get("id");
  const namespace = query.get("namespace") === "test" ? "test" : "live";
  const profile = id === null ? null : findProfile(deps.store.profiles, namespace, id);
  const found = await deps.call(
    "receipts.list",
    {
      namespace,
      for: profile === null ? null : { type: "profile_id", value: profile.profileId },
      block: query.get("block"),
      fromMs: 0,
      toMs: null,
      limit: maxReceipts,
    },
    quietOutlet(),
  );
  return { receipts: found ?? [], nextCursor: null };
}

/** What was sent, made again; shown in a frame. Throws Refusal not_found. */
export async function receiptAgain(name: string, { call, frames }: AdminDeps): Promise<ReceiptAnswer> {
  const found = await call("receipts.show", { receipt: name }, quietOutlet());
  if (found === null) throw new Refusal("not_found", { detail: "There is no such receipt." });
  const { receipt, again } = found;
  if (again.kind === "notPossible") return { receipt, why: again.why, same: false, frame: null };
  return { receipt, why: null, same: again.same, frame: frames.put(again.html) };
}
