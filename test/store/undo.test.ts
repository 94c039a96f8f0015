/** Taking people apart, joining them again, and what a read of the past says of it. */
import { expect, test } from "bun:test";
import { restore } from "../../src/ingest/judge.ts";
import { noRules } from "../../src/model/rules.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { JournalReader } from "../../src/store/journalReader.ts";
import { findAtIn } from "../../src/store/profileAt.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const pair = { namespace: "live", user: "u1", other: { type: "user_id", value: "u2" } } as const;

function names(opened: TestStore, value: string): string[] {
  return opened.find("user_id", value)?.identifiers.map((id) => `${id.type}:${id.value}`) ?? [];
}

async function namesAt(opened: TestStore, value: string, atMs: number): Promise<string[]> {
  const openJournal = () => new JournalReader(folderPaths(opened.folder).journal);
  const found = await findAtIn({ profiles: opened.store.profiles, restore, openJournal })(
    "live",
    "user_id",
    value,
    atMs,
  );
  return found.kind === "found" ? found.profile.identifiers.map((id) => `${id.type}:${id.value}`) : [];
}

test("two userIds that an alias joined are two again, each under its old profileId, until that is lifted", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", { userId: "u1", messageId: "m1", traits: { plan: "red" } });
  await opened.accept("identify", {
    userId: "u2",
    messageId: "m2",
    traits: { plan: "blue", note: "secret" },
  });
  const [first, second] = [opened.find("user_id", "u1"), opened.find("user_id", "u2")];
  opened.clock.advance(1_000);
  await opened.accept("alias", { userId: "u1", previousId: "u2", messageId: "m3" });
  opened.clock.advance(1_000);
  const joinedMs = opened.clock.nowMs();
  expect(await opened.store.admin.liftUndo(pair)).toEqual({ kind: "notUndone" });
  opened.clock.advance(1_000);
  expect(await opened.store.admin.undo(pair)).toMatchObject({ kind: "done", ties: 1 });
  expect(await opened.store.admin.undo(pair)).toEqual({ kind: "undoneBefore" });
  const apartMs = opened.clock.nowMs();
  expect(opened.find("user_id", "u1")?.profileId).toBe(first?.profileId ?? "");
  expect(opened.find("user_id", "u2")?.profileId).toBe(second?.profileId ?? "");
  expect(opened.traits("user_id", "u1")).toEqual({ plan: "red" });
  expect(opened.traits("user_id", "u2")).toEqual({ plan: "blue", note: "secret" });
  const told = opened.changes().filter(({ cause }) => cause === "undo");
  expect(told.map(({ profileId }) => profileId)).toEqual([first?.profileId ?? "", second?.profileId ?? ""]);
  const ofFirst = opened.changes().filter(({ profileId }) => profileId === first?.profileId);
  expect(JSON.stringify(ofFirst)).not.toContain("secret");
  opened.clock.advance(1_000);
  await opened.accept("alias", { userId: "u2", previousId: "u1", messageId: "m4" });
  expect(names(opened, "u1")).toEqual(["user_id:u1"]);
  expect(await namesAt(opened, "u1", joinedMs)).toEqual(["user_id:u1", "user_id:u2"]);
  expect(await namesAt(opened, "u2", apartMs)).toEqual(["user_id:u2"]);
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  opened.clock.advance(1_000);
  expect(await opened.store.admin.liftUndo(pair)).toMatchObject({ kind: "done", ties: 2 });
  expect(names(opened, "u2")).toEqual(["user_id:u1", "user_id:u2"]);
  expect(opened.find("profile_id", second?.profileId ?? "")?.profileId).toBe(first?.profileId ?? "");
  expect(await namesAt(opened, "u1", apartMs)).toEqual(["user_id:u1"]);
  expect(await namesAt(opened, "u1", joinedMs)).toEqual(["user_id:u1", "user_id:u2"]);
  expect(await namesAt(opened, "u1", opened.clock.nowMs())).toEqual(["user_id:u1", "user_id:u2"]);
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});

test("a number leads where a rebuild leads it, also one that nobody was told of and one that only a row tells of", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  const device = (user: string) =>
    ({ namespace: "live", user, other: { type: "anonymous_id", value: "d1" } }) as const;
  const { admin } = opened.store;
  const isSound = async () => expect((await admin.verify(() => {})).problems).toEqual([]);
  await opened.accept("track", { userId: "u1", anonymousId: "d1", messageId: "m1", event: "Seen" });
  await opened.accept("track", { anonymousId: "d1", messageId: "m2", event: "Seen" });
  for (const user of ["u2", "u3"]) {
    opened.clock.advance(1_000);
    await opened.accept("track", { userId: user, anonymousId: "d1", messageId: `m-${user}`, event: "Seen" });
  }
  await admin.settle();
  // From now on a rebuild makes a number of the second event, and leads it to u2.
  expect(await admin.undo(device("u1"))).toMatchObject({ kind: "done" });
  await admin.rebuild();
  await opened.live();
  expect(await admin.undo(device("u2"))).toMatchObject({ kind: "done" });
  await isSound();
  expect(await admin.liftUndo(device("u1"))).toMatchObject({ kind: "done" });
  await isSound();
  // Here it is told of: it was a profile of its own before it became part of somebody.
  await opened.accept("alias", { userId: "u5", previousId: "u6", messageId: "m3" });
  await opened.accept("track", { userId: "u5", anonymousId: "d2", messageId: "m4", event: "Seen" });
  const second = { ...device("u5"), other: { type: "anonymous_id", value: "d2" } } as const;
  expect(await admin.undo(second)).toMatchObject({ kind: "done" });
  opened.clock.advance(1_000);
  await opened.accept("track", { anonymousId: "d2", messageId: "m5", event: "Seen" });
  const own = opened.find("anonymous_id", "d2")?.profileId;
  opened.clock.advance(1_000);
  await opened.accept("track", { userId: "u6", anonymousId: "d2", messageId: "m6", event: "Seen" });
  await isSound();
  expect(await admin.liftUndo(second)).toMatchObject({ kind: "done" });
  await isSound();
  // An erased event's number leads nowhere, whatever a row told of it.
  const where = () => opened.store.profiles.find("live", "profile_id", own ?? "").kind;
  expect(where()).toBe("found");
  const timestamp = new Date(opened.clock.nowMs() - 1_500).toISOString();
  await opened.accept("track", {
    userId: "u7",
    anonymousId: "d2",
    messageId: "m7",
    event: "Seen",
    timestamp,
  });
  await admin.settle();
  await admin.erase("live", "user_id", "u7");
  expect(where()).toBe("missing");
  await admin.rebuild();
  await opened.live();
  expect(where()).toBe("missing");
});

test("a profile that lost an event falls due when a rebuild says, though the clock was set back since", async () => {
  using folder = tempFolder();
  const minuteMs = 60_000;
  const event = "Product Viewed";
  await using opened = await openTestStore(folder.path, {
    rules: {
      ...noRules,
      computed: [{ name: "seen", aggregate: "count", event, windowMs: 5 * minuteMs }],
      segments: [
        { name: "keen", rule: { kind: "trait", path: ["seen"], test: { condition: { atLeast: 9 } } } },
      ],
    },
  });
  const timestamp = (agoMs: number) => new Date(opened.clock.nowMs() - agoMs).toISOString();
  await opened.accept("page", { userId: "u1", anonymousId: "d1", messageId: "m1" });
  opened.clock.advance(8 * minuteMs);
  await opened.accept("page", { anonymousId: "d1", messageId: "m2" });
  opened.clock.advance(-7 * minuteMs);
  await opened.accept("track", { userId: "u1", messageId: "m4", event });
  await opened.accept("page", {
    userId: "u2",
    anonymousId: "d1",
    messageId: "m3",
    timestamp: timestamp(30_000),
  });
  await opened.store.admin.settle();
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});

test("what a profile was told of an event that an undo gave it, and a lifting took away, goes with the one erased", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  const device = { namespace: "live", user: "u4", other: { type: "anonymous_id", value: "d1" } } as const;
  const { admin } = opened.store;
  await opened.accept("track", { userId: "u4", anonymousId: "d1", messageId: "m1", event: "Seen" });
  await opened.accept("identify", { anonymousId: "d1", messageId: "m2", traits: { note: "secret" } });
  opened.clock.advance(1_000);
  await opened.accept("track", { userId: "u1", anonymousId: "d1", messageId: "m3", event: "Seen" });
  expect(await admin.undo(device)).toMatchObject({ kind: "done" });
  expect(opened.traits("user_id", "u1")).toEqual({ note: "secret" });
  expect(await admin.liftUndo(device)).toMatchObject({ kind: "done" });
  expect(opened.traits("user_id", "u4")).toEqual({ note: "secret" });
  await admin.erase("live", "user_id", "u4");
  expect(JSON.stringify(opened.changes())).not.toContain("secret");
  expect((await admin.verify(() => {})).problems).toEqual([]);
});

test("a profile that won an event falls due when a rebuild says, though the clock was set back since", async () => {
  using folder = tempFolder();
  const minuteMs = 60_000;
  const event = "Product Viewed";
  await using opened = await openTestStore(folder.path, {
    rules: {
      ...noRules,
      computed: [{ name: "seen", aggregate: "count", event, windowMs: 5 * minuteMs }],
      segments: [
        { name: "keen", rule: { kind: "trait", path: ["seen"], test: { condition: { atLeast: 9 } } } },
      ],
    },
  });
  await opened.accept("page", { userId: "u1", anonymousId: "d1", messageId: "m1" });
  opened.clock.advance(8 * minuteMs);
  await opened.accept("page", { anonymousId: "d1", messageId: "m2" });
  opened.clock.advance(-7 * minuteMs);
  await opened.accept("track", { userId: "u2", anonymousId: "d1", messageId: "m3", event });
  await opened.store.admin.settle();
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
});
