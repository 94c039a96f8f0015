// `bun build.ts [--target linux-x64|linux-arm64] [--outfile path]`: makes the single binary, dist/freshet.
//
// Four things a plain `bun build --compile` gets wrong here:
// - LMDB looks its addon up by folder at run time; in the binary there is no folder, so a plugin answers with the
//   addon itself, for LMDB only. msgpackr asks the same package for an accelerator: it gets an error, which it
//   handles, since an answer meant for LMDB would corrupt what it reads.
// - What a browser gets has to be there already: bundling inside a build hangs. A plugin puts the finished files in
//   the place of public/bundle.ts.
// - A compiled binary obeys a .env and a bunfig.toml in the current folder, which belong to somebody else.
// - Building for another machine would download a Bun: ours comes out of the lock like every package.

import { cpSync, existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseArgs } from "node:util";
import type { BunPlugin } from "bun";
import { publicFolder, publicFolderNames } from "./public/bundle.ts";
import { notices } from "./scripts/notices.ts";

const root = import.meta.dir;
const host = `${process.platform}-${process.arch}`;

/** Names of one target: ours, the bundler's, and the package that holds its Bun. */
const targets = {
  "linux-x64": { compile: "bun-linux-x64", runtime: "@oven/bun-linux-x64" },
  "linux-arm64": { compile: "bun-linux-arm64", runtime: "@oven/bun-linux-aarch64" },
  "darwin-arm64": { compile: "bun-darwin-arm64", runtime: "@oven/bun-darwin-aarch64" },
  "darwin-x64": { compile: "bun-darwin-x64", runtime: "@oven/bun-darwin-x64" },
} as const;
type Target = keyof typeof targets;

/** Worker entry points; src/app.ts starts them as `new URL("./workers/….ts", import.meta.url)`. */
const workers = ["src/workers/writer.ts", "src/workers/maintenance.ts", "src/workers/ops.ts"];

function isTarget(name: string): name is Target {
  return Object.hasOwn(targets, name);
}

/** Where the target's packages are: ours, or for another machine a second install of the same lock, whose hashes
 * it is checked against. */
function packagesFor(target: Target): string {
  if (target === host) return join(root, "node_modules");
  const folder = join(root, ".cache", target);
  mkdirSync(folder, { recursive: true });
  for (const name of ["package.json", "package-lock.json", ".npmrc"])
    cpSync(join(root, name), join(folder, name));
  const [os = "", cpu = ""] = target.split("-");
  const flags = ["ci", "--ignore-scripts", "--silent", `--os=${os}`, `--cpu=${cpu}`];
  const installed = Bun.spawnSync([process.execPath, ...flags], { cwd: folder, stdio: ["ignore", 2, 2] });
  if (!installed.success) throw new Error(`The packages for ${target} could not be installed.`);
  return join(folder, "node_modules");
}

function addonPath(packages: string, target: Target): string {
  const folder = join(packages, "@lmdb", `lmdb-${target}`);
  const found = ["node.napi.glibc.node", "node.napi.node"].map((name) => join(folder, name)).find(existsSync);
  if (found === undefined) throw new Error(`There is no LMDB addon for ${target} in ${folder}.`);
  return found;
}

/** Answers the two importers of the addon finder, each with what it can use. */
function addonPlugin(addon: string): BunPlugin {
  const answers: Record<string, string> = {
    lmdb: `module.exports = () => require(${JSON.stringify(addon)});`,
    other: `module.exports = () => { throw new Error("left out of the binary"); };`,
  };
  return {
    name: "native addons",
    setup(bundler) {
      bundler.onResolve({ filter: /^node-gyp-build-optional-packages$/ }, ({ importer }) => ({
        path: /\/node_modules\/lmdb\/(native\.js|dist\/index\.cjs)$/.test(importer) ? "lmdb" : "other",
        namespace: "addon",
      }));
      bundler.onLoad({ filter: /./, namespace: "addon" }, ({ path }) => ({
        contents: answers[path] ?? "",
        loader: "js",
      }));
    },
  };
}

/** Puts the finished files in the place of the module that makes them. */
function publicFilesPlugin(contents: string): BunPlugin {
  return {
    name: "public files",
    setup(bundler) {
      bundler.onLoad({ filter: /\/public\/bundle\.ts$/ }, () => ({ contents, loader: "js" }));
    },
  };
}

/** A module that does what public/bundle.ts does, without anything to bundle. */
async function publicFilesModule(): Promise<string> {
  const made = publicFolderNames().map(async (folder) => {
    const files = await publicFolder(folder);
    return [folder, files.map(({ bytes, ...file }) => ({ ...file, base64: bytes.toBase64() }))];
  });
  const table = JSON.stringify(Object.fromEntries(await Promise.all(made)));
  return `const table = ${table};
export async function publicFolder(folder) {
  return table[folder].map(({ base64, ...file }) => ({ ...file, bytes: Uint8Array.fromBase64(base64) }));
}`;
}

async function build(target: Target, outfile: string): Promise<void> {
  const packages = packagesFor(target);
  const runtime = join(packages, targets[target].runtime, "bin", "bun");
  const publicFiles = await publicFilesModule();
  await Bun.build({
    entrypoints: ["src/main.ts", ...workers].map((path) => join(root, path)),
    target: "bun",
    format: "esm",
    // Elysia reads the source of hooks to see what they use: renamed parameters would make it guess wrong.
    minify: false,
    // Bytecode is made by this Bun for this kind of processor; for another one it could not be tried out.
    bytecode: target === host,
    plugins: [addonPlugin(addonPath(packages, target)), publicFilesPlugin(publicFiles)],
    compile: {
      target: targets[target].compile,
      executablePath: target === host ? process.execPath : runtime,
      outfile,
      autoloadDotenv: false,
      autoloadBunfig: false,
    },
  });
}

async function main(): Promise<void> {
  const options = { target: { type: "string", default: host }, outfile: { type: "string" } } as const;
  const { target, outfile } = parseArgs({ args: process.argv.slice(2), options, strict: true }).values;
  if (!isTarget(target)) throw new Error(`--target is one of ${Object.keys(targets).join(", ")}`);
  const path = outfile ?? join(root, "dist", target === host ? "freshet" : `freshet-${target}`);
  await build(target, path);
  await Bun.write(join(dirname(path), "NOTICE.txt"), await notices());
  process.stdout.write(`${path} (${(statSync(path).size / 1e6).toFixed(0)} MB, ${target})\n`);
}

await main();
