// `bun scripts/espDocs.ts`: writes docs/esps.md from what we know of each ESP.

import { join } from "node:path";
import type { Reach, SnippetPart, Vendor, VendorRule } from "../src/esp/vendors/vendor.ts";
import { commonRules } from "../src/esp/vendors/vendor.ts";
import { vendors } from "../src/esp/vendors/vendors.ts";

const input = {
  block: "cart-reminder",
  publicUrl: "https://events.shop.example",
  fallback: '<p>See what is new at <a href="https://shop.example/">our shop</a>.</p>',
  needs: ["firstName", "cart"],
};

const reaches: Readonly<Record<Reach, string>> = {
  perRecipient: "asks for each recipient",
  shared: "asks once for everybody",
  workflow: "asks in a step before the e-mail",
  push: "can't ask; it is pushed to",
};

const fences: Readonly<Record<SnippetPart["language"], string>> = {
  liquid: "text",
  handlebars: "text",
  ampscript: "text",
  javascript: "text",
  hubl: "text",
  html: "text",
  text: "text",
  shell: "sh",
};

const intro = `# ESPs

What each e-mail service needs to show a block ([content.md](content.md)), and the rules by which it asks. This page is
written from the same data as the commands and the admin page:

\`\`\`sh
freshet snippet braze cart-reminder                       # what to paste, for your block and your public URL
FRESHET_SECRET_KEY=… freshet doctor braze --url https://events.shop.example/v1/content/cart-reminder --id user_id:42
\`\`\`

\`doctor\` calls the URL as that ESP would and tells of each rule whether it is kept: pass, FAIL, or skip where a look from
outside can't tell or the URL is on this machine. With \`--json\` it prints the same for programs; it ends with 1 if a rule is
broken. The credential comes from a variable (\`--key-from\`), and is never printed; no snippet holds a secret key.

A rule without a source is **not confirmed**: it is what we were told or found out, and no page of the vendor that we could
read says so. Sources were read in stored copies in the month given; where the vendor has changed its mind since, it is
right and we are not.`;

/** The page. */
export function espPage(): string {
  const list = vendors.map(
    ({ id, name, reach, how }) => `- [${name}](#${anchorOf(name)}) (\`${id}\`) ${reaches[reach]}. ${how}`,
  );
  const common = [
    "## Rules for all",
    "Whoever asks, `doctor` looks at these too.",
    commonRules.map(ruleLine).join("\n"),
  ];
  return `${[intro, list.join("\n"), ...common, ...vendors.flatMap(sectionOf)].join("\n\n")}\n`;
}

function sectionOf(vendor: Vendor): string[] {
  const { parts, notes } = vendor.snippet(input);
  const own = vendor.rules.filter((rule) => !commonRules.includes(rule));
  return [
    `## ${vendor.name}`,
    vendor.how,
    ...parts.flatMap((part) => [`${part.title} (${part.where}):`, fenced(part)]),
    notes.map((note) => `- ${escaped(note)}`).join("\n"),
    "Its rules:",
    own.map(ruleLine).join("\n"),
  ];
}

function fenced({ language, code }: SnippetPart): string {
  return `\`\`\`${fences[language]}\n${code}\n\`\`\``;
}

function ruleLine({ id, says, source }: VendorRule): string {
  return `- \`${id}\`: ${escaped(says)} ${sourceOf(source)}`;
}

function sourceOf(source: VendorRule["source"]): string {
  if (source === null) return "**Not confirmed.**";
  const { url, read } = source;
  return url.startsWith("docs/")
    ? `([${url.slice(5)}](${url.slice(5)}))`
    : `([source](${url}), read ${read})`;
}

/** What Markdown would take for a mark of its own. */
function escaped(text: string): string {
  return text.replaceAll(/[*|_<>]/g, "\\$&");
}

function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^a-z0-9 ]/g, "")
    .replaceAll(" ", "-");
}

if (import.meta.main) await Bun.write(join(import.meta.dir, "../docs/esps.md"), espPage());
