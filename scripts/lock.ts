/** One entry of package-lock.json's `packages`. */
type Locked = {
  version?: string;
  integrity?: string;
  resolved?: string;
  dependencies?: Record<string, string>;
  optionalDependencies?: Record<string, string>;
  peerDependencies?: Record<string, string>;
  peerDependenciesMeta?: Record<string, { optional?: boolean }>;
};

type Lock = { packages: Record<string, Locked> };
type Manifest = { dependencies: Record<string, string>; devDependencies: Record<string, string> };

/** What is wrong with a lock: a package somebody needs (on whatever platform) that it does not hold, an entry
 * without a hash or fetched from elsewhere, a version that is not pinned. A lock with a hole installs on the
 * machine that wrote it and fails on the next. */
export function lockFaults(lock: Lock, manifest: Manifest): string[] {
  const ranges = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies });
  const loose = ranges.filter(([, range]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(range));
  return [
    ...loose.map(([name, range]) => `${name}: "${range}" is not an exact version`),
    ...Object.entries(lock.packages).flatMap(([path, entry]) => entryFaults(lock, path, entry)),
  ];
}

function entryFaults(lock: Lock, path: string, entry: Locked): string[] {
  const name = path === "" ? "the project" : path;
  const missing = needs(entry).filter((need) => !isHeld(lock, path, need));
  const faults = missing.map((need) => `${name} needs ${need}, which the lock does not hold`);
  if (path === "") return faults;
  if (entry.integrity?.startsWith("sha512-") !== true) faults.push(`${name} has no sha512`);
  if (entry.resolved !== undefined) faults.push(`${name} names the place it was fetched from`);
  return faults;
}

function needs(entry: Locked): string[] {
  const peers = Object.keys(entry.peerDependencies ?? {});
  const isOptional = (peer: string) => entry.peerDependenciesMeta?.[peer]?.optional === true;
  const own = [entry.dependencies, entry.optionalDependencies].flatMap((list) => Object.keys(list ?? {}));
  return [...own, ...peers.filter((peer) => !isOptional(peer))];
}

/** Looks a name up the way Node does: in the package's own node_modules, then in each folder above. */
function isHeld(lock: Lock, path: string, name: string): boolean {
  if (lock.packages[`${path === "" ? "" : `${path}/`}node_modules/${name}`] !== undefined) return true;
  return path !== "" && isHeld(lock, path.slice(0, Math.max(0, path.lastIndexOf("/node_modules/"))), name);
}
