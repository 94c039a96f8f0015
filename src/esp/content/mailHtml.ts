/**
 * HTML as mail programs read it, made from a block's template when the block is read: MJML becomes tables, rules of
 * style sheets go into the tags they speak of. Liquid in the template stays where it stands and is filled in per
 * recipient. Both compilers are loaded by the first block that asks for one; neither reads files or fetches.
 */
import { BlockProblem } from "./frontMatter.ts";

/** What a block is written in. */
export type Markup = "html" | "mjml";

/** Throws BlockProblem where the MJML is wrong, with its line in the file. */
export async function mailHtml(
  template: string,
  { markup, inlineStyles, headLines }: { markup: Markup; inlineStyles: boolean; headLines: number },
): Promise<string> {
  const html = markup === "mjml" ? await fromMjml(template, headLines) : template;
  return inlineStyles ? withInlineStyles(html) : html;
}

interface MjmlFault {
  readonly line: number;
  readonly message: string;
}

async function fromMjml(template: string, headLines: number): Promise<string> {
  const { default: mjml } = await import("mjml-browser");
  let made: { readonly html: string; readonly errors: readonly MjmlFault[] };
  try {
    // Fonts would be fetched from a host of others, which no e-mail of ours may do.
    made = await mjml(template, { fonts: {}, validationLevel: "soft" });
  } catch (error) {
    throw new BlockProblem(
      `its MJML can't be read: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
  const [fault] = made.errors;
  if (fault !== undefined) throw new BlockProblem(`line ${fault.line + headLines}: ${fault.message}`);
  return made.html;
}

async function withInlineStyles(html: string): Promise<string> {
  const { default: juice } = await import("juice/client");
  return juice(html, {
    preserveMediaQueries: true,
    applyWidthAttributes: false,
    applyHeightAttributes: false,
  });
}
