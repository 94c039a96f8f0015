/** Where the numbers of merged profiles lead once the event that made them, or the profile they led to, is erased. */
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

function messageIdsOf(opened: TestStore, type: string, value: string): string[] | null {
  return opened.find(type, value) && opened.history(type, value).map(({ messageId }) => messageId);
}

/**
 * A visitor's event makes a profile, which merges into u1's with the first link; a late link then shows that the event
 * was u2's. Returns the profileId that the event made.
 */
async function moveTheFirstEvent(opened: TestStore): Promise<string> {
  const visitor = { anonymousId: "a1", messageId: "visit", timestamp: minute(5) };
  await opened.accept("identify", { ...visitor, traits: { email: "ann@x.example" } });
  const made = opened.find("anonymous_id", "a1")?.profileId ?? "";
  await opened.accept("identify", { userId: "u1", anonymousId: "a1", messageId: "m1", timestamp: minute(9) });
  await opened.accept("identify", { userId: "u2", anonymousId: "a1", messageId: "m2", timestamp: minute(1) });
  await opened.store.admin.settle();
  expect(messageIdsOf(opened, "user_id", "u2")).toEqual(["m2", "visit"]);
  expect(messageIdsOf(opened, "profile_id", made)).toEqual(["m1"]);
  return made;
}

test("a number whose own first event is erased leads nowhere, and those it had merged with are still found", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  const made = await moveTheFirstEvent(opened);
  await opened.store.admin.erase("live", "user_id", "u2");
  for (let look = 0; look < 2; look += 1) {
    expect(messageIdsOf(opened, "profile_id", made)).toBeNull();
    expect(messageIdsOf(opened, "user_id", "u1")).toEqual(["m1"]);
    expect(messageIdsOf(opened, "anonymous_id", "a1")).toEqual(["m1"]);
    await expectRebuildEqual(opened);
    await opened.store.admin.rebuild();
    await opened.live();
  }
});

test("a number whose profile is erased, but not its own first event, leads where that event is", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  const made = await moveTheFirstEvent(opened);
  await opened.store.admin.erase("live", "user_id", "u1");
  for (let look = 0; look < 2; look += 1) {
    expect(messageIdsOf(opened, "profile_id", made)).toEqual(["m2", "visit"]);
    expect(messageIdsOf(opened, "email", "ann@x.example")).toEqual(["m2", "visit"]);
    await expectRebuildEqual(opened);
    await opened.store.admin.rebuild();
    await opened.live();
  }
  await opened.store.admin.erase("live", "user_id", "u2");
  expect(messageIdsOf(opened, "profile_id", made)).toBeNull();
  await expectRebuildEqual(opened);
});

test("what was only aliased to is found though its number went", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("track", {
    anonymousId: "a1",
    messageId: "visit",
    event: "Seen",
    timestamp: minute(5),
  });
  const alias = { userId: "u1", previousId: "a1", messageId: "m1", timestamp: minute(9) };
  await opened.accept("alias", alias, { trusted: false });
  await opened.accept("identify", { userId: "u2", anonymousId: "a1", messageId: "m2", timestamp: minute(1) });
  await opened.store.admin.settle();
  expect(messageIdsOf(opened, "user_id", "u2")).toEqual(["m2", "visit"]);
  await opened.store.admin.erase("live", "user_id", "u2");
  for (let look = 0; look < 2; look += 1) {
    expect(messageIdsOf(opened, "anonymous_id", "a1")).toEqual(["m1"]);
    await expectRebuildEqual(opened);
    await opened.store.admin.rebuild();
    await opened.live();
  }
});
