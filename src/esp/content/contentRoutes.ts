/**
 * Content at send time: `GET /v1/content/{block}?id=…`, as JSON, `.html` or `.txt`, and `POST` for up to 100 recipients.
 * Once the key is good and the block exists, the answer is always something that can be sent.
 */
import { Elysia } from "elysia";
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import type { KeyInfo } from "../../model/key.ts";
import { authorise, checkIdType, type FindKey } from "../authorise.ts";
import { queryOf } from "../query.ts";
import type { Block } from "./block.ts";
import type { RenderedBlock } from "./renderBlock.ts";
import { serveBlock, type Asked, type Form, type ServeBlockDeps, type ServedBlock } from "./serveBlock.ts";
import type { Shelf } from "./shelf.ts";

export interface ContentDeps extends ServeBlockDeps {
  readonly findKey: FindKey;
  readonly readJson: (request: Request) => Promise<unknown>;
  /** Null: no content is configured. */
  readonly shelf: Shelf | null;
  /** Told of every request. */
  readonly onAsked: () => void;
}

const contentPath = "/v1/content/";
const maxIds = 100;
const types: Readonly<Record<Form, string>> = {
  json: "application/json; charset=utf-8",
  html: "text/html; charset=utf-8",
  text: "text/plain; charset=utf-8",
};
const manyBody = z.strictObject({ ids: z.array(z.string().min(1).max(2_048)).min(1).max(maxIds) });

/** The routes; mounted by routes.ts. */
export function contentRoutes(deps: ContentDeps) {
  return new Elysia({ name: "content" })
    .get("/v1/content/:block", ({ request }) => getContent(request, deps))
    .post("/v1/content/:block", ({ request }) => postContent(request, deps), { parse: "none" });
}

function getContent(request: Request, deps: ContentDeps): Response {
  const { key, block, form } = asked(request, deps);
  const id = queryOf(request.url).get("id");
  const served = serveBlock(block, askedBy(key, id, form), deps);
  return answer(request, block, served, form);
}

async function postContent(request: Request, deps: ContentDeps): Promise<Response> {
  const { key, block } = asked(request, deps);
  const body = manyBody.safeParse(await deps.readJson(request));
  if (!body.success)
    throw new Refusal("invalid_request", { detail: `Send {"ids":[…]} with 1 to ${maxIds} identifiers.` });
  const results = body.data.ids.map((id) => {
    const { rendered, leaveReceipt } = serveBlock(block, askedBy(key, id, "json"), deps);
    return { id, ...view(block, rendered, leaveReceipt(false)) };
  });
  return new Response(JSON.stringify({ results }), {
    headers: { "Content-Type": types.json, "Cache-Control": "no-store" },
  });
}

/** What a key asks for. Throws Refusal forbidden for an identifier of a type that it may not use. */
function askedBy(key: KeyInfo, id: string | null, form: Form): Asked {
  if (id?.includes(":") === true) checkIdType(key, id.slice(0, id.indexOf(":")));
  return { namespace: key.namespace, id, form, caller: key.id };
}

/** Who asks for which block in which form. Throws Refusal. */
function asked(
  request: Request,
  { findKey, shelf, onAsked }: ContentDeps,
): { readonly key: KeyInfo; readonly block: Block; readonly form: Form } {
  onAsked();
  const key = authorise(request, findKey, "content");
  const { pathname } = new URL(request.url);
  const [, name = "", suffix = ""] =
    /^([^.]*)(\.html|\.txt)?$/.exec(pathname.slice(contentPath.length)) ?? [];
  const block = shelf?.get(name) ?? null;
  if (block === null) throw new Refusal("block_not_found");
  const { readableTraits, blocks } = key;
  if (blocks !== null && !blocks.includes(name))
    throw new Refusal("forbidden", { detail: "The key does not open this block." });
  if (readableTraits !== null && block.head.needs.some((need) => !readableTraits.includes(need.name)))
    throw new Refusal("forbidden", { detail: "The block needs traits that this key may not read." });
  return { key, block, form: formOf(suffix, request.headers.get("accept") ?? "") };
}

function formOf(suffix: string, accept: string): Form {
  if (suffix === ".html") return "html";
  if (suffix === ".txt") return "text";
  const wanted = accept.split(",").map((part) => part.split(";")[0]?.trim().toLowerCase());
  if (wanted.includes("application/json")) return "json";
  if (wanted.includes("text/html")) return "html";
  return wanted.includes("text/plain") ? "text" : "json";
}

function answer(request: Request, block: Block, served: ServedBlock, form: Form): Response {
  const { rendered, leaveReceipt } = served;
  const seconds = block.head.cacheMs === null ? 0 : Math.floor(block.head.cacheMs / 1_000);
  const headers = {
    "Content-Type": types[form],
    // Of what can be read, never of ages.
    ETag: `"${block.version}-${form}-${rendered.servedFrom ?? "nothing"}-${rendered.contentHash}"`,
    "Cache-Control": `private, max-age=${seconds}`,
    Vary: "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
    ...(form === "html" ? { "Content-Security-Policy": "sandbox" } : {}),
  };
  const isSame = request.headers.get("if-none-match") === headers.ETag;
  const receipt = leaveReceipt(isSame);
  if (isSame) return new Response(null, { status: 304, headers });
  return new Response(bodyOf(block, rendered, form, receipt), { headers });
}

function bodyOf(block: Block, rendered: RenderedBlock, form: Form, receipt: string): string {
  if (form === "html") return rendered.html;
  return form === "text" ? rendered.text : JSON.stringify(view(block, rendered, receipt));
}

/** The answer as JSON; `receipt` is null where none was left. */
export function view(
  block: Block,
  rendered: RenderedBlock,
  receipt: string | null,
): Readonly<Record<string, unknown>> {
  const { html, text, data, servedFrom, reason, freshness } = rendered;
  return {
    block: block.name,
    version: block.version,
    html,
    text,
    data,
    servedFrom,
    reason,
    freshness,
    receipt,
  };
}
