/** Erasure over a real data folder: every table has a rule, and no file keeps a text of the one who was erased. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { eraseRules } from "../../src/store/migrations.ts";
import { openOpsDatabase, opsEraseRules } from "../../src/store/ops/opsMigrations.ts";
import { openDatabase } from "../../src/store/sqlite.ts";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

/** By file; the lock has no tables. */
const rules: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  "journal.db": eraseRules,
  "ops.db": opsEraseRules,
  "lock.db": {},
};

const selectTables = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'";

function tablesOf(path: string): string[] {
  const database = openDatabase(path, { mode: "read" });
  try {
    return database
      .query<{ name: string }, []>(selectTables)
      .all()
      .map(({ name }) => name);
  } finally {
    database.close();
  }
}

/** Names of the files below a folder that hold one of the texts, in any case. */
function filesWith(folder: string, texts: readonly string[]): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => {
      const bytes = readFileSync(path).toString("latin1").toLowerCase();
      return texts.some((text) => bytes.includes(text));
    });
}

/** Sends a person's name and address in every place that takes a text. */
async function tellAllOf(server: TestServer, name: string): Promise<void> {
  const email = `${name}@X.example`;
  const secret = { Authorization: `Bearer ${server.secretKey}` };
  const anonymousId = `device-of-${name}`;
  const context = { ip: `ip-of-${name}`, traits: { email } };
  const good: [string, object][] = [
    ["track", { anonymousId, event: `Seen by ${name}`, properties: { note: email }, context }],
    ["identify", { userId: name, anonymousId, traits: { email, [`trait of ${name}`]: name } }],
    ["alias", { userId: name, previousId: `former-${name}` }],
    ["group", { userId: name, groupId: `group-of-${name}`, traits: { name } }],
    ["page", { userId: name, name: `page of ${name}`, properties: { url: `https://x.example/${name}` } }],
    ["screen", { anonymousId, name: `screen of ${name}` }],
  ];
  for (const [call, body] of good)
    expect((await server.post(`/v1/${call}`, { messageId: `${call}-${name}`, ...body }, secret)).status).toBe(
      200,
    );
  const batch = [{ type: "track", userId: name, event: "Imported", properties: { email } }];
  expect((await server.post("/v1/import", { batch }, secret)).status).toBe(200);
  const bad = { userId: name, traits: { email }, messageId: `bad-${name}`, timestamp: "never", event: 7 };
  expect((await server.post("/v1/track", bad, secret)).status).toBe(400);
}

test("every table of every database declares how a person leaves it", async () => {
  using folder = tempFolder();
  await using server = await startServer({ data: folder.at("data") });
  await tellAllOf(server, "ann");
  expect(await server.stop()).toBe(0);
  // Made on the first act that is audited; here so that it is there in any case.
  openOpsDatabase(join(server.data, "ops.db")).close();
  const databases = readdirSync(server.data).filter((name) => name.endsWith(".db"));
  expect(databases.toSorted()).toEqual(Object.keys(rules).toSorted());
  for (const name of databases)
    expect([name, tablesOf(join(server.data, name)).toSorted()]).toEqual([
      name,
      Object.keys(rules[name] ?? {}).toSorted(),
    ]);
  for (const text of Object.values(rules).flatMap((tables) => Object.values(tables)))
    expect(text.length).toBeGreaterThan(10);
});

test("no file of the folder keeps a text of the one who was erased, and all keep those of the others", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  await using server = await startServer({ data });
  await tellAllOf(server, "zebedee");
  await tellAllOf(server, "quirinus");
  const hash = new Bun.CryptoHasher("sha256").update("zebedee@x.example").digest("hex");
  expect(filesWith(data, ["zebedee"]).length).toBeGreaterThan(1);
  expect(filesWith(data, [hash])).not.toEqual([]);
  const ran = await freshet(["erase", "user_id:zebedee", "--data", data]);
  expect([ran.stdout, ran.code]).toEqual(["erased: 7 events, 4 identifiers, 1 pieces in quarantine\n", 0]);
  expect(filesWith(data, ["zebedee", hash])).toEqual([]);
  expect(filesWith(data, ["quirinus"]).length).toBeGreaterThan(1);
  const told = await (await server.get("/v1/changes?cursor=earliest&limit=1000")).text();
  expect(told).toContain("quirinus");
  expect(told.toLowerCase()).not.toContain("zebedee");
  expect(
    (await server.post("/v1/track", { userId: "z", event: "x", messageId: "track-zebedee" })).status,
  ).toBe(200);
  expect((await server.get("/v1/profiles/user_id:z")).status).toBe(404);
  expect(await server.stop()).toBe(0);
  expect(filesWith(data, ["zebedee", hash])).toEqual([]);
});
