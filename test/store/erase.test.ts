/** What an erasure leaves: where the numbers of merged profiles lead, and what the rows of others tell. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
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

test("what others' rows told of the erased person's moved events goes, and what is their own stays", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path);
  await opened.accept("identify", {
    anonymousId: "a1",
    messageId: "visit",
    timestamp: minute(5),
    traits: { email: "ann@x.example", note: "for Ann alone" },
  });
  await opened.accept("identify", {
    userId: "u1",
    anonymousId: "a1",
    messageId: "m1",
    timestamp: minute(9),
    traits: { colour: "green" },
  });
  const told = () => JSON.stringify(opened.changes().filter(({ event }) => event?.messageId === "m1"));
  expect(told()).toContain("ann@x.example");
  expect(told()).toContain("green");
  await opened.accept("identify", { userId: "u2", anonymousId: "a1", messageId: "m2", timestamp: minute(1) });
  await opened.store.admin.settle();
  await opened.store.admin.erase("live", "user_id", "u2");
  expect(told()).toContain("user_id");
  expect(JSON.stringify(opened.changes())).not.toContain("ann@x.example");
  expect(JSON.stringify(opened.changes())).not.toContain("for Ann alone");
  expect(opened.traits("user_id", "u1")).toEqual({ colour: "green" });
  await opened.store.admin.compact();
  for (const name of readdirSync(folder.path, { recursive: true, encoding: "utf8" })) {
    const path = join(folder.path, name);
    if (statSync(path).isFile())
      expect([name, readFileSync(path).includes("for Ann alone")]).toEqual([name, false]);
  }
});
