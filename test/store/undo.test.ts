/** Taking people apart, joining them again, and what a read of the past says of it. */
import { expect, test } from "bun:test";
import { restore } from "../../src/ingest/judge.ts";
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
