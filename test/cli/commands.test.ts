/** Every command against a running server (through its socket) and against a folder that nobody serves. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { openDatabase } from "../../src/store/sqlite.ts";
import { freshet, program, cleanEnvironment } from "../support/command.ts";
import { startServer, testKeys, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

/** A folder with data in it, and a server on it or not. */
interface Place extends AsyncDisposable {
  readonly data: string;
  readonly folder: TempFolder;
  readonly server: TestServer | null;
}

async function openPlace(isServed: boolean): Promise<Place> {
  const folder = tempFolder();
  const data = folder.at("data");
  const server = await startServer({ data });
  await server.post("/v1/identify", {
    userId: "42",
    messageId: "m-1",
    traits: { firstName: "Ann", email: "ann@example.com" },
  });
  await server.post("/v1/track", {
    userId: "42",
    messageId: "m-2",
    event: "Seen",
    properties: { page: "/" },
  });
  await server.post("/v1/track", { anonymousId: "a-1", messageId: "m-3", event: "Seen" });
  if (!isServed) expect(await server.stop()).toBe(0);
  return {
    data,
    folder,
    server: isServed ? server : null,
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

function parseLines(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** What a command says that finds no server on its folder. */
function onItsOwn(data: string): string {
  return `No server runs on ${data}: this command works on the files themselves.\n`;
}

describe.each([
  ["with a server", true],
  ["without a server", false],
] as const)("%s", (_name, isServed) => {
  test("profile prints what is known, by any identifier", async () => {
    await using place = await openPlace(isServed);
    for (const id of ["user_id:42", "email:Ann@Example.com"]) {
      const ran = await freshet(["profile", id, "--json", "--data", place.data]);
      expect([ran.code, ran.stderr]).toEqual([0, isServed ? "" : onItsOwn(place.data)]);
      expect(JSON.parse(ran.stdout)).toMatchObject({
        traits: { firstName: "Ann" },
        identifiers: [
          { type: "user_id", value: "42" },
          { type: "email", value: "ann@example.com" },
        ],
      });
    }
    const told = await freshet(["profile", "user_id:42", "--traits", "firstName", "--data", place.data]);
    expect(told.stdout).toMatch(/Identifiers\n  user_id +42 +first in m-1 \(identify, /);
    expect(told.stdout).toMatch(
      /Traits\n  firstName  "Ann"  .* old, default, m-1\n\nSegments\n  none\n\nConsent\n  none\n$/,
    );
    const old = ["--max-age", "0ms", "--json", "--verbose"];
    const verbose = await freshet(["profile", "user_id:42", ...old, "--data", place.data]);
    expect(JSON.parse(verbose.stdout)).toMatchObject({
      traits: { firstName: { value: "Ann", servedFrom: "lastKnown", eventMessageId: "m-1" } },
    });
    const history = await freshet(["profile", "user_id:42", "--history", "5", "--data", place.data]);
    expect((JSON.parse(history.stdout) as { messageId: string }[]).map(({ messageId }) => messageId)).toEqual(
      ["m-2", "m-1"],
    );
    const missing = await freshet(["profile", "user_id:nobody", "--data", place.data]);
    expect([missing.code, missing.stdout, missing.stderr]).toEqual([
      1,
      "",
      `${isServed ? "" : onItsOwn(place.data)}no profile in ${place.data} has that identifier\n`,
    ]);
  });

  test("an identifier of a type that there is not is told as such", async () => {
    await using place = await openPlace(isServed);
    for (const words of [
      ["profile", "foo:1"],
      ["profile", "foo:1", "--history", "5"],
      ["erase", "foo:1"],
    ]) {
      const ran = await freshet([...words, "--data", place.data]);
      expect([words, ran.code, ran.stderr]).toEqual([
        words,
        1,
        expect.stringContaining(
          "freshet: there is no identifier type foo; there are user_id, email, anonymous_id",
        ),
      ]);
    }
  });

  test("keys are made, listed and revoked", async () => {
    await using place = await openPlace(isServed);
    const made = await freshet([
      "keys",
      "create",
      "--kind",
      "secret",
      "--source",
      "crm",
      "--scopes",
      "read,feed",
      "--traits",
      "firstName",
      "--json",
      "--data",
      place.data,
    ]);
    expect(made.code).toBe(0);
    const { key, info } = JSON.parse(made.stdout) as { key: string; info: { id: string } };
    expect(key).toMatch(/^sk_[0-9a-z]{32}$/);
    const listed = await freshet(["keys", "list", "--json", "--data", place.data]);
    expect(listed.stdout).not.toContain(key);
    expect(JSON.parse(listed.stdout)).toContainEqual(
      expect.objectContaining({
        id: info.id,
        source: "crm",
        scopes: ["read", "feed"],
        readableTraits: ["firstName"],
        revokedAt: null,
      }),
    );
    const served = place.server ?? (await startServer({ data: place.data }));
    const read = () => served.get("/v1/profiles/user_id:42", { Authorization: `Bearer ${key}` });
    expect(((await (await read()).json()) as { traits: object }).traits).toEqual({ firstName: "Ann" });
    if (place.server === null) expect(await served.stop()).toBe(0);
    expect((await freshet(["keys", "revoke", info.id, "--data", place.data])).code).toBe(0);
    expect((await freshet(["keys", "revoke", info.id, "--data", place.data])).code).toBe(1);
    expect((await freshet(["keys", "list", "--data", place.data])).stdout).toMatch(
      new RegExp(`${info.id} .* read,feed +firstName +revoked`),
    );
    if (place.server !== null) expect((await read()).status).toBe(401);
  });

  test("import takes NDJSON and CSV, and the same file again brings nothing twice", async () => {
    await using place = await openPlace(isServed);
    const ndjson = place.folder.at("events.ndjson");
    writeFileSync(
      ndjson,
      [
        { type: "identify", userId: "7", traits: { plan: "pro" }, timestamp: "2026-01-01T00:00:00Z" },
        {
          type: "track",
          userId: "7",
          event: "Order Completed",
          properties: { total: 9.5 },
          messageId: "o-1",
          timestamp: "2026-01-02T00:00:00Z",
        },
      ]
        .map((event) => JSON.stringify(event))
        .join("\n"),
    );
    const csv = place.folder.at("people.csv");
    writeFileSync(
      csv,
      '\ufefftype,userId,timestamp,event,properties.total,properties.note,traits.zip,traits.name,traits.active\nidentify,8,2026-01-01T00:00:00Z,,,,01234,"Ben, ""B""",true\n,8,2026-01-03T00:00:00Z,Order Completed,12.50,"two\nlines",,,\n',
    );
    for (let time = 0; time < 2; time += 1) {
      const first = await freshet(["import", ndjson, "--data", place.data]);
      expect([first.code, first.stdout]).toEqual([
        0,
        time === 0
          ? "2 rows: 2 accepted, 0 known before, 0 rejected\n"
          : "2 rows: 0 accepted, 2 known before, 0 rejected\n",
      ]);
      const second = await freshet(["import", csv, "--json", "--source", "crm", "--data", place.data]);
      expect([second.code, JSON.parse(second.stdout)]).toEqual([
        0,
        { rows: 2, accepted: 2 - 2 * time, known: 2 * time, rejected: 0 },
      ]);
    }
    const ben = JSON.parse(
      (await freshet(["profile", "user_id:8", "--json", "--data", place.data])).stdout,
    ) as {
      traits: object;
    };
    expect(ben.traits).toEqual({ zip: "01234", name: 'Ben, "B"', active: true });
    const events = JSON.parse(
      (await freshet(["profile", "user_id:8", "--history", "9", "--data", place.data])).stdout,
    ) as { source: string; body: { properties?: object } }[];
    expect(events.map(({ source }) => source)).toEqual(["crm", "crm"]);
    expect(events[0]?.body.properties).toEqual({ total: 12.5, note: "two\nlines" });
  });

  test("import tells the bad rows, takes the good ones, and exits 1", async () => {
    await using place = await openPlace(isServed);
    const file = place.folder.at("events.ndjson");
    writeFileSync(
      file,
      '{"type":"track","userId":"7","event":"A"}\nnot json\n[1]\n{"type":"track","event":"B"}\n\n{"type":"track","userId":"7","event":"C"}\n',
    );
    const ran = await freshet(["import", file, "--data", place.data]);
    expect([ran.code, ran.stdout]).toEqual([1, "5 rows: 2 accepted, 0 known before, 3 rejected\n"]);
    expect(ran.stderr).toContain("row 2: the line is not valid JSON");
    expect(ran.stderr).toContain("row 3: the line is not a JSON object");
    expect(ran.stderr).toContain("row 4: The event names no one.");
  });

  test("export gives profiles, and events that make the same profiles again", async () => {
    await using place = await openPlace(isServed);
    const profiles = parseLines((await freshet(["export", "--data", place.data])).stdout);
    expect(profiles.map(({ traits }) => traits)).toEqual([
      { firstName: "Ann", email: "ann@example.com" },
      {},
    ]);
    const events = await freshet(["export", "--what", "events", "--data", place.data]);
    expect(parseLines(events.stdout).map(({ messageId, type }) => [messageId, type])).toEqual([
      ["m-1", "identify"],
      ["m-2", "track"],
      ["m-3", "track"],
    ]);
    using copy = tempFolder();
    const file = copy.at("events.ndjson");
    writeFileSync(file, events.stdout);
    expect((await freshet(["import", file, "--data", copy.at("data")])).code).toBe(0);
    const again = parseLines((await freshet(["export", "--data", copy.at("data")])).stdout);
    const essence = (list: typeof profiles) =>
      list.map(({ identifiers, traits, firstSeenAt, lastSeenAt }) => ({
        identifiers,
        traits,
        firstSeenAt,
        lastSeenAt,
      }));
    expect(essence(again)).toEqual(essence(profiles));
  });

  test("erase takes a person out of the files", async () => {
    await using place = await openPlace(isServed);
    const ran = await freshet(["erase", "email:ann@example.com", "--data", place.data]);
    expect([ran.code, ran.stdout]).toEqual([0, "erased: 2 events, 2 identifiers, 0 pieces in quarantine\n"]);
    expect((await freshet(["profile", "user_id:42", "--data", place.data])).code).toBe(1);
    expect((await freshet(["profile", "anonymous_id:a-1", "--data", place.data])).code).toBe(0);
    expect((await freshet(["erase", "user_id:42", "--data", place.data])).code).toBe(1);
    for (const path of new Bun.Glob("**/*").scanSync({ cwd: place.data, onlyFiles: true })) {
      expect([path, readFileSync(`${place.data}/${path}`).includes("ann@example.com")]).toEqual([
        path,
        false,
      ]);
    }
  });

  test("verify and rebuild find and make the same profiles", async () => {
    await using place = await openPlace(isServed);
    const sound = await freshet(["verify", "--data", place.data]);
    expect([sound.code, sound.stdout]).toEqual([0, "sound: 3 rows, 2 profiles compared up to seq 3\n"]);
    const before = await freshet(["export", "--data", place.data]);
    const rebuilt = await freshet(["rebuild", "--data", place.data]);
    expect([rebuilt.code, rebuilt.stdout]).toEqual([0, "rebuilt\n"]);
    expect((await freshet(["export", "--data", place.data])).stdout).toBe(before.stdout);
  });

  test("a backup restores to the same profiles, in a new epoch", async () => {
    await using place = await openPlace(isServed);
    const backup = place.folder.at("backup");
    expect((await freshet(["backup", backup, "--data", place.data])).code).toBe(0);
    const twice = await freshet(["backup", backup, "--data", place.data]);
    expect([twice.code, twice.stderr]).toEqual([1, expect.stringContaining("choose an empty folder")]);
    const refused = await freshet(["restore", backup, "--data", place.data]);
    expect(refused.code).toBe(3);
    const data = place.folder.at("restored");
    const restored = await freshet(["restore", backup, "--data", data]);
    expect([restored.code, restored.stdout]).toEqual([0, `restored 3 rows into ${data}\n`]);
    await using server = await startServer({ data });
    expect(await (await server.get("/v1/profiles/user_id:42")).json()).toMatchObject({
      traits: { firstName: "Ann" },
    });
    const changes = (await (await server.get("/v1/changes?cursor=1.1")).json()) as {
      error?: { code: string };
    };
    expect(changes.error?.code).toBe("cursor_expired");
  });
});

test("a folder just restored erases: it waits for its profiles", async () => {
  await using place = await openPlace(true);
  const [backup, data] = [place.folder.at("backup"), place.folder.at("restored")];
  expect((await freshet(["backup", backup, "--data", place.data])).code).toBe(0);
  expect((await freshet(["restore", backup, "--data", data])).code).toBe(0);
  const ran = await freshet(["erase", "user_id:42", "--data", data]);
  expect([ran.code, ran.stdout]).toEqual([0, "erased: 2 events, 2 identifiers, 0 pieces in quarantine\n"]);
});

describe("tail", () => {
  test("prints changes, those that were and those that come", async () => {
    await using place = await openPlace(true);
    const ran = await freshet(["tail", "--from", "earliest", "--limit", "2", "--data", place.data]);
    expect(parseLines(ran.stdout).map(({ version }) => version)).toEqual([1, 2]);
    const child = Bun.spawn([...program, "tail", "--from", "1.3", "--data", place.data], {
      env: cleanEnvironment(),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    let printed = "";
    const reading = (async () => {
      for await (const chunk of child.stdout) printed += Buffer.from(chunk).toString();
    })();
    await place.server?.post("/v1/track", { userId: "new", event: "Seen", messageId: "m-4" });
    await until("the change is printed", () => printed.includes('"m-4"'));
    process.kill(child.pid, "SIGINT");
    expect(await child.exited).toBe(0);
    await reading;
    expect(parseLines(printed)).toHaveLength(1);
  });

  test("without a server says so: exit 2", async () => {
    await using place = await openPlace(false);
    const ran = await freshet(["tail", "--data", place.data]);
    expect([ran.code, ran.stderr]).toEqual([2, expect.stringContaining("no Freshet is running")]);
  });
});

describe("a folder without data", () => {
  test.each([
    "profile user_id:1",
    "export",
    "verify",
    "rebuild",
    "erase user_id:1",
    "keys list",
    "keys revoke key_1",
  ])("%s is refused with exit 2, and nothing is made", async (words) => {
    using folder = tempFolder();
    const ran = await freshet([...words.split(" "), "--data", folder.at("data")]);
    expect([ran.code, existsSync(folder.at("data"))]).toEqual([2, false]);
    expect(ran.stderr).toContain("is --data right?");
  });

  test("keys create begins one", async () => {
    using folder = tempFolder();
    const made = await freshet(["keys", "create", "--kind", "secret", "--data", folder.at("data")]);
    expect([made.code, made.stderr]).toEqual([
      0,
      expect.stringContaining(
        `No server runs on ${folder.at("data")}: the folder is new, and is made now.\n`,
      ),
    ]);
    await using server = await startServer({ data: folder.at("data"), keys: null });
    expect(
      (await server.get("/v1/profiles/user_id:1", { Authorization: `Bearer ${made.stdout.trim()}` })).status,
    ).toBe(404);
  });
});

describe("a folder that can't be used", () => {
  test("of a newer Freshet is refused with exit 3, to read and to write", async () => {
    await using place = await openPlace(false);
    const journal = Bun.file(`${place.data}/journal.db`);
    const bytes = new Uint8Array(await journal.arrayBuffer());
    // SQLite keeps user_version at byte 60 of the file (file format, 1.3).
    new DataView(bytes.buffer).setUint32(60, 999);
    await Bun.write(journal, bytes);
    for (const words of [["serve", "--port", "0"], ["profile", "user_id:42"], ["rebuild"]]) {
      const ran = await freshet([...words, "--data", place.data]);
      expect([words, ran.code, ran.stderr]).toEqual([words, 3, expect.stringContaining("999")]);
    }
  });

  test("with a newer Freshet's record of acts is refused with exit 3", async () => {
    await using place = await openPlace(false);
    const acts = openDatabase(`${place.data}/ops.db`, { mode: "write" });
    acts.run("PRAGMA user_version = 999");
    acts.close();
    const ran = await freshet(["serve", "--port", "0", "--data", place.data]);
    expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining("999")]);
  });

  test("with a damaged journal is refused with exit 3", async () => {
    await using place = await openPlace(false);
    await Bun.write(`${place.data}/journal.db`, "this is no database, whatever it is called".repeat(200));
    for (const words of [["serve", "--port", "0"], ["profile", "user_id:42"], ["verify"]]) {
      const ran = await freshet([...words, "--data", place.data]);
      expect([words, ran.code]).toEqual([words, 3]);
    }
  });

  test("verify names a damaged row by its seq and exits 3", async () => {
    await using place = await openPlace(false);
    const journal = Bun.file(`${place.data}/journal.db`);
    const bytes = Buffer.from(await journal.arrayBuffer());
    const at = bytes.indexOf('{"page":"/"}');
    expect(at).toBeGreaterThan(0);
    bytes[at + 9] = 0x58;
    await Bun.write(journal, bytes);
    const ran = await freshet(["verify", "--data", place.data]);
    expect([ran.code, ran.stderr]).toEqual([3, expect.stringContaining("row 2 is damaged")]);
  });
});

describe("profiles with damaged pages", () => {
  /** Where LMDB says what a page is, and what it says of one with entries. */
  const [pageBytes, kindAt, entriesKind] = [4_096, 18, 2];

  test.each([
    ["all", 0],
    ["those behind the first", 10],
  ])("%s: verify says what to do, rebuild does it", async (_name, spared) => {
    await using place = await openPlace(true);
    const traits = { note: "x".repeat(500) };
    for (let user = 0; user < 97; user += 1)
      await place.server?.post("/v1/identify", { userId: `u${user}`, traits });
    expect(await place.server?.stop()).toBe(0);
    const file = Bun.file(`${place.data}/profiles-1/data.mdb`);
    const bytes = Buffer.from(await file.arrayBuffer());
    let seen = 0;
    for (let at = 2 * pageBytes; at < bytes.length; at += pageBytes) {
      if (bytes.readUInt16LE(at + kindAt) !== entriesKind) continue;
      seen += 1;
      if (seen > spared) bytes.writeUInt16LE(0, at + kindAt);
    }
    expect(seen).toBeGreaterThan(20);
    await Bun.write(file, bytes);
    const verified = await freshet(["verify", "--data", place.data]);
    expect([verified.code, verified.stderr]).toEqual([3, expect.stringContaining("`freshet rebuild`")]);
    expect((await freshet(["rebuild", "--data", place.data])).stdout).toBe("rebuilt\n");
    expect((await freshet(["verify", "--data", place.data])).stdout).toContain("sound: 100 rows");
  });
});

describe("config", () => {
  test("schema prints a JSON Schema; check says good or what is wrong", async () => {
    using folder = tempFolder();
    const schema = await freshet(["config", "schema"], { cwd: folder.path });
    expect(JSON.parse(schema.stdout)).toMatchObject({ type: "object", required: ["version"] });
    writeFileSync(folder.at("freshet.yaml"), "version: 1\nserve: { port: 9 }\n");
    expect((await freshet(["config", "check"], { cwd: folder.path })).stdout).toContain("127.0.0.1:9");
    writeFileSync(folder.at("freshet.yaml"), "version: 1\nserve: { prot: 9 }\n");
    const bad = await freshet(["config", "check"], { cwd: folder.path });
    expect([bad.code, bad.stderr]).toEqual([
      2,
      "freshet: ./freshet.yaml: serve.prot is unknown; did you mean port? (line 2, column 10)\n",
    ]);
  });
});

test("a key on the command line is never needed: the socket's mode is the authority", async () => {
  await using place = await openPlace(true);
  const listed = await freshet(["keys", "list", "--data", place.data]);
  expect(listed.code).toBe(0);
  expect(listed.stdout).not.toContain(testKeys.writeKey);
});
