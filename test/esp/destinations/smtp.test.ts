/** To whom a mail goes, where strangers say what their address is. */
import { expect, test } from "bun:test";
import { generateKeyPairSync } from "node:crypto";
import type { Tools } from "../../../src/esp/deliver/destination.ts";
import { smtp } from "../../../src/esp/destinations/smtp.ts";
import { dkimOf } from "../../support/dkim.ts";
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

const reach = (host: string) => Promise.resolve({ kind: "address", address: host } as const);

/** The one way, with what its settings say. */
function sender(url: string, reached: Tools["reach"] = reach) {
  const settings = smtp.settings.parse({ url, requireTls: false, from: "shop@shop.example" });
  const fetch = () => Promise.reject(new Error("it asks nothing"));
  const sends = smtp.open(settings, {
    nowMs: () => 0,
    fetch,
    ...(reached === undefined ? {} : { reach: reached }),
  });
  const way = sends.send?.way;
  if (way?.kind !== "own") throw new Error("mail has a way of its own");
  const row = { profileId: "prf_1", key: {}, id: "m1", email: "ann@shop.example", message };
  return {
    perform: () => way.perform([row], new AbortController().signal),
    [Symbol.dispose]: () => sends.close?.(),
  };
}

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
  const opened = smtp.open(settings, { nowMs: () => 0, fetch: () => Promise.reject(new Error("no")), reach });
  const way = opened.send?.way;
  if (way?.kind !== "own") throw new Error("mail has a way of its own");
  const row = { profileId: "prf_1", key: {}, id: "m1", email: "ann@shop.example", message };
  expect(await way.perform([row], new AbortController().signal)).toEqual({ kind: "done" });
  expect([server.mails.length, server.clients()]).toEqual([1, 1]);
  opened.close?.();
  await until("nobody is connected", () => server.clients() === 0);
});

test("a mail that was taken before the connection broke is uncertain, and is not sent again by itself", async () => {
  await using server = await mailServer();
  using one = sender(server.url);
  // Also over a connection that has carried a mail before.
  expect(await one.perform()).toEqual({ kind: "done" });
  server.fate = () => "broken";
  expect(await one.perform()).toMatchObject({ kind: "unknown" });
  expect(await one.perform()).toMatchObject({ kind: "unknown" });
  // As long as a pool would wait before it tries again.
  await Bun.sleep(300);
  expect(server.mails).toHaveLength(3);
});

test("a mail whose connection breaks before it is begun is tried again", async () => {
  await using server = await mailServer();
  using one = sender(server.url);
  expect(await one.perform()).toEqual({ kind: "done" });
  server.cut();
  expect(await one.perform()).toMatchObject({ kind: expect.stringMatching(/^(retry|done)$/) });
  const port = new URL(server.url).port;
  await server[Symbol.asyncDispose]();
  using nobody = sender(`smtp://127.0.0.1:${port}`);
  expect(await nobody.perform()).toMatchObject({ kind: "retry" });
});

test("the connection is made to the address that was judged, under the name of the certificate", async () => {
  await using server = await mailServer();
  const { port } = new URL(server.url);
  const asked: string[] = [];
  const toServer = (host: string) => {
    asked.push(host);
    return Promise.resolve({ kind: "address", address: "127.0.0.1" } as const);
  };
  using one = sender(`smtp://mail.shop.example:${port}`, toServer);
  expect(await one.perform()).toEqual({ kind: "done" });
  expect(asked).toEqual(["mail.shop.example"]);
  using refused = sender(server.url, () =>
    Promise.resolve({ kind: "refused", why: "the address is refused" }),
  );
  expect(await refused.perform()).toEqual({ kind: "retry", reason: "the address is refused" });
  expect(server.mails).toHaveLength(1);
});

test("TLS from the start is spoken over that connection, and the certificate is checked", async () => {
  await using server = await mailServer({ secure: true });
  const { port } = new URL(server.url);
  const toServer = () => Promise.resolve({ kind: "address", address: "127.0.0.1" } as const);
  using one = sender(`smtps://mail.shop.example:${port}`, toServer);
  expect(await one.perform()).toEqual({
    kind: "retry",
    reason: expect.stringMatching(/self.signed|certificate|altnames/i),
  });
  expect(server.mails).toHaveLength(0);
});

test("a mail is signed by DKIM, so that a receiver sees that nobody changed it", async () => {
  await using server = await mailServer();
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2_048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const settings = smtp.settings.parse({
    url: server.url,
    requireTls: false,
    from: "shop@shop.example",
    dkim: { domain: "shop.example", selector: "s1", privateKey },
  });
  const opened = smtp.open(settings, { nowMs: () => 0, fetch: () => Promise.reject(new Error("no")), reach });
  const way = opened.send?.way;
  if (way?.kind !== "own") throw new Error("mail has a way of its own");
  const html = `<p>Grüße, ${"a long line ".repeat(20)}</p>`;
  const row = {
    profileId: "prf_1",
    key: {},
    id: "m1",
    email: "ann@shop.example",
    message: { ...message, html },
  };
  expect(await way.perform([row], new AbortController().signal)).toEqual({ kind: "done" });
  opened.close?.();
  const raw = server.mails[0]?.raw ?? "";
  const { tags, holds } = dkimOf(raw, publicKey);
  expect([tags.get("d"), tags.get("s"), tags.get("a")]).toEqual(["shop.example", "s1", "rsa-sha256"]);
  expect(tags.get("h")?.toLowerCase().split(":")).toEqual(expect.arrayContaining(["from", "to", "subject"]));
  expect(holds).toBe(true);
  expect(dkimOf(raw.replace("Subject: Hi", "Subject: Ho"), publicKey).holds).toBe(false);
  expect(dkimOf(raw.replace("a long line", "a short line"), publicKey).holds).toBe(false);
});
