/** A mailbox in a folder: one file a mail, whole, once, so many at most, and gone with their person. */
import { expect, test } from "bun:test";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import type { OpenDestination, SendRow } from "../../../src/esp/deliver/destination.ts";
import { MailFolder } from "../../../src/esp/destinations/mailFolder.ts";
import { mailbox } from "../../../src/esp/destinations/mailbox.ts";
import { tempFolder } from "../../support/tempFolder.ts";

const nowMs = Date.parse("2026-11-24T09:00:00.000Z");

function opened(folder: string, keep = 1_000): OpenDestination {
  const own = mailbox.settings.parse({ folder, from: "Shop <hello@shop.example>", keep });
  return mailbox.open(own, {
    nowMs: () => nowMs,
    fetch: () => Promise.reject(new Error("no request is made")),
  });
}

function row(id: string, profileId = "prf_1", more: Partial<SendRow["message"]> = {}): SendRow {
  const message = {
    subject: "Your cart",
    html: "<p>Hi</p>",
    text: "Hi",
    template: null,
    data: {},
    topic: "carts",
    headers: {},
    ...more,
  };
  return { id, profileId, key: { profileId }, email: "ann@example.com", message };
}

function sent(open: OpenDestination, one: SendRow) {
  const way = open.send?.way;
  if (way?.kind !== "own") throw new Error("a mailbox has a way of its own");
  return way.perform([one], new AbortController().signal);
}

test("keeps a mail once, for its owner alone, as a preview describes it", async () => {
  using folder = tempFolder();
  const place = folder.at("mails");
  const open = opened(place);
  expect(await sent(open, row("m1"))).toEqual({ kind: "done" });
  expect(await sent(open, row("m1"))).toEqual({ kind: "done" });
  const [name = ""] = readdirSync(place);
  expect(readdirSync(place)).toEqual([name]);
  expect(statSync(`${place}/${name}`).mode & 0o077).toBe(0);
  writeFileSync(`${place}/notes.txt`, "somebody else's");
  const [mail] = await new MailFolder(place, 10).of("prf_1", 10);
  expect(mail).toMatchObject({
    to: "ann@example.com",
    subject: "Your cart",
    sentAt: "2026-11-24T09:00:00.000Z",
  });
  const way = open.send?.way;
  expect(JSON.parse(way?.kind === "own" ? await way.describe([row("m1")]) : "")).toEqual(mail);
});

test("has nothing for others, makes room for the newest, and forgets who is erased", async () => {
  using folder = tempFolder();
  const open = opened(folder.path, 3);
  for (const at of [1, 2, 3, 4, 5, 6]) await sent(open, row(`m${at}`, at === 6 ? "prf_2" : "prf_1"));
  expect(readdirSync(folder.path).length).toBeLessThanOrEqual(5);
  const mails = new MailFolder(folder.path, 3);
  expect((await mails.of("prf_2", 10)).map(({ profileId }) => profileId)).toEqual(["prf_2"]);
  expect(await mails.of("prf_3", 10)).toEqual([]);
  const erase = open.erase?.way;
  if (erase?.kind !== "own") throw new Error("a mailbox erases");
  const erased = { profileId: "prf_1", key: { profileId: "prf_1" } };
  expect(await erase.perform([erased], new AbortController().signal)).toEqual({ kind: "done" });
  expect(await mails.of("prf_1", 10)).toEqual([]);
  expect(await mails.of("prf_2", 10)).toHaveLength(1);
});

test("drops what has no content of ours, and tries again where the folder can't be written", async () => {
  using folder = tempFolder();
  const empty = { html: null, text: null, template: "d-1" };
  expect(await sent(opened(folder.path), row("m1", "prf_1", empty))).toMatchObject({ kind: "drop" });
  writeFileSync(folder.at("file"), "");
  expect(await sent(opened(folder.at("file")), row("m1"))).toMatchObject({ kind: "retry" });
});
