import { describe, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const serve = (data: string) => freshet(["serve", "--data", data, "--port", "0", "--log-format", "json"]);
const modeOf = (path: string) => (statSync(path).mode & 0o777).toString(8);

/** Every file and folder below whose mode is not the owner's alone. */
function openToOthers(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => (statSync(join(folder, name)).mode & 0o077) !== 0)
    .map((name) => `${name} ${modeOf(join(folder, name))}`);
}

describe("a data folder", () => {
  test("is for its owner alone, with all that is in it, though it was open before", async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    mkdirSync(data);
    chmodSync(data, 0o755);
    await using server = await startServer({ data });
    await server.post("/v1/track", { userId: "u", event: "Seen", messageId: "m-1" });
    expect(modeOf(data)).toBe("700");
    expect(openToOthers(data)).toEqual([]);
    expect(await server.stop()).toBe(0);
    expect(openToOthers(data)).toEqual([]);
    expect(readdirSync(data)).toContain("ids");
  });

  test("of an older Freshet is closed to others as well", async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    {
      await using server = await startServer({ data });
      expect(await server.stop()).toBe(0);
    }
    chmodSync(data, 0o755);
    await using _server = await startServer({ data });
    expect(modeOf(data)).toBe("700");
  });

  test.each([
    ["open to others and full of other things", 0o755],
    ["where everybody makes files, as /tmp", 0o1777],
  ])("is not one %s", async (_name, mode) => {
    using folder = tempFolder();
    const data = folder.at("shared");
    mkdirSync(data);
    writeFileSync(join(data, "notes.txt"), "mine");
    chmodSync(data, mode);
    const { code, stderr } = await serve(data);
    expect(code).toBe(2);
    expect(stderr).toBe(
      `freshet: ${data} holds other files and is open to others: give Freshet a folder of its own, such as ${data}/freshet\n`,
    );
    expect(statSync(data).mode & 0o7777).toBe(mode);
  });

  test("is no file, and lies below none", async () => {
    using folder = tempFolder();
    const file = folder.at("file");
    writeFileSync(file, "text");
    expect(await serve(file)).toEqual({
      code: 2,
      stdout: "",
      stderr: `freshet: ${file} is a file; --data names a folder\n`,
    });
    expect(await serve(join(file, "data"))).toEqual({
      code: 2,
      stdout: "",
      stderr: `freshet: ${file}/data lies below a file; --data names a folder\n`,
    });
  });

  test("without events keeps one folder of profiles, however often it is opened", async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    for (let start = 0; start < 3; start += 1) {
      await using server = await startServer({ data });
      expect(await server.stop()).toBe(0);
    }
    expect(readdirSync(data).filter((name) => name.startsWith("profiles-"))).toEqual(["profiles-1"]);
  });
});

describe("a damaged journal", () => {
  /** A folder with events whose last server was killed, so that there is a log and profiles that ask for a check. */
  async function usedFolder(data: string): Promise<void> {
    await using server = await startServer({ data });
    const batch = Array.from({ length: 200 }, (_, at) => ({
      type: "track",
      userId: `u${at}`,
      event: "Seen",
      messageId: `m-${at}`,
    }));
    expect((await server.post("/v1/batch", { batch })).status).toBe(200);
    await server.stop();
    await using killed = await startServer({ data });
    await killed.kill();
  }

  test.each([
    ["that is no database", 0, 100],
    ["whose tables can't be read", 4_096, 20_000],
  ])("%s is named as such, with exit 3 and nothing said of profiles", async (_name, from, length) => {
    using folder = tempFolder();
    const data = folder.at("data");
    await usedFolder(data);
    const path = join(data, "journal.db");
    const bytes = await Bun.file(path).bytes();
    writeFileSync(path, bytes.fill(0x55, from, from + length));
    writeFileSync(join(data, "journal.db-wal"), "");
    const { code, stdout, stderr } = await serve(data);
    expect(code).toBe(3);
    expect(stdout).toBe("");
    expect(stderr).toMatch(
      /^freshet: the journal is damaged \(SQLITE_\w+\): restore a backup with `freshet restore`\n$/,
    );
  });
});
