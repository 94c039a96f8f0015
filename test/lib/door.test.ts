import { expect, test } from "bun:test";
import { Door } from "../../src/lib/door.ts";

test("lets in who knocks twice, of many hundreds whom others did not make it forget", () => {
  const door = new Door(65_536);
  const keys = Array.from({ length: 2_000 }, (_, at) => `recipient ${at}`);
  expect(keys.filter((key) => door.admits(key))).toEqual([]);
  expect(keys.filter((key) => door.admits(key)).length).toBeGreaterThan(1_800);
  door.clear();
  expect(door.admits("recipient 1")).toBe(false);
});
