import { expect, test } from "bun:test";
import { rmSync } from "node:fs";
import { join } from "node:path";
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

test("a messageId of test data is not one of live data, and the other way round", async () => {
  using folder = tempFolder();
  const event = { userId: "u1", messageId: "m1", traits: { plan: "free" } };
  const namespaces = ["test", "live", "test"] as const;
  const expectBoth = async (opened: Awaited<ReturnType<typeof openTestStore>>) => {
    for (const namespace of namespaces) await opened.accept("identify", event, { namespace });
    expect(opened.traits("user_id", "u1")).toEqual({ plan: "free" });
    expect(opened.traits("user_id", "u1", "test")).toEqual({ plan: "free" });
    expect(opened.changes()).toHaveLength(2);
    for (const namespace of namespaces)
      expect(await opened.store.profiles.trace(namespace, "m1")).toHaveLength(1);
  };
  {
    await using opened = await openTestStore(folder.path);
    await expectBoth(opened);
  }
  rmSync(join(folder.path, "ids"), { recursive: true });
  await using again = await openTestStore(folder.path);
  await expectBoth(again);
});

test("live events do not wait behind imports that came first", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  const batch = (at: number) =>
    Array.from({ length: 100 }, (_, index) => ({
      type: "identify",
      userId: "past",
      messageId: `import-${at}-${index}`,
      traits: { filler: "x".repeat(1_000) },
    }));
  const imports = Array.from({ length: 60 }, (_, at) =>
    opened.accept("import", { batch: batch(at) }, { lane: "import" }),
  );
  const live = Array.from({ length: 20 }, (_, at) =>
    opened.accept("identify", { userId: "now", messageId: `live-${at}`, traits: { at } }),
  );
  await Promise.all([...imports, ...live]);
  const [last] = opened.history("user_id", "now");
  expect(last?.messageId).toBe("live-19");
  expect(last?.seq).toBeLessThan(3_000);
  expect(opened.changes()).toHaveLength(6_020);
});
