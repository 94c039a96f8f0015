/**
 * Content at send time: `GET /v1/content/{block}?id=…`, as JSON, `.html` or `.txt`, and `POST` for up to 100 recipients.
 * Once the key is good and the block exists, the answer is always something that can be sent.
 */
import { Elysia } from "elysia";
import { z } from "zod";
import { Refusal } from "../../errors.ts";
import { checkIdType } from "../authorise.ts";
import type { Caller, Callers } from "../credentials/callers.ts";
import { hasTag, queryOf } from "../query.ts";
import { ampHeaders, notAmp, type AmpHeaders } from "./amp.ts";
import type { Block } from "./block.ts";
import type { RenderedBlock } from "./renderBlock.ts";
import type { AnswerHead } from "./renderMemory.ts";
import { serveBlock, type Asked, type Form, type ServeBlockDeps, type ServedBlock } from "./serveBlock.ts";
import type { Shelf } from "./shelf.ts";

export interface ContentDeps extends ServeBlockDeps {
  readonly callers: Callers;
  /** The profile that a token's number meant; null if somebody else may have that number now. */
  readonly profileIdOf: (pid: number, epoch: number) => string | null;
  /** Whose AMP e-mails may ask. */
  readonly ampSenders: readonly string[];
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
/** Of what may be opened in a browser by a link with a token in it: nothing runs, and nobody is told the link. */
const shownHeaders = {
  "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox",
  "Referrer-Policy": "no-referrer",
  "X-Robots-Tag": "noindex",
} as const;
/** One that makes no sense is an unknown recipient, and must not cost the others theirs. */
const manyBody = z.strictObject({
  ids: z
    .array(z.union([z.string(), z.number(), z.boolean(), z.null()]))
    .min(1)
    .max(maxIds),
});

/** The routes; mounted by routes.ts. */
export function contentRoutes(deps: ContentDeps) {
  return new Elysia({ name: "content" })
    .get("/v1/content/:block", ({ request }) => getContent(request, deps))
    .post("/v1/content/:block", ({ request }) => postContent(request, deps), { parse: "none" });
}

/** As `profileReads` (rest.ts): answers `GET /v1/content/{block}` before the router looks for it; null for all else. */
export function contentReads(deps: ContentDeps): (request: Request) => Response | Promise<Response> | null {
  return (request) => {
    if (request.method !== "GET") return null;
    const { url } = request;
    const pathAt = url.indexOf("/", "http://".length);
    if (!url.startsWith(contentPath, pathAt)) return null;
    const nameAt = pathAt + contentPath.length;
    const queryAt = url.indexOf("?", nameAt);
    const slashAt = url.indexOf("/", nameAt);
    const isOne =
      nameAt < url.length && queryAt !== nameAt && (slashAt < 0 || (queryAt >= 0 && slashAt > queryAt));
    return isOne ? getContent(request, deps) : null;
  };
}

function getContent(request: Request, deps: ContentDeps): Response | Promise<Response> {
  const query = queryOf(request.url);
  const place = placeOf(request);
  const caller = callerOf(request, place, query, deps);
  return caller instanceof Promise
    ? caller.then((found) => getBy(found, request, place, query, deps))
    : getBy(caller, request, place, query, deps);
}

function getBy(
  caller: Caller,
  request: Request,
  place: Place,
  query: URLSearchParams,
  deps: ContentDeps,
): Response {
  const block = blockFor(caller, place.name, deps);
  const amp = ampHeaders(request, query, deps.ampSenders);
  const form = formOf(place.suffix, request.headers.get("accept") ?? "");
  const served = serveBlock(block, askedBy(caller, query.get("id"), form, deps), deps);
  return answer(request, block, served, form, amp);
}

async function postContent(request: Request, deps: ContentDeps): Promise<Response> {
  const query = queryOf(request.url);
  const place = placeOf(request);
  const caller = await callerOf(request, place, query, deps);
  const block = blockFor(caller, place.name, deps);
  const amp = ampHeaders(request, query, deps.ampSenders);
  const body = manyBody.safeParse(await deps.readJson(request));
  if (!body.success)
    throw new Refusal("invalid_request", { detail: `Send {"ids":[…]} with 1 to ${maxIds} identifiers.` });
  const results = body.data.ids.map((id) => {
    const asked = askedBy(caller, String(id ?? ""), "json", deps);
    const { rendered, leaveReceipt } = serveBlock(block, asked, deps);
    return `{"id":${JSON.stringify(id)},${membersOf(block, rendered, leaveReceipt(false))}}`;
  });
  return new Response(`{"results":[${results.join(",")}]}`, {
    headers: { "Content-Type": types.json, "Cache-Control": "no-store", ...amp },
  });
}

/** What a caller asks for. Throws Refusal forbidden for somebody whom its credential does not open. */
function askedBy({ key, bounds }: Caller, id: string | null, form: Form, deps: ContentDeps): Asked {
  const asked = { namespace: key.namespace, id, form, caller: key.id };
  if (bounds.kind !== "token") {
    if (bounds.kind === "link" && id !== bounds.id) throw notOpened();
    // Whoever holds a key signs what they like with it: its limits hold for a link too.
    if (id?.includes(":") === true) checkIdType(key, id.slice(0, id.indexOf(":")));
    return bounds.kind === "none" ? asked : { ...asked, isOver: bounds.isOver };
  }
  const { holder } = bounds;
  // A number can be guessed, and is as good as the profile's own id.
  if (holder.kind === "profile") checkIdType(key, "profile_id");
  const own = holder.kind === "everybody" ? null : (deps.profileIdOf(holder.pid, holder.epoch) ?? "");
  const ownId = own === null ? null : `profile_id:${own}`;
  // Whoever names somebody beside the token must mean the token's own profile, which alone is rendered.
  if (id !== null && (ownId === null || !areSame(id, ownId, asked, deps))) throw notOpened();
  return { ...asked, id: ownId };
}

function notOpened(): Refusal {
  return new Refusal("forbidden", { detail: "The token or link is for somebody else." });
}

function areSame(one: string, other: string, { namespace }: Asked, { profiles }: ContentDeps): boolean {
  const [first, second] = [one, other].map((id) => {
    const colon = id.indexOf(":");
    const type = id.slice(0, colon);
    if (!profiles.definitions.identity.idTypes.has(type)) return null;
    return profiles.find(namespace, type, id.slice(colon + 1));
  });
  if (first?.kind === "rebuilding" || second?.kind === "rebuilding") return true;
  return first?.kind === "found" && second?.kind === "found" && first.profile.pid === second.profile.pid;
}

interface Place {
  /** The block's name. */
  readonly name: string;
  readonly suffix: string;
}

function placeOf({ url }: Request): Place {
  const nameAt = url.indexOf(contentPath) + contentPath.length;
  const queryAt = url.indexOf("?", nameAt);
  const name = queryAt < 0 ? url.slice(nameAt) : url.slice(nameAt, queryAt);
  const suffix = [".html", ".txt"].find((candidate) => name.endsWith(candidate)) ?? "";
  return { name: name.slice(0, name.length - suffix.length), suffix };
}

/** Who asks. Throws Refusal, in a promise where a signature has to be checked. */
function callerOf(
  request: Request,
  { name }: Place,
  query: URLSearchParams,
  { callers, onAsked }: ContentDeps,
): Caller | Promise<Caller> {
  onAsked();
  return callers.of(request, name, query);
}

/** The block, if the caller may have it. Throws Refusal. */
function blockFor({ key, bounds }: Caller, name: string, { shelf }: ContentDeps): Block {
  const block = shelf?.get(name) ?? null;
  if (block === null) throw new Refusal("block_not_found");
  const { readableTraits, blocks } = key;
  const isOpen = blocks === null || blocks.includes(name);
  if (!isOpen || (bounds.kind === "token" && !bounds.blocks.includes(name)))
    throw new Refusal("forbidden", { detail: "The key or token does not open this block." });
  if (readableTraits !== null && block.head.needs.some((need) => !readableTraits.includes(need.name)))
    throw new Refusal("forbidden", { detail: "The block needs traits that this key may not read." });
  return block;
}

function formOf(suffix: string, accept: string): Form {
  if (suffix === ".html") return "html";
  if (suffix === ".txt") return "text";
  if (accept === "" || accept === "*/*") return "json";
  const wanted = accept.split(",").map((part) => part.split(";")[0]?.trim().toLowerCase());
  if (wanted.includes("application/json")) return "json";
  if (wanted.includes("text/html")) return "html";
  return wanted.includes("text/plain") ? "text" : "json";
}

function answer(request: Request, block: Block, served: ServedBlock, form: Form, amp: AmpHeaders): Response {
  const { rendered, leaveReceipt } = served;
  const { etag, headers } =
    amp === notAmp ? headOf(block, rendered, form) : newHead(block, rendered, form, amp);
  const asked = request.headers.get("if-none-match");
  const isSame = asked !== null && hasTag(asked, etag);
  const receipt = leaveReceipt(isSame);
  if (isSame) return new Response(null, { status: 304, headers });
  return new Response(bodyOf(block, rendered, form, receipt), { headers });
}

function headOf(block: Block, rendered: RenderedBlock, form: Form): AnswerHead {
  const which = `${form} ${rendered.servedFrom}`;
  const heads = (rendered.made.heads ??= new Map());
  let head = heads.get(which);
  if (head === undefined) {
    head = newHead(block, rendered, form, notAmp);
    heads.set(which, head);
  }
  return head;
}

function newHead(block: Block, rendered: RenderedBlock, form: Form, amp: AmpHeaders): AnswerHead {
  const seconds = block.head.cacheMs === null ? 0 : Math.floor(block.head.cacheMs / 1_000);
  // Of what can be read, never of ages.
  const etag = `"${block.version}-${form}-${rendered.servedFrom ?? "nothing"}-${rendered.contentHash}"`;
  const headers = new Headers({
    "Content-Type": types[form],
    ETag: etag,
    "Cache-Control": `private, max-age=${seconds}`,
    Vary: "Accept, Authorization, AMP-Email-Sender, Origin",
    "X-Content-Type-Options": "nosniff",
    ...(form === "html" ? shownHeaders : {}),
    ...amp,
  });
  return { etag, headers };
}

function bodyOf(block: Block, rendered: RenderedBlock, form: Form, receipt: string): string {
  if (form === "html") return rendered.html;
  return form === "text" ? rendered.text : answerText(block, rendered, receipt);
}

/** The answer as JSON; `receipt` is null where none was left. */
export function answerText(block: Block, rendered: RenderedBlock, receipt: string | null): string {
  return `{${membersOf(block, rendered, receipt)}}`;
}

/** Its members: the large ones were written as JSON when they were made. */
function membersOf(block: Block, rendered: RenderedBlock, receipt: string | null): string {
  const { made, dataText, servedFrom, reason, freshness } = rendered;
  const rest = JSON.stringify({ servedFrom, reason, freshness, receipt }).slice(1, -1);
  return `"block":"${block.name}","version":"${block.version}",${made.quoted},"data":${dataText},${rest}`;
}
