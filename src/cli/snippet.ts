/** `freshet snippet`: the tag for a site, ready to paste. It asks no server. */
import type { Command } from "commander";
import { isWriteKey } from "../config/keyText.ts";
import { UsageError, type CliContext } from "./context.ts";

interface Flags {
  readonly writeKey?: string;
  readonly url: string;
  readonly consent: boolean;
  readonly respectDnt: boolean;
  readonly manualPages: boolean;
  /** True without a domain. */
  readonly cookie?: string | true;
}

export function addSnippet(program: Command, context: CliContext): void {
  program
    .command("snippet")
    .description("print the script tag that lets a site send its events")
    .option("--url <url>", "address by which browsers reach the server", "http://127.0.0.1:8787")
    .option("--write-key <key>", "key of a source, best one with trust: browser (env: FRESHET_WRITE_KEY)")
    .option("--consent", "nothing is sent or stored before freshet.consent(true)", false)
    .option("--respect-dnt", "heed Do Not Track and Global Privacy Control", false)
    .option("--manual-pages", "pages are told by freshet.page() only", false)
    .option("--cookie [domain]", "keep the anonymous id in a cookie too, for this domain and those below")
    .action(async (flags: Flags) => {
      const key = flags.writeKey ?? context.environment["FRESHET_WRITE_KEY"] ?? "";
      await context.print(`${tagFor(key, flags)}\n`);
    });
}

function tagFor(writeKey: string, { url, consent, respectDnt, manualPages, cookie }: Flags): string {
  if (writeKey.startsWith("sk_")) throw new UsageError("--write-key: a secret key has no place in a page");
  if (!isWriteKey(writeKey)) throw new UsageError("--write-key: expected a write key, wk_…");
  const attributes = [
    `src="${escape(new URL("/v1/freshet.js", baseUrl(url)).href)}"`,
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
