import { expect, test } from "bun:test";
import { listContent, listSetOf } from "../../src/lib/digestList.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { openReadOnlyStore } from "../../src/store/readOnlyStore.ts";
import { segmentsOfProfile } from "../../src/store/segmentSubject.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const staff = listContent(["ann@example.com", "bob@example.com"]);
const rules: Rules = {
  ...noRules,
  segments: [
    {
      name: "staff",
      rule: { kind: "list", file: "staff.csv", match: "email", rows: 2, sha256: staff.sha256 },
    },
    { name: "buyers", rule: { kind: "event", event: "Order Completed" } },
  ],
};
const lists = new Map([[staff.sha256, staff.bytes]]);

test("a list is found in by every value of it and by no other", () => {
  const values = Array.from({ length: 500 }, (_, at) => `u-${at}`);
  const { bytes, rows, sha256 } = listContent(values);
  const set = listSetOf(bytes);
  expect(rows).toBe(500);
  expect(values.filter((value) => !set.has(value))).toEqual([]);
  expect(values.filter((value) => set.has(`${value}.`))).toEqual([]);
  expect(listContent([...values.toReversed(), "u-1"]).sha256).toBe(sha256);
  expect(listSetOf(new Uint8Array()).has("u-1")).toBe(false);
});

test("segments and their lists are remembered for whoever opens the folder without any", async () => {
  using folder = tempFolder();
  {
    await using opened = await openTestStore(folder.at("data"), { rules, lists });
    await opened.accept("identify", { userId: "1", traits: { email: "Ann@Example.com" } });
    await opened.accept("track", { userId: "2", event: "Order Completed" });
    const found = opened.find("user_id", "1");
    expect(found && segmentsOfProfile(found, 0).members).toEqual(["staff"]);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  }
  const readOnly = openReadOnlyStore(folder.at("data"));
  const lookup = readOnly.profiles.find("live", "user_id", "2");
  expect(lookup.kind === "found" && segmentsOfProfile(lookup.profile, 0).members).toEqual(["buyers"]);
  const ann = readOnly.profiles.find("live", "email", "ann@example.com");
  expect(ann.kind === "found" && segmentsOfProfile(ann.profile, 0).members).toEqual(["staff"]);
  await readOnly.close();

  await using again = await openTestStore(folder.at("data"), { rules: "stored" });
  const found = again.find("user_id", "1");
  expect(found && segmentsOfProfile(found, 0).members).toEqual(["staff"]);
});

test("a list that is another at work moves people at once, and the feed says so", async () => {
  using folder = tempFolder();
  const others = listContent(["bob@example.com"]);
  const changed: Rules = {
    ...rules,
    segments: [
      {
        name: "staff",
        rule: { kind: "list", file: "staff.csv", match: "email", rows: 1, sha256: others.sha256 },
      },
    ],
  };
  {
    await using opened = await openTestStore(folder.at("data"), { rules, lists });
    await opened.accept("identify", { userId: "1", traits: { email: "Ann@Example.com" } });
    await opened.store.admin.applyRules(changed, new Map([[others.sha256, others.bytes]]));
    const found = opened.find("user_id", "1");
    expect(found && segmentsOfProfile(found, 0).members).toEqual([]);
    expect(opened.changes().at(-1)).toMatchObject({
      cause: "definition",
      segments: { entered: [], exited: ["staff"] },
    });
  }
  await using again = await openTestStore(folder.at("data"), { rules: "stored" });
  const found = again.find("user_id", "1");
  expect(found && segmentsOfProfile(found, 0).members).toEqual([]);
});

test("a list that no segment names any more is gone; one that is not there refuses the start", async () => {
  using folder = tempFolder();
  {
    await using opened = await openTestStore(folder.at("data"), { rules, lists });
    expect(opened.fatal).toEqual([]);
  }
  {
    await using opened = await openTestStore(folder.at("data"));
    expect(opened.fatal).toEqual([]);
  }
  const failure: unknown = await openTestStore(folder.at("data"), { rules }).then(
    () => "it opened",
    (error: unknown) => error,
  );
  expect(String(failure)).toContain("the content of a segment's list is not there");
});
