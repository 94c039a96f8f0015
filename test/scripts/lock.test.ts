import { expect, test } from "bun:test";
import lock from "../../package-lock.json";
import manifest from "../../package.json";
import { lockFaults } from "../../scripts/lock.ts";

test("the lock holds every package for every platform, hashed, and every version is exact", () => {
  expect(lockFaults(lock, manifest)).toEqual([]);
});

test("no package may run a script at install but the one that needs it", () => {
  const allowed = Object.entries(manifest.allowScripts).filter(([, isAllowed]) => isAllowed);
  expect(allowed.map(([name]) => name)).toEqual(["bun"]);
  expect(manifest).not.toHaveProperty("trustedDependencies");
});

test("a hole, a missing hash, a foreign source and a loose version are each seen", () => {
  const planted = {
    packages: {
      "": { dependencies: { a: "1.0.0" } },
      "node_modules/a": {
        version: "1.0.0",
        integrity: "sha512-x",
        optionalDependencies: { "a-mac": "1.0.0" },
      },
      "node_modules/a/node_modules/b": {
        version: "1.0.0",
        integrity: "sha1-x",
        dependencies: { a: "1.0.0" },
      },
      "node_modules/c": {
        version: "1.0.0",
        integrity: "sha512-x",
        resolved: "https://elsewhere.example/c.tgz",
      },
    },
  };
  expect(lockFaults(planted, { dependencies: { a: "^1.0.0" }, devDependencies: {} })).toEqual([
    'a: "^1.0.0" is not an exact version',
    "node_modules/a needs a-mac, which the lock does not hold",
    "node_modules/a/node_modules/b has no sha512",
    "node_modules/c names the place it was fetched from",
  ]);
});
