import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, copyFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { binaryPath, upToDateBinary } from "../scripts/binary.ts";
import { cleanEnvironment, freshet } from "./support/command.ts";
import { startServer } from "./support/server.ts";
import { tempFolder } from "./support/tempFolder.ts";

const root = join(import.meta.dir, "..");
const buildMs = 120_000;
const folder = tempFolder();
afterAll(() => folder[Symbol.dispose]());

/** A folder with nothing in it but the binary and what a hostile author would leave there. */
beforeAll(async () => {
  await upToDateBinary();
  copyFileSync(binaryPath, folder.at("freshet"));
  chmodSync(folder.at("freshet"), 0o755);
  writeFileSync(
    folder.at(".env"),
    "FRESHET_WRITE_KEY=wk_hostile_key_00000001\nFRESHET_PORT=1\nFRESHET_NO_SUCH_OPTION=1\n",
  );
  writeFileSync(folder.at("bunfig.toml"), 'preload = ["./hostile.ts"]\n');
  writeFileSync(folder.at("hostile.ts"), 'await Bun.write("hostile.ran", "yes");\n');
}, buildMs);

/** Runs a program with our source and packages hidden from it, where the system lets us; its mapped files are
 * judged in any case. */
function hidden(): string[] {
  const unshare = ["unshare", "--user", "--map-root-user", "--mount"];
  const canHide = Bun.which("unshare") !== null && Bun.spawnSync([...unshare, "true"]).success;
  if (!canHide) return [];
  const places = ["node_modules", "src", "public", "dist"].map((name) => join(root, name)).filter(existsSync);
  const hide = places.map((place) => `mount -t tmpfs none '${place}' && `).join("");
  return [...unshare, "sh", "-c", `${hide}exec "$@"`, "sh"];
}

test("the binary serves from an empty folder, without packages, deaf to .env and bunfig.toml", async () => {
  const keys = { writeKey: "wk_binary_test_000001", secretKey: "sk_binary_test_000001" };
  const program = [...hidden(), folder.at("freshet")];
  await using server = await startServer({ program, cwd: folder.path, data: folder.at("data"), keys });

  const event = { userId: "42", traits: { firstName: "Ann" } };
  const hostileKey = { "X-Write-Key": "wk_hostile_key_00000001" };
  expect((await server.post("/v1/identify", event, hostileKey)).status).toBe(401);
  const answer = await server.post("/v1/identify", event);
  expect([answer.status, await answer.text()]).toEqual([200, '{"success":true}']);
  const profile = await server.get("/v1/profiles/user_id:42");
  expect(await profile.json()).toMatchObject({ traits: { firstName: "Ann" } });

  const snippet = await server.get("/v1/freshet.js");
  expect(snippet.headers.get("content-type")).toContain("javascript");
  expect(await snippet.text()).toContain("/v1/batch");

  const maps = `/proc/${server.pid}/maps`;
  if (existsSync(maps)) expect(readFileSync(maps, "utf8")).not.toContain(root);
  expect(await server.stop()).toBe(0);
  expect(existsSync(folder.at("hostile.ran"))).toBe(false);
}, 60_000);

test("the binary says what it needs where it cannot unpack LMDB's addon", async () => {
  const { code, stderr } = await freshet(["serve", "--data", folder.at("other"), "--port", "0"], {
    program: [folder.at("freshet")],
    env: { TMPDIR: folder.at("missing") },
  });
  expect(stderr).toContain("set TMPDIR to a folder that can be written to");
  expect(code).toBe(1);
});

test("those hostile files do reach a program that is not built against them", async () => {
  writeFileSync(folder.at("probe.ts"), "console.log(process.env.FRESHET_PORT);\n");
  const probe = Bun.spawn([process.execPath, "probe.ts"], {
    cwd: folder.path,
    env: cleanEnvironment(),
    stdio: ["ignore", "pipe", "ignore"],
  });
  expect(await probe.stdout.text()).toBe("1\n");
  expect(existsSync(folder.at("hostile.ran"))).toBe(true);
});
