/** No page of the project points at something that is not there. */
import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import manifest from "../package.json";
import {
  anchorsOf,
  deadCitations,
  deadLinks,
  deadWords,
  linkedFrom,
  type Known,
  type Pages,
} from "../scripts/pages.ts";
import { buildProgram } from "../src/cli/program.ts";
import { testContext } from "./support/testContext.ts";

const root = join(import.meta.dir, "..");

async function read(...patterns: readonly string[]): Promise<Pages> {
  const paths = patterns
    .flatMap((pattern) => [...new Bun.Glob(pattern).scanSync(root)])
    .filter((path) => !path.startsWith("test/fixtures/"));
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const)),
  );
}

function optionsOf(command: Command, words: readonly string[] = []): [string, ReadonlySet<string>][] {
  const own = new Set([...command.options.map((option) => option.long ?? ""), "--help"]);
  const inner = command.commands.flatMap((child) => optionsOf(child, [...words, child.name()]));
  return [[words.join(" "), own], ...inner];
}

const exists = (path: string) => existsSync(join(root, path));
const known: Known = {
  exists,
  scripts: new Set(Object.keys(manifest.scripts)),
  commands: new Map(optionsOf(buildProgram(testContext(), () => {}))),
};
const pages = await read("*.md", "{docs,deploy,examples}/**/*.md");
const sources = await read("{src,bench,scripts,examples,test,public}/**/*.{ts,mjs,js}");

describe("the pages", () => {
  test("are read at all", () => {
    expect([...pages.keys()]).toEqual(expect.arrayContaining(["README.md", "docs/protocol.md"]));
    expect(sources.size).toBeGreaterThan(100);
    expect(known.commands.size).toBeGreaterThan(10);
  });

  test("have no dead link", () => expect(deadLinks(pages, exists)).toEqual([]));
  test("name no command, option, script or path that is not there", () =>
    expect(deadWords(pages, known)).toEqual([]));
  test("have every heading that the code cites", () => expect(deadCitations(sources, pages)).toEqual([]));

  test("of docs/ can all be reached from the README", () => {
    const reached = new Set(["README.md"]);
    for (const page of reached) {
      for (const path of linkedFrom(page, pages.get(page) ?? "")) if (pages.has(path)) reached.add(path);
    }
    expect([...pages.keys()].filter((path) => path.startsWith("docs/") && !reached.has(path))).toEqual([]);
  });
});

describe("a fault is seen:", () => {
  const page = (text: string): Pages => new Map([["docs/a.md", text]]);

  test.each([
    ["a missing file", "[b](b.md)"],
    ["a missing heading of the page itself", "[b](#nowhere)"],
    ["a missing heading of another page", "# A\n[b](../docs/a.md#b)"],
  ])("%s", (_, text) => {
    expect(deadLinks(page(text), (path) => path === "docs/a.md")).toHaveLength(1);
  });

  test.each([
    ["a command", "`freshet sevre`"],
    ["a command in a block", "```sh\nfreshet sevre\n```"],
    ["an option", "`freshet serve --prot 1`"],
    ["an option of another command", "`freshet keys create --port 1`"],
    ["a script", "`npm run bild`"],
    ["a path", "`test/nothing.test.ts`"],
  ])("%s that does not exist", (_, text) => {
    expect(deadWords(page(text), known)).toHaveLength(1);
  });

  test("a cited heading", () => {
    const cites = new Map([["src/a.ts", `// (docs/a.md, ${JSON.stringify("B")})`]]);
    expect(deadCitations(cites, page("# A"))).toHaveLength(1);
    expect(deadCitations(cites, page("## B"))).toEqual([]);
  });

  test("and what is right is passed", () => {
    const text =
      "# The way, of it\n[x](#the-way-of-it) [y](https://example.com/) `freshet keys create --help` `npm run build` `src/main.ts`";
    expect(deadLinks(page(text), () => true)).toEqual([]);
    expect(deadWords(page(text), known)).toEqual([]);
    expect(anchorsOf("## What answers what\n### ETag & 304")).toEqual(["what-answers-what", "etag--304"]);
  });
});
