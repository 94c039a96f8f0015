import { expect, test } from "bun:test";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { MapSpace } from "../../src/store/mapSpace.ts";
import { tempFolder } from "../support/tempFolder.ts";

const megabyte = 1024 ** 2;

test("room is taken on disk behind what is used, and nothing before it is touched", () => {
  using folder = tempFolder();
  const path = folder.at("data.mdb");
  writeFileSync(path, "x".repeat(10_000));
  truncateSync(path, 64 * megabyte);
  using space = new MapSpace(path, () => 10_000);
  space.reserve(1_000_000, 2 * megabyte);
  expect(statSync(path).blocks * 512).toBeGreaterThanOrEqual(2 * megabyte + 10_000);
  expect(statSync(path).size).toBe(64 * megabyte);
  expect(readFileSync(path).subarray(0, 10_000).toString()).toBe("x".repeat(10_000));
});

test("room is taken once, and again when the file was cut back", () => {
  using folder = tempFolder();
  const path = folder.at("data.mdb");
  writeFileSync(path, "x".repeat(10_000));
  using space = new MapSpace(path, () => 10_000);
  space.reserve(0, megabyte);
  const { size } = statSync(path);
  space.reserve(0, megabyte);
  expect(statSync(path).size).toBe(size);
  truncateSync(path, 10_000);
  space.reserve(0, megabyte);
  expect(statSync(path).size).toBe(size);
});
