import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type Fault,
  type Files,
  importCycles,
  importDirections,
  importsOf,
  reservedWords,
  shapes,
  singleImporters,
  words,
} from "../scripts/tidy.ts";
import { tempFolder } from "./support/tempFolder.ts";

const root = join(import.meta.dir, "..");

async function projectFiles(): Promise<Files> {
  const pattern = new Bun.Glob("{src,public,test,bench,scripts,docs,deploy}/**/*.{ts,tsx,mjs,md,sql}");
  const paths = [...pattern.scanSync(root), "build.ts"].filter((path) => !path.startsWith("test/fixtures/"));
  return new Map(
    await Promise.all(paths.map(async (path) => [path, await Bun.file(join(root, path)).text()] as const)),
  );
}

/** Runs a rule on one planted file. */
function planted(rule: (files: Files) => Fault[], path: string, source: string): Fault[] {
  return rule(new Map([[path, source]]));
}

const files = await projectFiles();

describe("the project", () => {
  const rules = { importDirections, importCycles, singleImporters, reservedWords, shapes, words };

  test("is read at all", () => expect(files.size).toBeGreaterThan(20));
  test.each(Object.entries(rules))("breaks no rule of %s", (_name, rule) => expect(rule(files)).toEqual([]));
});

describe("imports", () => {
  test("are seen in every form", () => {
    const source = [
      'import a from "./a.ts";',
      'import type { B } from "./b.ts";',
      'import {\n  c,\n  type D,\n} from "./c.ts";',
      'import "./e.ts";',
      'export * from "./f.ts";',
      'const g = await import("./g.ts");',
      'const text = "not an import from anywhere";',
    ].join("\n");
    expect(importsOf(source).sort()).toEqual(["a", "b", "c", "e", "f", "g"].map((name) => `./${name}.ts`));
  });

  test.each([
    ["src/model/a.ts", "../store/b.ts"],
    ["src/store/a.ts", "../ingest/b.ts"],
    ["src/store/dedup/a.ts", "../../esp/b.ts"],
    ["src/ingest/a.ts", "../esp/b.ts"],
    ["src/esp/a.ts", "../ingest/b.ts"],
    ["src/esp/a.ts", "../admin/b.ts"],
    ["src/admin/a.ts", "../app.ts"],
    ["src/workers/a.ts", "../app.ts"],
    ["src/app.ts", "./cli/b.ts"],
    ["src/cli/a.ts", "../main.ts"],
    ["src/lib/a.ts", "./b.ts"],
    ["src/lib/a.ts", "../errors.ts"],
    ["src/errors.ts", "./lib/b.ts"],
    ["src/errors.ts", "./model/b.ts"],
    ["src/store/a.ts", "../config/b.ts"],
    ["src/workers/a.ts", "../config/b.ts"],
    ["src/config/a.ts", "../store/b.ts"],
    ["src/elsewhere/a.ts", "../lib/b.ts"],
    ["src/store/a.ts", "../../scripts/b.ts"],
    ["src/store/a.ts", "../../test/support/b.ts"],
  ])("may not go from %s to %s", (from, to) => {
    expect(planted(importDirections, from, `import type { X } from "${to}";`)).toHaveLength(1);
  });

  test.each([
    ["src/model/a.ts", "../lib/b.ts"],
    ["src/model/a.ts", "../errors.ts"],
    ["src/store/a.ts", "../model/b.ts"],
    ["src/ingest/a.ts", "../store/b.ts"],
    ["src/esp/a.ts", "./b.ts"],
    ["src/admin/a.ts", "../esp/b.ts"],
    ["src/workers/a.ts", "../ingest/b.ts"],
    ["src/app.ts", "./admin/b.ts"],
    ["src/app.ts", "./config/b.ts"],
    ["src/cli/a.ts", "../app.ts"],
    ["src/cli/a.ts", "../config/b.ts"],
    ["src/main.ts", "./config/b.ts"],
    ["src/main.ts", "./cli/b.ts"],
    ["src/app.ts", "../public/admin.html"],
  ])("may go from %s to %s", (from, to) => {
    expect(planted(importDirections, from, `import { x } from "${to}";`)).toEqual([]);
  });

  test("may not run in a circle, types or not", () => {
    const circle = new Map([
      ["src/store/a.ts", 'import { b } from "./b.ts";'],
      ["src/store/b.ts", 'import type { C } from "./c.ts";'],
      ["src/store/c.ts", 'import { a } from "./a.ts";'],
    ]);
    expect(importCycles(circle)).toEqual([
      "src/store/a.ts: import cycle src/store/a.ts → src/store/b.ts → src/store/c.ts → src/store/a.ts",
    ]);
    circle.delete("src/store/c.ts");
    expect(importCycles(circle)).toEqual([]);
  });

  test.each(["lmdb", "bun:sqlite"])("of %s are one file's", (library) => {
    const source = `import { x } from "${library}";`;
    expect(singleImporters(new Map([["src/store/a.ts", source]]))).toEqual([]);
    const two = new Map(["src/store/a.ts", "src/store/b.ts"].map((path) => [path, source]));
    expect(singleImporters(two)).toHaveLength(2);
  });
});

describe("reserved words", () => {
  test.each([
    ["process.env['HOME']", "src/config/a.ts"],
    ["Bun.env.HOME", "src/config/a.ts"],
    ["Date.now()", "src/lib/clock.ts"],
    ["new Date()", "src/lib/clock.ts"],
    ["Date()", "src/lib/clock.ts"],
    ["Bun.nanoseconds()", "src/lib/clock.ts"],
    ["performance.now()", "src/lib/clock.ts"],
    ["process.hrtime.bigint()", "src/lib/clock.ts"],
    ["Math.random()", "src/lib/id.ts"],
    ["crypto.randomUUID()", "src/lib/id.ts"],
    ["crypto.getRandomValues(new Uint8Array(1))", "src/lib/id.ts"],
    ["Bun.randomUUIDv7()", "src/lib/id.ts"],
    ["await fetch('https://shop.example')", "src/lib/http.ts"],
    ["f(fetch)", "src/lib/http.ts"],
    ["globalThis.fetch('https://shop.example')", "src/lib/http.ts"],
  ])("%s is said in %s only", (expression, home) => {
    const source = `export const x = ${expression};`;
    expect(planted(reservedWords, "src/store/a.ts", source)).toHaveLength(1);
    expect(planted(reservedWords, home, source)).toEqual([]);
  });

  test("are seen in an import of the crypto module", () => {
    const source = 'import { randomBytes } from "node:crypto"; export const x = randomBytes(3);';
    expect(planted(reservedWords, "src/store/a.ts", source)).toHaveLength(1);
  });

  test.each([
    "new Date(receivedAtMs).toISOString()",
    "deps.ids.randomBytes(8)",
    "server.fetch(request)",
    "{ fetch(request: Request) { return handle(request); } }",
    "Bun.serve({ port: 0, fetch: (request) => answer(request) })",
    "clock.nowMs() /* not Date.now() */",
  ])("let %s pass", (expression) => {
    expect(planted(reservedWords, "src/store/a.ts", `export const x = ${expression};`)).toEqual([]);
  });

  test("are not looked for in what is no TypeScript, and that is said", () => {
    expect(planted(reservedWords, "src/store/a.ts", "const x = ;")).toEqual([
      "src/store/a.ts: does not parse",
    ]);
  });

  test.each(["Bun.hash('a')", "setTimeout(f, 1)", "process.pid"])(
    "keep %s out of the model",
    (expression) => {
      expect(planted(reservedWords, "src/model/a.ts", `export const x = ${expression};`)).toHaveLength(1);
    },
  );

  test("keep libraries out of the model", () => {
    const source = 'import { readFileSync } from "node:fs"; export const x = readFileSync("a");';
    expect(planted(reservedWords, "src/model/a.ts", source)).toHaveLength(1);
  });
});

describe("shapes", () => {
  test.each([
    ["src/store/a.ts", "x();\n".repeat(401)],
    ["src/lib/a.ts", "x();\n".repeat(100)],
    ["src/store/utils.ts", "x();\n"],
    ["src/store/index.ts", "x();\n"],
    ["src/store/a.ts", 'export * from "./b.ts";\n'],
    ["src/store/a.ts", 'export { b } from "./b.ts";\n'],
    ["src/store/a.ts", 'export type {\n  B,\n} from "./b.ts";\n'],
  ])("of %s are judged", (path, source) => expect(planted(shapes, path, source)).toHaveLength(1));

  test("that are good pass", () => {
    const source = 'import { b } from "./b.ts";\nexport const a = b("from");\n';
    expect(planted(shapes, "src/store/a.ts", source)).toEqual([]);
  });
});

describe("words", () => {
  // Each in two parts, so that this file does not say it.
  test.each([
    ["// TO", "DO: later"],
    ["/* FIX", "ME */"],
    ["// @ts-", "ignore"],
    ["// @ts-", "expect-error"],
    ["/* oxlint-", "disable */"],
    ["const sql = `SELECT ", "* FROM event`;"],
    ["const sql = `select ", "e.* from event e`;"],
  ])("of unfinished or careless work are seen: %s%s", (start, end) => {
    expect(planted(words, "src/store/a.ts", start + end)).toHaveLength(1);
  });

  test("that only resemble them pass", () => {
    expect(
      planted(words, "src/store/a.ts", "const sql = `SELECT count(*) FROM event`; // a todo list's item"),
    ).toEqual([]);
  });
});

test("the linter sees what the compiler lets through", async () => {
  using folder = tempFolder();
  const compilerOptions = { strict: true, target: "ESNext", module: "Preserve", lib: ["ESNext"], types: [] };
  writeFileSync(folder.at("tsconfig.json"), JSON.stringify({ compilerOptions }));
  writeFileSync(
    folder.at("planted.ts"),
    `export async function work(): Promise<number> { return await Promise.resolve(1); }
     export function start(list: readonly number[]): number { work(); void work(); return list[0]!; }
     export function loose(value: any): string { return String(value); }
     // ${["@ts", "ignore"].join("-")}
     export const wrong: string = start([]);`,
  );
  const linter = join(root, "node_modules", ".bin", "oxlint");
  const flags = ["--type-aware", "-c", join(root, ".oxlintrc.json"), "--format=json", folder.path];
  const run = Bun.spawn([process.execPath, linter, ...flags], {
    cwd: root,
    stdio: ["ignore", "pipe", "ignore"],
  });
  const report = await run.stdout.text();
  expect(await run.exited).toBe(1);
  const count = (rule: string) => report.split(`typescript(${rule})`).length - 1;
  expect(count("no-floating-promises")).toBe(2);
  expect(count("no-non-null-assertion")).toBe(1);
  expect(count("no-explicit-any")).toBe(1);
  expect(count("ban-ts-comment")).toBe(1);
});
