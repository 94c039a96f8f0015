/** A block, ready to be rendered. */
import type { Template } from "liquidjs";
import { htmlFault } from "./checkHtml.ts";
import type { Engine } from "./engine.ts";
import { BlockProblem, splitBlock, type Head } from "./frontMatter.ts";
import { mailHtml } from "./mailHtml.ts";

export interface Block {
  readonly name: string;
  /** A hash of everything that decides what it renders. */
  readonly version: string;
  readonly head: Head;
  /** The file's text. */
  readonly source: string;
  readonly html: readonly Template[];
  /** Null: the text is made from the HTML. */
  readonly text: readonly Template[] | null;
  readonly engine: Engine;
  readonly linkHosts: readonly string[] | null;
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
  const text = head.text === null ? null : use.engine.parse(head.text, 0);
  checkNames([...html, ...(text ?? [])], head, use.engine);
  return { name, version: hash.slice(0, 12), head, source: file, html, text, ...use };
}

/** A name that nothing fills in would leave a hole in everybody's e-mail. */
function checkNames(template: readonly Template[], { needs }: Head, engine: Engine): void {
  const known = new Set(needs.map(({ name }) => name));
  const unknown = engine.variables(template).filter((name) => !known.has(name));
  if (unknown.length > 0)
    throw new BlockProblem(`its template reads ${unknown.join(", ")}, which needs does not name`);
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
