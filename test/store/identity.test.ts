/** Identifiers of one's own, values that name nobody, and limits, through the store's own door. */
import { describe, expect, test } from "bun:test";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const startMs = Date.UTC(2026, 10, 24, 8);
const withPhone: Rules = { ...noRules, identity: [{ type: "phone", limit: 2, normalise: "phone" }] };

function minute(after: number): string {
  return new Date(startMs + after * 60_000).toISOString();
}

function names(opened: TestStore, type: string, value: string): string[] {
  return opened.find(type, value)?.identifiers.map((id) => `${id.type}:${id.value}`) ?? [];
}

async function expectRebuildEqual(opened: TestStore): Promise<void> {
  const report = await opened.store.admin.verify(() => {});
  expect(report.problems).toEqual([]);
  await opened.store.admin.rebuild();
  await opened.live();
}

describe("an identifier of one's own", () => {
  test("finds its profile, by trait and by external id, and belongs to the newest claim", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules: withPhone });
    await opened.accept("identify", {
      userId: "u1",
      messageId: "m1",
      timestamp: minute(1),
      traits: { phone: "+49 30 1234" },
    });
    await opened.accept("track", {
      userId: "u2",
      messageId: "m2",
      event: "Called",
      timestamp: minute(2),
      context: { externalIds: [{ id: "0049301234", type: "phone", collection: "users", encoding: "none" }] },
    });
    await opened.accept("identify", {
      userId: "u3",
      messageId: "m3",
      timestamp: minute(0),
      traits: { phone: "+49301234" },
    });
    expect(names(opened, "phone", "0049-30-1234")).toEqual(["user_id:u2", "phone:+49301234"]);
    expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1"]);
    expect(opened.traits("user_id", "u1")).toEqual({ phone: "+49 30 1234" });
    expect(opened.changes().map(({ cause }) => cause)).toEqual(["event", "event", "merge", "event"]);
    await expectRebuildEqual(opened);
    expect(names(opened, "phone", "+49301234")).toEqual(["user_id:u2", "phone:+49301234"]);
  });

  test("goes back to the claim before when the person is erased", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules: withPhone });
    for (const [userId, at] of [
      ["u1", 1],
      ["u2", 2],
    ] as const)
      await opened.accept("identify", {
        userId,
        messageId: `m${at}`,
        timestamp: minute(at),
        traits: { phone: "+49301234" },
      });
    await opened.store.admin.erase("live", "phone", "+49301234");
    expect(names(opened, "phone", "+49301234")).toEqual(["user_id:u1", "phone:+49301234"]);
    expect(opened.find("user_id", "u2")).toBeNull();
    await expectRebuildEqual(opened);
  });

  test("that is configured later is found in what came before", async () => {
    using folder = tempFolder();
    const before = await openTestStore(folder.path);
    await before.accept("identify", { userId: "u1", messageId: "m1", traits: { phone: "+49301234" } });
    expect(before.find("phone", "+49301234")).toBeNull();
    await before.close();
    await using opened = await openTestStore(folder.path, { rules: withPhone });
    await opened.live();
    expect(names(opened, "phone", "+49301234")).toEqual(["user_id:u1", "phone:+49301234"]);
    await expectRebuildEqual(opened);
  });
});

describe("a value that names nobody", () => {
  test("joins nobody: the event counts for the other id, as if it had not been sent", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path);
    for (const [messageId, userId, anonymousId] of [
      ["m1", "u1", "00000000-0000-0000-0000-000000000000"],
      ["m2", "u2", "00000000-0000-0000-0000-000000000000"],
      ["m3", "guest", "a1"],
      ["m4", "guest", "a2"],
    ] as const)
      await opened.accept("track", { messageId, userId, anonymousId, event: "Seen" });
    await opened.accept("alias", { messageId: "m5", userId: "u1", previousId: "null" });
    expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1"]);
    expect(names(opened, "user_id", "u2")).toEqual(["user_id:u2"]);
    expect(names(opened, "anonymous_id", "a1")).toEqual(["anonymous_id:a1"]);
    expect(opened.find("user_id", "guest")).toBeNull();
    expect(opened.find("user_id", "null")).toBeNull();
    expect(opened.history("anonymous_id", "a2").map(({ messageId }) => messageId)).toEqual(["m4"]);
    expect(opened.store.status().counts?.ignoredIds).toBe(5);
    await expectRebuildEqual(opened);
    expect(opened.find("user_id", "guest")).toBeNull();
  });

  test("claims nothing, but stays as a trait", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path);
    await opened.accept("identify", { userId: "u1", messageId: "m1", traits: { email: "test@example.com" } });
    expect(opened.find("email", "test@example.com")).toBeNull();
    expect(opened.traits("user_id", "u1")).toEqual({ email: "test@example.com" });
    await expectRebuildEqual(opened);
  });

  test("alone sends the event to the quarantine, from which a longer list of allowed ones frees it", async () => {
    using folder = tempFolder();
    const before = await openTestStore(folder.path);
    const answer = await before.send("track", {
      userId: "0",
      anonymousId: "undefined",
      messageId: "m1",
      event: "E",
    });
    expect(answer).toMatchObject({ kind: "rejected", status: 400, error: { code: "missing_id" } });
    await before.close();
    const rules: Rules = { ...noRules, identity: [{ type: "user_id", allow: ["0"] }] };
    await using opened = await openTestStore(folder.path, { rules });
    expect(await opened.store.admin.replayQuarantine(1)).toEqual({ kind: "accepted" });
    expect(names(opened, "user_id", "0")).toEqual(["user_id:0"]);
    await expectRebuildEqual(opened);
  });

  test("stays what it was when the lists change: what was decided is written down", async () => {
    using folder = tempFolder();
    const before = await openTestStore(folder.path);
    await before.accept("track", { userId: "u1", anonymousId: "guest", messageId: "m1", event: "E" });
    await before.accept("track", { userId: "demo", anonymousId: "a1", messageId: "m2", event: "E" });
    await before.close();
    const rules: Rules = {
      ...noRules,
      identity: [
        { type: "anonymous_id", allow: ["guest"] },
        { type: "user_id", block: ["demo"] },
      ],
    };
    await using opened = await openTestStore(folder.path, { rules });
    await opened.live();
    expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1"]);
    expect(names(opened, "user_id", "demo")).toEqual(["user_id:demo", "anonymous_id:a1"]);
    await opened.accept("track", { userId: "u1", anonymousId: "guest", messageId: "m3", event: "E" });
    expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1", "anonymous_id:guest"]);
    await expectRebuildEqual(opened);
  });
});

describe("beyond its limit a profile takes", () => {
  const rules: Rules = {
    ...noRules,
    identity: [
      { type: "anonymous_id", limit: 2 },
      { type: "user_id", limit: 2 },
      { type: "email", limit: 1 },
    ],
  };

  test("no link: the event stays the user's, the device its own", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    for (const at of [1, 2, 3])
      await opened.accept("track", {
        userId: "u1",
        anonymousId: `a${at}`,
        messageId: `m${at}`,
        event: "Seen",
      });
    await opened.accept("track", { anonymousId: "a3", messageId: "m4", event: "Seen" });
    await opened.accept("track", { userId: "u1", anonymousId: "a1", messageId: "m5", event: "Seen" });
    expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1", "anonymous_id:a1", "anonymous_id:a2"]);
    expect(opened.history("user_id", "u1").map(({ messageId }) => messageId)).toEqual([
      "m5",
      "m3",
      "m2",
      "m1",
    ]);
    expect(names(opened, "anonymous_id", "a3")).toEqual(["anonymous_id:a3"]);
    expect(opened.store.status().counts?.overLimit).toBe(1);
    expect(opened.notices.filter((notice) => notice.includes("anonymous_id was not added"))).toHaveLength(1);
    expect(opened.notices.join()).not.toContain("a3");
    await expectRebuildEqual(opened);
    expect(names(opened, "anonymous_id", "a3")).toEqual(["anonymous_id:a3"]);
  });

  test("no alias, also where the other one would bring too much", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    for (const [userId, anonymousId] of [
      ["u1", "a1"],
      ["u1", "a2"],
      ["u2", "b1"],
      ["u3", undefined],
      ["u4", undefined],
    ] as const)
      await opened.accept("track", {
        userId,
        ...(anonymousId === undefined ? {} : { anonymousId }),
        event: "E",
      });
    await opened.accept("alias", { userId: "u1", previousId: "u2", messageId: "x1" });
    await opened.accept("alias", { userId: "u1", previousId: "u3", messageId: "x2" });
    await opened.accept("alias", { userId: "u1", previousId: "u4", messageId: "x3" });
    expect(names(opened, "user_id", "u3")).toEqual([
      "user_id:u1",
      "user_id:u3",
      "anonymous_id:a1",
      "anonymous_id:a2",
    ]);
    expect(names(opened, "user_id", "u2")).toEqual(["user_id:u2", "anonymous_id:b1"]);
    expect(names(opened, "user_id", "u4")).toEqual(["user_id:u4"]);
    await expectRebuildEqual(opened);
  });

  test("no claim, while the value goes on as a trait; while profiles are rebuilt it is decided when they are back", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await opened.accept("identify", { userId: "u1", messageId: "m1", traits: { email: "a@x.example" } });
    await opened.store.admin.rebuild();
    await opened.accept("identify", { userId: "u1", messageId: "m2", traits: { email: "b@x.example" } });
    await opened.live();
    expect(names(opened, "user_id", "u1")).toEqual(["user_id:u1", "email:a@x.example"]);
    expect(opened.find("email", "b@x.example")).toBeNull();
    expect(opened.traits("user_id", "u1")).toEqual({ email: "b@x.example" });
    await expectRebuildEqual(opened);
    expect(opened.find("email", "b@x.example")).toBeNull();
  });
});
