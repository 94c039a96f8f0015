/** /docs: the paths and the error codes as one page that loads nothing from anywhere. Error answers link into it. */
import { errorCatalogue } from "../errors.ts";
import { docsStyle } from "./docsStyle.ts";
import { paths, type PathEntry } from "./paths.ts";

/** Nothing may run or load; the page's own style is known by its hash. */
export interface DocsPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

/** The chapters of the table: name in the page, what stands there, which scopes belong to it. */
const chapters: readonly (readonly [
  id: string,
  title: string,
  sentence: string,
  holds: (entry: PathEntry) => boolean,
])[] = [
  [
    "send",
    "Send events",
    "With a write key, or a secret key of scope write.",
    ({ scope }) => scope === "write",
  ],
  ["read", "Read profiles", "With a secret key of scope read.", ({ scope }) => scope === "read"],
  [
    "follow",
    "Follow changes",
    "With a secret key of scope feed, or a token of one profile.",
    ({ scope }) => scope === "feed",
  ],
  [
    "other",
    "Pages and operations",
    "What needs a key says so.",
    ({ scope }) => !["write", "read", "feed"].includes(scope ?? ""),
  ],
];

const firstSteps = `curl -u wk_…: $FRESHET/v1/identify -d '{"userId":"42","traits":{"firstName":"Ann"}}'
curl -H 'Authorization: Bearer sk_…' $FRESHET/v1/profiles/user_id:42
curl -N -H 'Authorization: Bearer sk_…' $FRESHET/v1/feed`;

/** The page; `home` is where its name leads to. */
export function docsPage(version: string, home: "/demo" | "/admin"): DocsPage {
  const hash = new Bun.CryptoHasher("sha256").update(docsStyle).digest("base64");
  return {
    html: pageText(version, home),
    contentSecurityPolicy: `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  };
}

function pageText(version: string, home: string): string {
  const contents = [
    ...chapters.map(([id, title]) => [id, title] as const),
    ["errors", "Error codes"] as const,
  ];
  return `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark"><title>Freshet ${escape(version)}: paths and error codes</title><style>${docsStyle}</style></head>
<body>
<header>
${mark}
<p class="name"><a href="${home}">Freshet</a></p>
<nav aria-label="More of Freshet">${home === "/demo" ? '<a href="/demo">Demo</a> ' : ""}<a href="/admin">Admin page</a> <a href="/openapi.json">OpenAPI</a></nav>
</header>
<main>
<h1>What this server answers</h1>
<p>Version ${escape(version)}. Send an event, read the profile, follow every change; <code>$FRESHET</code> is the address of this page without its path:</p>
<pre tabindex="0" aria-label="Three commands to begin with">${escape(firstSteps)}</pre>
<nav class="contents" aria-label="On this page">${contents.map(([id, title]) => `<a href="#${id}">${escape(title)}</a>`).join(" ")}</nav>
${chapters.map(chapter).join("\n")}
<section>
<h2 id="errors">Error codes</h2>
<p>An error is <code>{"error":{"code","message","hint","docs","requestId"}}</code>; codes stay, sentences may get better.</p>
${table("Error codes", ["Code", "Status", "Meaning", "What to do"], codeRows())}
</section>
</main>
</body>
</html>
`;
}

function chapter([id, title, sentence, holds]: (typeof chapters)[number]): string {
  const rows = paths
    .filter(holds)
    .map((entry) =>
      row([
        `<span class="method">${entry.method}</span> <code>${escape(entry.path)}</code>`,
        escape(entry.summary),
        entry.scope === null ? "none" : `<code>${escape(entry.scope)}</code>`,
      ]),
    );
  return `<section>
<h2 id="${id}">${escape(title)}</h2>
<p>${escape(sentence)}</p>
${table(title, ["Path", "What", "Scope"], rows)}
</section>`;
}

function codeRows(): readonly string[] {
  return Object.entries(errorCatalogue).map(([code, { status, message, hint }]) =>
    row([`<code id="${escape(code)}">${escape(code)}</code>`, String(status), escape(message), escape(hint)]),
  );
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`;
}

/** Where it is wider than the page it scrolls by itself, by keyboard too. */
function table(label: string, head: readonly string[], rows: readonly string[]): string {
  const cells = head.map((name) => `<th scope="col">${name}</th>`).join("");
  return `<div class="scroll" role="group" aria-label="${escape(label)}" tabindex="0">
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

/** Two waves; decoration. */
const mark = `<svg viewBox="0 0 34 34" width="34" height="34" aria-hidden="true" focusable="false"><path d="M2 15c5-6 9-6 14 0s10 6 16 0" /><path class="soft" d="M2 24c5-6 9-6 14 0s10 6 16 0" /></svg>`;
