/**
 * Which Chromium the tests drive: the one inside the npm package, unpacked once per machine, else an installed one.
 * Unpacking needs neither root nor a network; two runs that unpack at once don't see each other's half.
 */
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import packed from "../../node_modules/@sparticuz/chromium/package.json" with { type: "json" };
import { cleanEnvironment } from "./command.ts";

/** A Chromium, and the environment that it starts in. */
export interface Chromium {
  readonly executablePath: string;
  readonly env: Readonly<Record<string, string>>;
}

const cacheFolder = join(import.meta.dir, "../../node_modules/.cache/chromium");
const installedNames = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const unpackTimeoutMs = 120_000;

/** The usable ones, best first. Throws if there is none. */
export function findChromium(): Chromium[] {
  const found = [packedChromium(), installedChromium()].filter((one) => one !== null);
  if (found.length === 0) throw new Error("No Chromium: the package did not unpack and none is installed.");
  return found;
}

function installedChromium(): Chromium | null {
  const path = installedNames.map((name) => Bun.which(name)).find((one) => one !== null);
  return path === undefined ? null : { executablePath: path, env: cleanEnvironment() };
}

/** Null on machines that the package has no binary for. */
function packedChromium(): Chromium | null {
  if (process.platform !== "linux" || process.arch !== "x64") return null;
  const folder = join(cacheFolder, packed.version);
  if (!existsSync(folder) && !unpackInto(folder)) return null;
  return {
    executablePath: join(folder, "chromium"),
    env: cleanEnvironment({
      // Libraries and fonts for machines that have none.
      LD_LIBRARY_PATH: join(folder, "al2023", "lib"),
      FONTCONFIG_FILE: fontsFile(folder),
    }),
  };
}

/** The package's own list of fonts names folders of a cloud function; without any font a page with an input is the end. */
function fontsFile(folder: string): string {
  const path = join(folder, "fonts.conf");
  const dirs = `<dir>${join(folder, "fonts", "fonts")}</dir><cachedir>${join(folder, "fonts-cache")}</cachedir>`;
  writeFileSync(path, `<?xml version="1.0"?><fontconfig>${dirs}</fontconfig>`);
  return path;
}

/** The package unpacks to its TMPDIR, and its libraries only where it believes itself in a cloud function. */
function unpackInto(folder: string): boolean {
  mkdirSync(cacheFolder, { recursive: true });
  const half = mkdtempSync(join(cacheFolder, "half-"));
  const code =
    'const { default: chromium } = await import("@sparticuz/chromium"); await chromium.executablePath();';
  const run = Bun.spawnSync([process.execPath, "--no-env-file", "--no-install", "-e", code], {
    cwd: import.meta.dir,
    env: {
      ...cleanEnvironment(),
      TMPDIR: half,
      BUN_TMPDIR: half,
      AWS_EXECUTION_ENV: "AWS_Lambda_nodejs22.x",
    },
    stdio: ["ignore", "ignore", "inherit"],
    timeout: unpackTimeoutMs,
  });
  const isWhole = run.success && existsSync(join(half, "chromium"));
  try {
    if (isWhole) renameSync(half, folder);
  } catch (error) {
    // Another run was faster.
    if (!existsSync(folder)) throw error;
  } finally {
    rmSync(half, { recursive: true, force: true });
  }
  return isWhole;
}
