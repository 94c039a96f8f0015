/** To whom a mail goes, where strangers say what their address is. */
import { expect, test } from "bun:test";
import { smtp } from "../../../src/esp/destinations/smtp.ts";
import { mailServer } from "../../support/mailServer.ts";
import { until } from "../../support/until.ts";

const own = smtp.settings.parse({ url: "smtp://127.0.0.1:9", requireTls: false, from: "shop@shop.example" });
const open = smtp.open(own, { nowMs: () => 0, fetch: () => Promise.reject(new Error("it asks nothing")) });
const message = {
  subject: "Hi",
  html: "<p>Hi</p>",
  text: "Hi",
  template: null,
  data: {},
  topic: null,
  headers: {},
};

function identified(email: string): string {
  return open.identify({ profileId: "prf_1", identifiers: [], userId: null, email }).kind;
}

test.each([
  "ann@shop.example,bob@shop.example",
  "ann@shop.example;bob@shop.example",
  "friends:ann@shop.example,bob@shop.example;",
  "<ann@shop.example>,bob@shop.example",
  "ann@shop.example@bob.example",
  "(to)ann@shop.example",
  "ann@shop.example\r\nBcc:bob@shop.example",
])("%j is nobody's address, and gets no mail", async (email) => {
  expect(identified(email)).toBe("none");
  const way = open.send?.way;
  if (way?.kind !== "own") throw new Error("mail has a way of its own");
  const row = { profileId: "prf_1", key: {}, id: "m1", email, message };
  expect(await way.perform([row], new AbortController().signal)).toMatchObject({ kind: "drop" });
});

test.each(["ann@shop.example", "o'neil+news@mail.shop.example", "jürgen@müller.example"])(
  "%s is one",
  (email) => {
    expect(identified(email)).toBe("key");
  },
);

test("connections that are kept for the next mail are closed at the end", async () => {
  // Its end waits for its clients: one that stays would hold the test up.
  await using server = await mailServer();
  const settings = smtp.settings.parse({ url: server.url, requireTls: false, from: "shop@shop.example" });
  const opened = smtp.open(settings, { nowMs: () => 0, fetch: () => Promise.reject(new Error("no")) });
  const way = opened.send?.way;
  if (way?.kind !== "own") throw new Error("mail has a way of its own");
  const row = { profileId: "prf_1", key: {}, id: "m1", email: "ann@shop.example", message };
  expect(await way.perform([row], new AbortController().signal)).toEqual({ kind: "done" });
  expect([server.mails.length, server.clients()]).toEqual([1, 1]);
  opened.close?.();
  await until("nobody is connected", () => server.clients() === 0);
});
