import { expect, test } from "bun:test";
import { restore } from "../../src/ingest/judge.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const secretText = "ann@example.com";

test("what the store tells the log names an exception's class and place, never its message", async () => {
  using folder = tempFolder();
  let isBroken = false;
  await using opened = await openTestStore(folder.at("data"), {
    restore: (stored) => {
      if (isBroken) throw new RangeError(`can't read ${secretText}`);
      return restore(stored);
    },
  });
  await opened.accept("identify", { userId: "1", messageId: "m-1", traits: { email: secretText } });
  isBroken = true;
  await opened.store.admin.rebuild();
  await opened.live().catch(() => {});
  expect(opened.notices.join("\n")).toMatch(/row 1 could not be folded|RangeError/);
  expect(opened.notices.join("\n")).not.toContain(secretText);
});
