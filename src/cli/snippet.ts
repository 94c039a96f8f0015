/** `freshet snippet`: the tag for a site, or what an ESP takes for a block, ready to paste. */
import type { Command } from "commander";
import { isWriteKey } from "../config/keyText.ts";
import { vendors } from "../esp/vendors/vendors.ts";
import { withData } from "./arguments.ts";
import { UsageError, type CliContext } from "./context.ts";
import { printEspSnippet } from "./espSnippet.ts";

interface Flags {
  readonly data?: string;
  readonly json: boolean;
  readonly writeKey?: string;
  readonly url?: string;
  readonly consent: boolean;
  readonly respectDnt: boolean;
  readonly manualPages: boolean;
  /** True without a domain. */
  readonly cookie?: string | true;
}

const localUrl = "http://127.0.0.1:8787";

export function addSnippet(program: Command, context: CliContext): void {
  const command = program
    .command("snippet")
    .description(
      "print the script tag that lets a site send its events, or what an ESP takes for a content block",
    )
    .argument("[esp]", `the ESP: ${vendors.map(({ id }) => id).join(", ")}; without it the tag is printed`)
    .argument("[block]", "the content block")
    .option(
      "--url <url>",
      `address by which browsers or the ESP reach the server (default: ${localUrl}, or its public URL)`,
    )
    .option("--write-key <key>", "key of a source, best one with trust: browser (env: FRESHET_WRITE_KEY)")
    .option("--consent", "nothing is sent or stored before freshet.consent(true)", false)
    .option("--respect-dnt", "heed Do Not Track and Global Privacy Control", false)
    .option("--manual-pages", "pages are told by freshet.page() only", false)
    .option("--cookie [domain]", "keep the anonymous id in a cookie too, for this domain and those below")
    .option("--json", "print what an ESP takes as JSON", false);
  withData(command).action(async (esp: string | undefined, block: string | undefined, flags: Flags) => {
    if (esp !== undefined) {
      const url = flags.url === undefined ? null : baseUrl(flags.url).origin;
      await printEspSnippet(esp, block, { ...flags, url }, context);
      return;
    }
    const key = flags.writeKey ?? context.environment["FRESHET_WRITE_KEY"] ?? "";
    await context.print(`${tagFor(key, flags)}\n`);
  });
}

function tagFor(writeKey: string, { url, consent, respectDnt, manualPages, cookie }: Flags): string {
  if (writeKey.startsWith("sk_")) throw new UsageError("--write-key: a secret key has no place in a page");
  if (!isWriteKey(writeKey)) throw new UsageError("--write-key: expected a write key, wk_…");
  const attributes = [
    `src="${escape(new URL("/v1/freshet.js", baseUrl(url ?? localUrl)).href)}"`,
    `data-write-key="${writeKey}"`,
    ...(consent ? ['data-consent="required"'] : []),
    ...(respectDnt ? ["data-respect-dnt"] : []),
    ...(manualPages ? ['data-pages="manual"'] : []),
    ...(cookie === undefined ? [] : [`data-cookie="${cookie === true ? "" : escape(cookie)}"`]),
  ];
  return `<script ${attributes.join(" ")} async></script>`;
}

function baseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url?.protocol !== "http:" && url?.protocol !== "https:")
    throw new UsageError("--url: expected an address like https://events.shop.example");
  return url;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;");
}
