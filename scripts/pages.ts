/** What is checked of the project's pages: that nothing they point at is missing. */

/** A page or source file: path from the root, with forward slashes, and its text. */
export type Pages = ReadonlyMap<string, string>;

/** What stands in a page that commands can be checked against. */
export interface Known {
  /** Whether a file or folder is there, by its path from the root. */
  readonly exists: (path: string) => boolean;
  /** Names of the scripts of package.json. */
  readonly scripts: ReadonlySet<string>;
  /** Long options by command; "" stands for `freshet` alone. */
  readonly commands: ReadonlyMap<string, ReadonlySet<string>>;
}

/** The anchors of a page's headings, as they are made on GitHub. */
export function anchorsOf(text: string): string[] {
  return headingsOf(text).map((heading) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

/** Links to files, folders and headings of this tree that lead nowhere. */
export function deadLinks(pages: Pages, exists: Known["exists"]): string[] {
  const faults: string[] = [];
  for (const [page, text] of pages) {
    for (const { target, path, anchor } of linksOf(page, text)) {
      if (!exists(path)) faults.push(`${page}: ${target} is not there`);
      else if (anchor !== undefined && !anchorsOf(pages.get(path) ?? "").includes(anchor))
        faults.push(`${page}: ${target} has no such heading`);
    }
  }
  return faults;
}

/** The files of this tree that a page links to. */
export function linkedFrom(page: string, text: string): string[] {
  return linksOf(page, text).map(({ path }) => path);
}

interface Link {
  /** As it is written. */
  readonly target: string;
  /** From the root. */
  readonly path: string;
  readonly anchor: string | undefined;
}

function linksOf(page: string, text: string): Link[] {
  const targets = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
  return targets
    .filter((target) => !/^[a-z]+:/.test(target))
    .map((target) => {
      const [file = "", anchor] = target.split("#");
      return { target, path: file === "" ? page : resolved(page, file), anchor };
    });
}

/** Headings that sources cite, as a page of docs/ and the words in quotes, where the page has no such heading. */
export function deadCitations(sources: Pages, pages: Pages): string[] {
  const faults: string[] = [];
  for (const [source, text] of sources) {
    for (const [whole, path = "", heading = ""] of text.matchAll(/(docs\/[\w-]+\.md), "([^"\n]+)"/g)) {
      if (!headingsOf(pages.get(path) ?? "").includes(heading))
        faults.push(`${source}: ${whole} is not there`);
    }
  }
  return faults;
}

/** Commands, options, scripts and paths of this tree that pages tell the reader to use and that don't exist. */
export function deadWords(pages: Pages, { exists, scripts, commands }: Known): string[] {
  const faults: string[] = [];
  for (const [page, text] of pages) {
    for (const code of codeOf(text)) {
      const said = (what: string) => faults.push(`${page}: ${what} in \`${code}\``);
      for (const fault of commandFaults(code, commands)) said(fault);
      for (const [, script = ""] of code.matchAll(/\b(?:npm|bun) run ([a-z:0-9]+)/g))
        if (!scripts.has(script)) said(`no script ${script}`);
      for (const [path] of code.matchAll(
        /(?<![\w./-])(?:src|test|bench|scripts|docs|deploy|examples)\/[\w./-]*\w/g,
      ))
        if (!exists(path)) said(`no ${path}`);
    }
  }
  return faults;
}

function commandFaults(code: string, commands: Known["commands"]): string[] {
  const faults: string[] = [];
  for (const [, rest = ""] of code.matchAll(
    /(?:^|[\s/])freshet (?:-- )?((?:[a-z-]+|--[a-z-]+)[^\n|;&#]*)/g,
  )) {
    const words = rest.split(/\s+/);
    const name = [words.slice(0, 2).join(" "), words[0] ?? ""].find((command) => commands.has(command));
    if (name === undefined && !rest.startsWith("--")) {
      faults.push(`no command ${words[0]}`);
      continue;
    }
    const options = commands.get(name ?? "");
    for (const [option] of rest.matchAll(/(?<=\s|^)--[a-z-]+/g))
      if (options?.has(option) !== true) faults.push(`no option ${option}`);
  }
  return faults;
}

/** Inline code and the lines of code blocks. */
function codeOf(text: string): string[] {
  const blocks = [...text.matchAll(/```\w*\n([\s\S]*?)```/g)].flatMap(([, block = ""]) => block.split("\n"));
  const inline = [...text.replace(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)];
  return [...blocks, ...inline.map(([, code = ""]) => code)];
}

function withoutCode(text: string): string {
  return text.replace(/```[\s\S]*?```/g, "").replace(/`[^`\n]*`/g, "");
}

function headingsOf(text: string): string[] {
  return [...text.replace(/```[\s\S]*?```/g, "").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => heading);
}

function resolved(page: string, target: string): string {
  const { pathname } = new URL(target, `file:///${page}`);
  return decodeURIComponent(pathname).replace(/^\//, "").replace(/\/$/, "");
}
