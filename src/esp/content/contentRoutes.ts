/**
 * Content at send time: `GET /v1/content/{block}?id=…`, as JSON, `.html` or `.txt`, and `POST` for up to 100 recipients.
 * Once the key is good and the block exists, the answer is always something that can be sent.
 */
import { Elysia } from "elysia";
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import type { KeyInfo } from "../../model/key.ts";
import type { Profiles } from "../../store/profiles.ts";
import { authorise, checkIdType, type FindKey } from "../authorise.ts";
import { parseIdentifier, queryOf } from "../query.ts";
import type { Block } from "./block.ts";
import { renderBlock, type Recipient, type RenderedBlock } from "./renderBlock.ts";
import type { Shelf } from "./shelf.ts";

export interface ContentDeps {
  readonly profiles: Profiles;
  readonly findKey: FindKey;
  readonly clock: Clock;
  readonly readJson: (request: Request) => Promise<unknown>;
  /** Null: no content is configured. */
  readonly shelf: Shelf | null;
}

type Form = "json" | "html" | "text";

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
  const rendered = renderBlock(block, recipientOf(id, key, deps), deps.clock.nowMs());
  return answer(request, block, rendered, form);
}

async function postContent(request: Request, deps: ContentDeps): Promise<Response> {
  const { key, block } = asked(request, deps);
  const body = manyBody.safeParse(await deps.readJson(request));
  if (!body.success)
    throw new Refusal("invalid_request", { detail: `Send {"ids":[…]} with 1 to ${maxIds} identifiers.` });
  const nowMs = deps.clock.nowMs();
  const results = body.data.ids.map((id) => ({
    id,
    ...view(block, renderBlock(block, recipientOf(id, key, deps), nowMs)),
  }));
  return new Response(JSON.stringify({ results }), {
    headers: { "Content-Type": types.json, "Cache-Control": "no-store" },
  });
}

/** Who asks for which block in which form. Throws Refusal. */
function asked(
  request: Request,
  { findKey, shelf }: ContentDeps,
): { readonly key: KeyInfo; readonly block: Block; readonly form: Form } {
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

/** An identifier that makes no sense is an unknown recipient: the mail is on its way. */
function recipientOf(id: string | null, key: KeyInfo, { profiles }: ContentDeps): Recipient {
  if (id === null) return { kind: "shared" };
  let identifier: { readonly type: string; readonly value: string };
  try {
    identifier = parseIdentifier(id, false, profiles.definitions.identity.idTypes);
  } catch (error) {
    if (error instanceof Refusal) return { kind: "unknown" };
    throw error;
  }
  checkIdType(key, identifier.type);
  const found = profiles.find(key.namespace, identifier.type, identifier.value);
  if (found.kind === "found") return { kind: "profile", profile: found.profile };
  return { kind: found.kind === "missing" ? "unknown" : "rebuilding" };
}

function answer(request: Request, block: Block, rendered: RenderedBlock, form: Form): Response {
  const seconds = block.head.cacheMs === null ? 0 : Math.floor(block.head.cacheMs / 1_000);
  const headers = {
    "Content-Type": types[form],
    // Of what can be read, never of ages.
    ETag: `"${Bun.hash.wyhash(JSON.stringify([block.version, form, rendered.html, rendered.text, rendered.servedFrom])).toString(36)}"`,
    "Cache-Control": `private, max-age=${seconds}`,
    Vary: "Accept, Authorization",
    "X-Content-Type-Options": "nosniff",
    ...(form === "html" ? { "Content-Security-Policy": "sandbox" } : {}),
  };
  if (request.headers.get("if-none-match") === headers.ETag)
    return new Response(null, { status: 304, headers });
  return new Response(bodyOf(block, rendered, form), { headers });
}

function bodyOf(block: Block, rendered: RenderedBlock, form: Form): string {
  if (form === "html") return rendered.html;
  return form === "text" ? rendered.text : JSON.stringify(view(block, rendered));
}

/** The answer as JSON. */
export function view(block: Block, rendered: RenderedBlock): Readonly<Record<string, unknown>> {
  const { html, text, data, servedFrom, reason, freshness } = rendered;
  return { block: block.name, version: block.version, html, text, data, servedFrom, reason, freshness };
}
