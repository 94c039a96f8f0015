import { expect, test } from "bun:test";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const nameless = (messageId: string) => ({ event: "Seen", messageId });

test("what waits is counted by code and source, and paged by group", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"));
  const { admin } = opened.store;
  for (let index = 0; index < 3; index += 1) await opened.send("track", nameless(`m-${index}`));
  await opened.send("track", nameless("m-9"), { source: "shop" });
  await opened.send("track", "{", { source: "shop" });
  const groups = admin.quarantineGroups(10);
  expect(groups.map(({ code, source, count }) => [code, source, count])).toEqual([
    ["missing_id", "web", 3],
    ["invalid_json", "shop", 1],
    ["missing_id", "shop", 1],
  ]);
  const first = admin.quarantineWaiting("missing_id", "web", null, 2);
  expect(first.map(({ message_id }) => message_id)).toEqual(["m-2", "m-1"]);
  const rest = admin.quarantineWaiting("missing_id", "web", first[1]?.id ?? 0, 2);
  expect(rest.map(({ message_id }) => message_id)).toEqual(["m-0"]);
});

test("a piece that is refused again stays one piece", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"));
  const { admin } = opened.store;
  await opened.send("track", nameless("m-1"));
  const [piece] = admin.quarantine(null, 10);
  const replayed = await admin.replayQuarantine(piece?.id ?? 0);
  expect(replayed).toMatchObject({ kind: "refused", error: { code: "missing_id" } });
  expect(admin.quarantine(null, 10)).toEqual(piece === undefined ? [] : [piece]);
});

test("a piece that passes by now is in the journal once, with its own messageId, and waits no more", async () => {
  using folder = tempFolder();
  let strict = true;
  const { judge } = await import("../../src/ingest/judge.ts");
  await using opened = await openTestStore(folder.at("data"), {
    judge: (frame, mintId) =>
      judge(
        strict
          ? frame
          : { ...frame, body: Buffer.from(Buffer.from(frame.body).toString().replace("usrId", "userId")) },
        mintId,
      ),
  });
  const { admin } = opened.store;
  await opened.send("track", { event: "Seen", messageId: "m-1", usrId: "42" });
  const [piece] = admin.quarantine(null, 10);
  strict = false;
  expect(await admin.replayQuarantine(piece?.id ?? 0)).toEqual({ kind: "accepted" });
  expect(opened.history("user_id", "42").map(({ messageId }) => messageId)).toEqual(["m-1"]);
  expect(admin.quarantineGroups(10)).toEqual([]);
  expect(await admin.replayQuarantine(piece?.id ?? 0)).toEqual({ kind: "replayed" });
  expect(await admin.replayQuarantine(999)).toEqual({ kind: "missing" });
  expect(opened.store.changes.head()).toBe(1);
});
