/** /docs: the paths and the error codes as one page that loads nothing from anywhere. Error answers link into it. */
import { errorCatalogue } from "../errors.ts";
import { paths } from "./paths.ts";

/** Nothing may run or load; the page's own style is known by its hash. */
export interface DocsPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

const style =
  ":root{color-scheme:light dark;background:Canvas;color:CanvasText}body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}" +
  ".scroll{overflow-x:auto}table{border-collapse:collapse;width:100%}" +
  "td,th{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #8884}code{font-size:.95em}@media(min-width:40rem){td code{white-space:nowrap}}";

export function docsPage(version: string): DocsPage {
  const hash = new Bun.CryptoHasher("sha256").update(style).digest("base64");
  const pathRows = paths.map((entry) =>
    row([
      `<code>${entry.method} ${escape(entry.path)}</code>`,
      escape(entry.summary),
      entry.scope ?? "no key",
    ]),
  );
  const codeRows = Object.entries(errorCatalogue).map(([code, { status, message, hint }]) =>
    row([`<code id="${escape(code)}">${escape(code)}</code>`, String(status), escape(message), escape(hint)]),
  );
  const html = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Freshet ${escape(version)}</title><style>${style}</style></head>
<body>
<main>
<h1>Freshet ${escape(version)}</h1>
<p>The full description for machines is at <a href="/openapi.json">/openapi.json</a>.</p>
<h2>Paths</h2>
${table("Paths", ["Path", "What", "Scope"], pathRows)}
<h2>Error codes</h2>
<p>An error is <code>{"error":{"code","message","hint","docs","requestId"}}</code>.</p>
${table("Error codes", ["Code", "Status", "Meaning", "What to do"], codeRows)}
</main>
</body>
</html>
`;
  return {
    html,
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

/** Where it is wider than the page it scrolls by itself, by keyboard too. */
function table(label: string, head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((name) => `<th scope="col">${name}</th>`).join("");
  return `<div class="scroll" role="group" aria-label="${label}" tabindex="0">
<table><thead><tr>${cells}</tr></thead><tbody>
${rows.join("\n")}
</tbody></table>
</div>`;
}

function escape(text: string): string {
  return text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
