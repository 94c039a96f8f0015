/**
 * The files of public/ as a browser gets them. From source they are made when first asked for; for the binary,
 * build.ts makes them beforehand and puts a module in this one's place that only hands them out.
 *
 * A folder public/<name>/ gives main.js (from main.ts or main.tsx, one classic script with all it imports), main.css
 * (from the style sheets that it imports), and every .html, .css, .svg, .png, .ico and .yaml file as it is.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";

/** One file that a browser may ask for. */
export interface PublicFile {
  /** Without folder: `main.js`. */
  readonly name: string;
  readonly contentType: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const contentTypes: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  png: "image/png",
  ico: "image/x-icon",
  yaml: "text/plain; charset=utf-8",
};

/** Makes the files of one folder of public/. Throws if the folder is not there or its source has an error. */
export async function publicFolder(folder: string): Promise<readonly PublicFile[]> {
  const place = join(import.meta.dir, folder);
  const entry = ["main.ts", "main.tsx"].map((name) => join(place, name)).find(existsSync);
  const bundled = entry === undefined ? [] : await bundle(entry);
  const asTheyAre = readdirSync(place).filter((name) => Object.hasOwn(contentTypes, extension(name)));
  const copied = asTheyAre
    // A style sheet that main imports is in main.css already.
    .filter((name) => extension(name) !== "css" || entry === undefined)
    .map(async (name) => publicFile(name, await Bun.file(join(place, name)).bytes()));
  return [...bundled, ...(await Promise.all(copied))];
}

/** The folders that there are. */
export function publicFolderNames(): string[] {
  const entries = readdirSync(import.meta.dir, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
}

async function bundle(entry: string): Promise<PublicFile[]> {
  const { outputs } = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    format: "iife",
    minify: true,
    define: { "process.env.NODE_ENV": '"production"' },
    naming: "[name].[ext]",
  });
  return Promise.all(
    outputs.map(async (output) =>
      publicFile(output.path.split("/").at(-1) ?? "", new Uint8Array(await output.arrayBuffer())),
    ),
  );
}

function publicFile(name: string, bytes: Uint8Array<ArrayBuffer>): PublicFile {
  return { name, contentType: contentTypes[extension(name)] ?? "application/octet-stream", bytes };
}

function extension(name: string): string {
  return name.split(".").at(-1) ?? "";
}
