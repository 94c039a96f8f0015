// The house rules that no compiler checks, as functions over a map of path → source text, so that a test can show
// each one failing on a planted file. docs/: CONTRIBUTING.md says them in words.

import { dirname, join } from "node:path/posix";

/** Project files by path from the root, with forward slashes. */
export type Files = ReadonlyMap<string, string>;

/** One broken rule, to be read by whoever broke it. */
export type Fault = `${string}: ${string}`;

/** Every import of a file, type-only ones too: `from "…"`, `import "…"`, `import("…")`, `require("…")`. */
export function importsOf(source: string): string[] {
  const forms = [
    /^\s*(?:import|export)\b[^;"']*?\bfrom\s*["']([^"']+)["']/gm,
    /^\s*import\s*["']([^"']+)["']/gm,
    /\b(?:import|require)\(\s*["']([^"']+)["']\s*\)/g,
  ];
  return forms.flatMap((form) => Array.from(source.matchAll(form), (match) => match[1] ?? ""));
}

/** Our own files that a file imports, as paths from the root. */
function localImports(path: string, source: string): string[] {
  return importsOf(source)
    .filter((name) => name.startsWith("."))
    .map((name) => join(dirname(path), name));
}

/** The floors of the house, lowest first. A file may import from lower floors and from its own room. */
const floors: readonly (readonly string[])[] = [
  ["lib", "errors"],
  ["model"],
  ["store"],
  ["ingest", "esp"],
  ["admin"],
  ["app", "workers"],
  ["cli"],
  ["main"],
];

/** Which room of src/ a file is in. Files lying in src/ itself are app's, but for errors.ts and main.ts. */
function roomOf(path: string): string {
  const [, first = "", ...rest] = path.split("/");
  if (rest.length > 0) return first;
  return first === "errors.ts" || first === "main.ts" ? first.slice(0, -3) : "app";
}

function floorOf(room: string): number {
  return floors.findIndex((rooms) => rooms.includes(room));
}

/** Null where `from` may import `to`, else why not. */
function directionFault(from: string, to: string): string | null {
  if (from === to) return from === "lib" ? "lib imports nothing of ours" : null;
  if (from === "config")
    return floorOf(to) <= floorOf("model") && floorOf(to) >= 0 ? null : "config is below";
  if (to === "config")
    return ["app", "cli", "main"].includes(from) ? null : "config is read by app, cli and main only";
  if (floorOf(from) < 0 || floorOf(to) < 0) return "this room is not on the plan";
  return floorOf(to) < floorOf(from) ? null : `${from} does not import ${to}`;
}

/** Imports that go up, sideways, or out of src/. */
export function importDirections(files: Files): Fault[] {
  return inSrc(files).flatMap(([path, source]) =>
    localImports(path, source).flatMap((target): Fault[] => {
      const why = target.startsWith("src/")
        ? directionFault(roomOf(path), roomOf(target))
        : outsideFault(target);
      return why === null ? [] : [`${path}: imports ${target}, but ${why}`];
    }),
  );
}

/** What src/ may import from outside src/: the manifest, and what is served as it is. */
function outsideFault(target: string): string | null {
  return target === "package.json" || target.startsWith("public/") ? null : "it is outside src/";
}

/** Import cycles, each told once, from its first file by name. */
export function importCycles(files: Files): Fault[] {
  const graph = new Map(inSrc(files).map(([path, source]) => [path, localImports(path, source)]));
  const done = new Set<string>();
  const faults: Fault[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) faults.push(`${path}: import cycle ${[...trail.slice(start), path].join(" → ")}`);
    if (start >= 0 || done.has(path)) return;
    for (const next of graph.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of [...graph.keys()].sort()) visit(path, []);
  return faults;
}

/** Libraries that have one door: everything else goes through the file that owns them. */
const oneDoor = ["lmdb", "bun:sqlite"];

export function singleImporters(files: Files): Fault[] {
  return oneDoor.flatMap((library): Fault[] => {
    const importers = inSrc(files).filter(([, source]) => importsOf(source).includes(library));
    return importers.length <= 1
      ? []
      : importers.map(([path]): Fault => `${path}: one file only imports ${library}`);
  });
}

/** Something only some files may say. Patterns are tried on code without comments and types. */
type Reserved = { what: RegExp; allowedIn: RegExp; sentence: string };

const reserved: readonly Reserved[] = [
  {
    what: /\bprocess\.env\b|\bBun\.env\b|\bimport\.meta\.env\b/,
    allowedIn: /^src\/config\//,
    sentence: "the environment is read in src/config only",
  },
  {
    what: /\bDate\.now\b|\bnew Date(?:\(\)|(?!\w|\())|(?<!new |[.\w])Date\(|\bBun\.nanoseconds\b|\bperformance\.(?:now|timeOrigin)\b|\bprocess\.(?:hrtime|uptime)\b/,
    allowedIn: /^src\/lib\//,
    sentence: "the clock is read in src/lib only (clock.ts) and handed in",
  },
  {
    what: /\bMath\.random\b|\b(?:crypto|Bun)\.random\w+|\bgetRandomValues\b|\{[^}]*\brandom(?:UUID|Bytes|Int|Fill)\w*\b[^}]*\} from "(?:node:)?crypto"/,
    allowedIn: /^src\/lib\//,
    sentence: "randomness is drawn in src/lib only (id.ts) and handed in",
  },
  {
    // A call or a use as a value; a method of that name (`fetch(request) {`, `server.fetch(…)`) is something else.
    what: /(?<![.\w])fetch\((?!(?:[^()]|\([^()]*\))*\)\s*\{)|\b(?:globalThis|Bun)\.fetch\b|[=(,:?]\s*fetch\b(?![(:])|from "(?:node:)?https?"/,
    allowedIn: /^src\/lib\/(?:http|httpCall|outbound)\.ts$/,
    sentence: "outbound requests go through src/lib/http.ts, httpCall.ts and outbound.ts",
  },
  {
    what: /\bBun\.|\bprocess\.|\bset(?:Timeout|Interval|Immediate)\(|from "(?!\.)/,
    allowedIn: /^src\/(?!model\/)/,
    sentence: "src/model is pure: no I/O, no timers, no libraries",
  },
];

export function reservedWords(files: Files): Fault[] {
  return inSrc(files).flatMap(([path, source]): Fault[] => {
    const code = codeOf(source);
    if (code === null) return [`${path}: does not parse`];
    const broken = reserved.filter((rule) => rule.what.test(code) && !rule.allowedIn.test(path));
    return broken.map((rule): Fault => `${path}: ${rule.sentence}`);
  });
}

/** A file without comments and types, or null when it is no TypeScript. */
function codeOf(source: string): string | null {
  try {
    return new Bun.Transpiler({ loader: "ts" }).transformSync(source);
  } catch {
    return null;
  }
}

const maxLines = 400;
const maxLibLines = 99;

/** Files too long for one sitting, drawers for anything, and files that only pass on what others export. */
export function shapes(files: Files): Fault[] {
  return inSrc(files).flatMap(([path, source]): Fault[] => {
    const faults: Fault[] = [];
    const lines = source.split("\n").length - 1;
    const most = path.startsWith("src/lib/") ? maxLibLines : maxLines;
    if (lines > most) faults.push(`${path}: ${lines} lines, at most ${most}`);
    if (/\/(?:index|utils?|helpers?|types|common|misc)\.ts$/.test(path))
      faults.push(`${path}: a name for anything`);
    if (/^\s*export\b[^;"'=(]*\bfrom\s*["']/m.test(source))
      faults.push(`${path}: passes on another file's exports`);
    return faults;
  });
}

/** Joins the parts of a word that this file must not hold in one piece. */
const word = (...parts: readonly string[]): string => parts.join("");

const unfinished = [word("TO", "DO"), word("FIX", "ME"), word("XX", "X"), word("HA", "CK")];
const silencers = [
  word("@ts-", "ignore"),
  word("@ts-", "expect-error"),
  word("@ts-", "nocheck"),
  word("oxlint-", "disable"),
  word("eslint-", "disable"),
];
const unfinishedForm = new RegExp(`\\b(?:${unfinished.join("|")})\\b`);
const silencingForm = new RegExp(silencers.join("|"));
const everyColumnForm = /\bSELECT\s+(?:\w+\.)?\*/i;

/** Words that have no place in any text of ours. */
export function words(files: Files): Fault[] {
  const rules: readonly (readonly [RegExp, string])[] = [
    [unfinishedForm, "speaks of unfinished work: finish it or leave it out"],
    [silencingForm, "silences a checker"],
    [everyColumnForm, "names no columns in its SQL"],
  ];
  return Array.from(files).flatMap(([path, source]) =>
    rules.filter(([form]) => form.test(source)).map(([, sentence]): Fault => `${path}: ${sentence}`),
  );
}

function inSrc(files: Files): (readonly [string, string])[] {
  return Array.from(files).filter(([path]) => path.startsWith("src/") && path.endsWith(".ts"));
}
