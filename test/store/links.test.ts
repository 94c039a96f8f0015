/** Whose an event is: links, merges, aliases, e-mail claims and late arrivals, through the store's own door. */
import { expect, test } from "bun:test";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const startMs = Date.UTC(2026, 10, 24, 8);

/** An ISO time some minutes after the start. */
function minute(after: number): string {
  return new Date(startMs + after * 60_000).toISOString();
}

async function expectRebuildEqual(opened: TestStore): Promise<void> {
  const report = await opened.store.admin.verify(() => {});
  expect(report.problems).toEqual([]);
}

function names(opened: TestStore, type: string, value: string): string[] {
  return opened.find(type, value)?.identifiers.map((id) => `${id.type}:${id.value}`) ?? [];
}

test("an anonymous visitor's past becomes the user's with the first event that carries both ids", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("track", { anonymousId: "a1", messageId: "m1", event: "Seen", timestamp: minute(1) });
  const before = opened.find("anonymous_id", "a1");
  await opened.accept("identify", { userId: "u1", anonymousId: "a1", messageId: "m2", timestamp: minute(2) });
  await opened.accept("track", { anonymousId: "a1", messageId: "m3", event: "Bought", timestamp: minute(3) });
  expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1", "anonymous_id:a1"]);
  expect(opened.history("user_id", "u1").map(({ messageId }) => messageId)).toEqual(["m3", "m2", "m1"]);
  expect(opened.find("profile_id", before?.profileId ?? "")).toEqual(opened.find("user_id", "u1"));
  expect(opened.changes()[1]).toMatchObject({ cause: "merge", mergedFrom: [before?.profileId] });
  await expectRebuildEqual(opened);
});

test("a shared device's anonymous events go to whoever used it last before them", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", {
    userId: "u1",
    anonymousId: "a1",
    messageId: "m1",
    timestamp: minute(10),
  });
  await opened.accept("identify", {
    userId: "u2",
    anonymousId: "a1",
    messageId: "m2",
    timestamp: minute(20),
  });
  for (const [at, messageId] of [
    [5, "x5"],
    [15, "x15"],
    [25, "x25"],
  ] as const)
    await opened.accept("track", { anonymousId: "a1", messageId, event: "Seen", timestamp: minute(at) });
  expect(opened.history("user_id", "u1").map(({ messageId }) => messageId)).toEqual(["x15", "x5", "m1"]);
  expect(opened.history("user_id", "u2").map(({ messageId }) => messageId)).toEqual(["x25", "m2"]);
  expect(names(opened, "anonymous_id", "a1")).toEqual(["user_id:u2", "anonymous_id:a1"]);
  await expectRebuildEqual(opened);
});

test("a late link moves anonymous events to the user they belonged to, and says so in the change log", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", {
    userId: "u1",
    anonymousId: "a1",
    messageId: "m1",
    timestamp: minute(10),
  });
  await opened.accept("identify", {
    anonymousId: "a1",
    messageId: "m2",
    traits: { colour: "red" },
    timestamp: minute(20),
  });
  expect(opened.traits("user_id", "u1")).toEqual({ colour: "red" });
  await opened.accept("identify", {
    userId: "u2",
    anonymousId: "a1",
    messageId: "m3",
    timestamp: minute(15),
  });
  await opened.store.admin.settle();
  expect(opened.traits("user_id", "u1")).toEqual({});
  expect(opened.traits("user_id", "u2")).toEqual({ colour: "red" });
  expect(opened.history("user_id", "u1").map(({ messageId }) => messageId)).toEqual(["m1"]);
  expect(opened.history("user_id", "u2").map(({ messageId }) => messageId)).toEqual(["m3", "m2"]);
  const told = opened.changes().slice(3);
  expect(told.map(({ cause }) => cause)).toEqual(["merge", "merge", "merge"]);
  expect(told).toContainEqual(expect.objectContaining({ traits: { colour: { old: "red", new: null } } }));
  expect(told).toContainEqual(expect.objectContaining({ traits: { colour: { old: null, new: "red" } } }));
  await expectRebuildEqual(opened);
});

test("a moved event carries nothing of its former owner", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", {
    userId: "u1",
    anonymousId: "a1",
    messageId: "m1",
    timestamp: minute(10),
    traits: { colour: "blue" },
  });
  await opened.accept("identify", {
    anonymousId: "a1",
    messageId: "m2",
    traits: { colour: "red" },
    timestamp: minute(20),
  });
  await opened.accept("identify", {
    userId: "u2",
    anonymousId: "a1",
    messageId: "m3",
    timestamp: minute(15),
  });
  await opened.store.admin.settle();
  const u2 = opened.find("user_id", "u2");
  const moved = opened.changes().filter(({ profileId }) => profileId === u2?.profileId);
  expect(JSON.stringify(moved)).not.toContain("u1");
  expect(JSON.stringify(moved)).not.toContain("blue");
});

test("a late link that falls inside another user's time is put right, for the events after it too", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  for (const [userId, at] of [
    ["u1", 10],
    ["u1", 40],
    ["u2", 20],
    ["u1", 30],
  ] as const)
    await opened.accept("identify", {
      userId,
      anonymousId: "a1",
      messageId: `m${at}`,
      timestamp: minute(at),
    });
  await opened.store.admin.settle();
  await opened.accept("identify", {
    anonymousId: "a1",
    messageId: "x",
    traits: { colour: "red" },
    timestamp: minute(25),
  });
  expect(opened.traits("user_id", "u2")).toEqual({ colour: "red" });
  expect(opened.traits("user_id", "u1")).toEqual({});
  await expectRebuildEqual(opened);
});

test("an alias from a trusted source joins two userIds; from a browser it does not", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", { userId: "u1", messageId: "m1", traits: { plan: "free" } });
  await opened.accept("identify", { userId: "u2", messageId: "m2", traits: { name: "Ann" } });
  await opened.accept("alias", { userId: "u2", previousId: "u1", messageId: "m3" }, { trusted: false });
  expect(opened.find("user_id", "u1")?.pid).not.toBe(opened.find("user_id", "u2")?.pid);
  await opened.accept("alias", { userId: "u2", previousId: "u1", messageId: "m4" });
  expect(opened.find("user_id", "u1")).toEqual(opened.find("user_id", "u2"));
  expect(opened.traits("user_id", "u2")).toEqual({ name: "Ann", plan: "free" });
  expect(opened.history("user_id", "u2").map(({ messageId }) => messageId)).toEqual(["m4", "m3", "m2", "m1"]);
  await expectRebuildEqual(opened);
});

test("an alias joins an anonymous past, and chains of aliases lead to one profile", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", { anonymousId: "a1", messageId: "m1", traits: { plan: "free" } });
  await opened.accept("alias", { userId: "u1", previousId: "a1", messageId: "m2" }, { trusted: false });
  await opened.accept("alias", { userId: "u2", previousId: "u1", messageId: "m3" });
  await opened.accept("alias", { userId: "u3", previousId: "u2", messageId: "m4" });
  await opened.accept("alias", { userId: "u1", previousId: "u3", messageId: "m5" });
  const found = opened.find("anonymous_id", "a1");
  for (const user of ["u1", "u2", "u3"]) expect(opened.find("user_id", user)).toEqual(found);
  expect(names(opened, "user_id", "u3")).toEqual([
    "user_id:u1",
    "user_id:u2",
    "user_id:u3",
    "anonymous_id:a1",
  ]);
  expect(opened.history("user_id", "u3", 2).map(({ messageId }) => messageId)).toEqual([
    "m5",
    "m4",
    "m3",
    "m2",
    "m1",
  ]);
  await expectRebuildEqual(opened);
});

test("an e-mail address leads to its newest claimant, in any spelling and by its hash", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", {
    userId: "u1",
    messageId: "m1",
    traits: { email: "Ann@Example.com " },
    timestamp: minute(10),
  });
  await opened.accept("identify", {
    userId: "u2",
    messageId: "m2",
    traits: { email: "ann@example.com" },
    timestamp: minute(5),
  });
  const u1 = opened.find("user_id", "u1");
  expect(opened.find("email", " ANN@example.com")).toEqual(u1);
  const hash = new Bun.CryptoHasher("sha256").update("ann@example.com").digest("hex");
  expect(opened.find("email_sha256", hash.toUpperCase())).toEqual(u1);
  await opened.accept("identify", {
    userId: "u2",
    messageId: "m3",
    traits: { email: "ann@example.com" },
    timestamp: minute(20),
  });
  expect(opened.find("email", "ann@example.com")?.pid).toBe(opened.find("user_id", "u2")?.pid);
  expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1"]);
  expect(names(opened, "user_id", "u2")).toEqual(["user_id:u2", "email:ann@example.com"]);
  await expectRebuildEqual(opened);
});

test("a profile that loses an identifier to another's event has a new version", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", {
    userId: "u1",
    messageId: "m1",
    traits: { email: "ann@example.com" },
    timestamp: minute(1),
  });
  const before = opened.find("user_id", "u1");
  await opened.accept("identify", {
    userId: "u2",
    messageId: "m2",
    traits: { email: "ann@example.com" },
    timestamp: minute(2),
  });
  const after = opened.find("user_id", "u1");
  expect(after?.identifiers).not.toEqual(before?.identifiers ?? []);
  expect(after?.version).not.toBe(before?.version ?? 0);
  await expectRebuildEqual(opened);
});

test("test data never meets live data", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept(
    "identify",
    { userId: "u1", messageId: "m1", traits: { email: "ann@example.com" } },
    { namespace: "test", source: "lab" },
  );
  expect(opened.find("user_id", "u1")).toBeNull();
  expect(opened.find("email", "ann@example.com")).toBeNull();
  const inTest = opened.find("user_id", "u1", "test");
  expect(opened.find("profile_id", inTest?.profileId ?? "")).toBeNull();
  expect(opened.store.profiles.page("live", 0, 10)).toEqual({ kind: "page", profiles: [], nextPid: null });
  await opened.accept("identify", { userId: "u1", messageId: "m1" });
  expect(opened.find("user_id", "u1")?.pid).toBe(2);
  await expectRebuildEqual(opened);
});

test("links beyond those kept at hand are found again", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  const devices = Array.from({ length: 120 }, (_, index) => `a${index}`);
  for (const anonymousId of devices)
    await opened.accept("identify", {
      userId: "u1",
      anonymousId,
      messageId: `i-${anonymousId}`,
      timestamp: minute(1),
    });
  for (const anonymousId of devices) {
    await opened.accept("track", {
      anonymousId,
      event: "Seen",
      messageId: `t-${anonymousId}`,
      timestamp: minute(2),
    });
    expect(opened.find("anonymous_id", anonymousId)?.pid).toBe(opened.find("user_id", "u1")?.pid ?? 0);
  }
  expect(opened.history("user_id", "u1").length).toBe(240);
  await expectRebuildEqual(opened);
});
