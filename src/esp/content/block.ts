/** A block, ready to be rendered. */
import type { Template } from "liquidjs";
import type { BlockText } from "../../store/ops/receiptTable.ts";
import { htmlFault } from "./checkHtml.ts";
import { newEngine, type Engine } from "./engine.ts";
import { BlockProblem, splitBlock, type Head } from "./frontMatter.ts";
import { HtmlCheck } from "./htmlCheck.ts";
import { mailHtml } from "./mailHtml.ts";

export interface Block {
  readonly name: string;
  /** A hash of everything that decides what it renders. */
  readonly version: string;
  readonly head: Head;
  /** All that it was made of. */
  readonly text: BlockText;
  readonly html: readonly Template[];
  /** Template of the text part; null: it is made from the HTML. */
  readonly textPart: readonly Template[] | null;
  readonly engine: Engine;
  readonly linkHosts: readonly string[] | null;
  readonly check: HtmlCheck;
}

export const blockName = /^[a-z0-9][a-z0-9_-]{0,63}$/;

/** Makes a block from its file; `common`: the text of all partials. Throws BlockProblem. */
export async function makeBlock(
  name: string,
  file: string,
  common: string,
  use: { readonly engine: Engine; readonly linkHosts: readonly string[] | null },
): Promise<Block> {
  const { head, template, headLines } = splitBlock(file);
  const fallbacks = [["fallback", head.fallback] as const, ...head.fallbackBySegment];
  for (const [which, html] of fallbacks) {
    const fault = htmlFault(html, use.linkHosts);
    if (fault !== null) throw new BlockProblem(`${which}: ${faultWords[fault]}`);
  }
  const hash = new Bun.CryptoHasher("sha256")
    .update(JSON.stringify([file, common, use.linkHosts]))
    .digest("hex");
  const html = use.engine.parse(
    await mailHtml(template, { ...head, headLines }),
    isMade(head) ? 0 : headLines,
  );
  const textPart = head.text === null ? null : use.engine.parseText(head.text);
  checkNames([...html, ...(textPart ?? [])], head, use.engine);
  const version = hash.slice(0, 12);
  const text = { block: name, version, source: file, partials: common, linkHosts: use.linkHosts };
  return { name, version, head, text, html, textPart, ...use, check: new HtmlCheck(use.linkHosts) };
}

/** A name that nothing fills in would leave a hole in everybody's e-mail. */
function checkNames(template: readonly Template[], { needs }: Head, engine: Engine): void {
  const known = new Set(needs.map(({ name }) => name));
  const unknown = engine.variables(template).filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new BlockProblem(`its template reads ${unknown.join(", ")}, which needs does not name`);
}

/** A block as it once was, from what is kept of it; `marks`: for previews. Throws BlockProblem where this program can't read it any more. */
export function blockOf(
  { block, source, partials, linkHosts }: BlockText,
  options: { readonly marks: boolean } = { marks: false },
): Promise<Block> {
  const engine = newEngine(Object.fromEntries(JSON.parse(partials) as [string, string][]), options);
  return makeBlock(block, source, partials, { engine, linkHosts });
}

/** Lines of a template that a compiler has made are not the file's. */
function isMade({ markup, inlineStyles }: Head): boolean {
  return markup !== "html" || inlineStyles;
}

const faultWords = {
  unsafe_link: "it links to where linkHosts does not let it",
  unsafe_markup:
    "it holds scripts, forms, frames, handlers or styles that fetch, which have no place in an e-mail",
} as const;
