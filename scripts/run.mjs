// The one door to every command: `node scripts/run.mjs <arguments for bun>`.
//
// It needs nothing but Node 20 or any Bun. When node_modules is missing or does not belong to
// package-lock.json it installs exactly what the lock says (npm ci, or bun ci where there is no npm), then
// becomes the pinned Bun as far as a parent can: same terminal, same signals, same exit code.

import { spawn, spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const modules = join(root, "node_modules");
const unfinishedPath = join(root, ".install-unfinished");
const exeSuffix = process.platform === "win32" ? ".exe" : "";

/** Whether node_modules holds every package at the version the lock says, whoever put it there. Packages for
 * other platforms are marked optional in the lock; of those only the pinned Bun is a must. */
function isInstalled() {
  if (existsSync(unfinishedPath) || findBun() === null) return false;
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  return Object.entries(packages).every(
    ([path, wanted]) => path === "" || wanted.optional === true || installedVersion(path) === wanted.version,
  );
}

function installedVersion(path) {
  const manifest = join(root, path, "package.json");
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, "utf8")).version : undefined;
}

/** The installers to try, best first: npm when Node runs us, else the Bun that runs us. */
function installers() {
  const byBun = { command: process.execPath, args: ["ci"] };
  if (process.versions.bun !== undefined) return [byBun];
  const started = process.env.npm_execpath ?? "";
  const found = [];
  if (started.endsWith("npm-cli.js")) found.push({ command: process.execPath, args: [started, "ci"] });
  found.push({ command: process.platform === "win32" ? "npm.cmd" : "npm", args: ["ci"] });
  if (/bun(\.exe)?$/.test(started)) found.push({ command: started, args: ["ci"] });
  return found;
}

/** Installs what the lock says; on failure leaves the installer's own words on the terminal and exits. */
function install() {
  process.stderr.write("Installing what package-lock.json lists (once) ...\n");
  writeFileSync(unfinishedPath, "An install began and has not ended; the next command repeats it.\n");
  for (const { command, args } of installers()) {
    // Its output goes to stderr, so that stdout stays the command's own.
    const done = spawnSync(command, args, {
      cwd: root,
      stdio: ["ignore", 2, 2],
      shell: command === "npm.cmd",
    });
    if (done.error?.code === "ENOENT") continue;
    if (done.status !== 0)
      fail(`"${command} ${args.join(" ")}" did not succeed; nothing was started.`, done.status);
    if (findBun() === null) fail(`No Bun for ${process.platform} ${process.arch} came with the install.`);
    rmSync(unfinishedPath);
    // Some versions of Bun write a lock of their own beside the one they read; there is only one.
    rmSync(join(root, "bun.lock"), { force: true });
    return;
  }
  fail("Neither npm nor bun was found on PATH, so nothing could be installed.");
}

/** The pinned Bun's executable, or null. The bun package's own file is a stub until its install script has run
 * (which `ignore-scripts` forbids), so the platform package behind it counts as well. */
function findBun() {
  const arch = process.arch === "arm64" ? "aarch64" : process.arch;
  const system = process.platform === "win32" ? "windows" : process.platform;
  const isMusl =
    process.platform === "linux" && existsSync(`/lib/ld-musl-${arch === "x64" ? "x86_64" : arch}.so.1`);
  const platform = `bun-${system}-${arch}${isMusl ? "-musl" : ""}`;
  const places = [
    join(modules, "bun", "bin", "bun.exe"),
    join(modules, "@oven", platform, "bin", `bun${exeSuffix}`),
  ];
  const stubBytes = 1_000_000;
  return places.find((path) => existsSync(path) && statSync(path).size > stubBytes) ?? null;
}

/** Runs the pinned Bun until it ends and ends the same way. Killed so hard that it can pass nothing on, it leaves a
 * program that looks whether it is still its parent (src/cli/starterWatch.ts). */
function become(bun, args) {
  const binFolder = join(modules, ".bin");
  const PATH = [dirname(bun), binFolder, process.env.PATH].join(delimiter);
  let child = null;
  // Before there is a child: a signal that came in between would end this process and leave the child behind.
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"]) process.on(signal, () => child?.kill(signal));
  child = spawn(bun, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH, FRESHET_STARTER_PID: String(process.pid) },
  });
  child.on("error", (error) => fail(`The pinned Bun could not be started: ${error.message}`));
  child.on("exit", (code, signal) => {
    process.exitCode = signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0);
  });
}

function fail(sentence, status) {
  process.stderr.write(`${sentence}\n`);
  process.exit(status || 1);
}

if (!isInstalled()) install();
// No .env of the working folder and no package fetched on the fly: what runs is what the lock says.
become(findBun(), ["--no-env-file", "--no-install", ...process.argv.slice(2)]);
