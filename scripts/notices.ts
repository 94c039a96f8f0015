import { readdirSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..");

/** Folders with the licences of code inside LMDB's addon, besides the packages' own. */
const nativeFolders = ["lmdb/libraries/liblmdb", "lz4"].map(
  (name) => `node_modules/lmdb/dependencies/${name}`,
);

type Locked = { license?: string; dev?: boolean; optional?: boolean; peer?: boolean };

/** The packages whose code can be in the binary: neither for development nor for another platform. */
function shipped(packages: Readonly<Record<string, Locked>>): [string, Locked][] {
  return Object.entries(packages).filter(
    ([path, { dev, optional, peer }]) => path !== "" && ![dev, optional, peer].includes(true),
  );
}

async function licenceOf(folder: string, named: string): Promise<string> {
  const names = readdirSync(join(root, folder)).filter((name) =>
    /^(licen[cs]e|copying|copyright|notice)/i.test(name),
  );
  const texts = await Promise.all(names.sort().map((name) => Bun.file(join(root, folder, name)).text()));
  const text =
    texts.length > 0 ? texts.join("\n") : `It holds no licence text; its package.json says: ${named}.`;
  return `${"=".repeat(80)}\n${folder.replace(/^.*node_modules\//, "")}\n\n${text}\n`;
}

/** NOTICE and the licence text of everything that the binary holds. */
export async function notices(): Promise<string> {
  const lock: { packages: Record<string, Locked> } = await Bun.file(join(root, "package-lock.json")).json();
  const native = nativeFolders.map((folder) => licenceOf(folder, "none"));
  const packages = shipped(lock.packages).map(([folder, { license }]) =>
    licenceOf(folder, license ?? "none"),
  );
  return [await Bun.file(join(root, "NOTICE")).text(), ...(await Promise.all([...native, ...packages]))].join(
    "\n",
  );
}
