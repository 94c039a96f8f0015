/** What somebody is told who finds a data folder taken. The lock itself is tested with processes in test/app. */
import { expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { lockFolder } from "../../src/store/folder.ts";
import { lockedSentence, noteHolder, readHolder } from "../../src/store/holder.ts";
import { tempFolder } from "../support/tempFolder.ts";

test("a holder that serves nothing is told by its process, one that serves by its address too", () => {
  using folder = tempFolder();
  {
    using _lock = lockFolder(folder.path);
    expect(() => lockFolder(folder.path)).toThrow(
      `another Freshet is at work on ${folder.path} (process ${process.pid}). Wait for its end`,
    );
    noteHolder(folder.path, { pid: process.pid, address: "http://127.0.0.1:8787" });
    expect(() => lockFolder(folder.path)).toThrow(
      `another Freshet is running on ${folder.path}: http://127.0.0.1:8787 (process ${process.pid}). Use that one`,
    );
  }
  expect(existsSync(folder.at("holder.json"))).toBe(false);
  using _again = lockFolder(folder.path);
});

test("what a killed holder left, or somebody else wrote, is not told", async () => {
  using folder = tempFolder();
  const ended = Bun.spawn([process.execPath, "--version"], { stdio: ["ignore", "ignore", "ignore"] });
  await ended.exited;
  for (const text of [
    `{"pid":${ended.pid},"address":"http://127.0.0.1:1"}`,
    '{"pid":-1}',
    "[]",
    "no JSON",
    "",
  ]) {
    writeFileSync(folder.at("holder.json"), text);
    expect(readHolder(folder.path)).toBeNull();
  }
  expect(lockedSentence("./data", null)).toBe(
    "another Freshet is running on ./data. Stop it first, or use another --data folder.",
  );
});
