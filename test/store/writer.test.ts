import { expect, test } from "bun:test";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

test("an answered event is readable at once, with its change", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", { userId: "u1", messageId: "m1", traits: { plan: "free" } });
  expect(opened.traits("user_id", "u1")).toEqual({ plan: "free" });
  expect(opened.changes()).toMatchObject([
    {
      seq: 1,
      cause: "event",
      identifiers: [{ type: "user_id", value: "u1" }],
      traits: { plan: { old: null, new: "free" } },
    },
  ]);
});

test("what was accepted is there after a restart, and nothing is folded twice", async () => {
  using folder = tempFolder();
  {
    await using opened = await openTestStore(folder.path);
    await opened.accept("identify", { userId: "u1", messageId: "m1", traits: { plan: "free" } });
    await opened.accept("track", { userId: "u1", messageId: "m2", event: "Seen" });
  }
  await using again = await openTestStore(folder.path);
  expect(again.store.status().mode).toBe("live");
  expect(again.traits("user_id", "u1")).toEqual({ plan: "free" });
  expect(again.history("user_id", "u1").map(({ messageId }) => messageId)).toEqual(["m2", "m1"]);
  expect(again.notices).toEqual([]);
});
