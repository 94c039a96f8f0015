/** The cart mail, whole: a segment comes true by itself, and a real mail server receives what the preview shows. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { mailServer, type MailServer } from "../support/mailServer.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const block = `---
needs:
  firstName: { default: there }
  cart: {}
fallback: <p>Hello.</p>
---
<p>Hi {{ firstName }}, {{ cart.items[0].name }} is waiting for you.</p>`;

function configText(mail: MailServer, more = ""): string {
  return `version: 1
use: [{ ecommerce: { currency: EUR } }]
content: { folder: ./content }
consent: { transactional: [orders], defaults: { email.marketing: opt-out } }
segments:
  cart-left:
    all:
      - { trait: cart.count, atLeast: 1 }
      - { trait: cart.updatedAt, olderThan: 1s }
destinations:
  mail: { type: smtp, url: "${mail.url}", requireTls: false, from: "Shop <hello@shop.example>", unsubscribe: "https://shop.example/u?p={profileId}&t={topic}", privateNetwork: true }
triggers:
  cart-mail:
    when: { enters: cart-left }
    send: { block: cart, through: mail, subject: "{{ firstName }}, your cart", topic: marketing }
    limits: { oncePer: 7d, maxLate: 1h }
    goal: { event: Order Completed, within: 3d }
  order-mail:
    when: { event: Order Completed, where: { total: { atLeast: 50 } } }
    send: { block: thanks, through: mail, subject: "Thank you", topic: orders }
${more}`;
}

function setUp(folder: TempFolder, mail: MailServer, more = ""): { data: string; args: string[] } {
  mkdirSync(folder.at("content"));
  writeFileSync(folder.at("content/cart.liquid"), block);
  writeFileSync(
    folder.at("content/thanks.liquid"),
    "---\nneeds: [firstName]\nfallback: <p>Thanks.</p>\n---\n<p>Thanks, {{ firstName }}</p>",
  );
  writeFileSync(folder.at("freshet.yaml"), configText(mail, more));
  return { data: folder.at("data"), args: ["--config", folder.at("freshet.yaml")] };
}

async function fillCart(server: TestServer, userId: string, traits: object = {}): Promise<void> {
  const email = `${userId}@example.com`;
  await server.post("/v1/identify", { userId, traits: { firstName: userId, email, ...traits } });
  const properties = { product_id: "P7", name: "Trail shoe", price: 84, quantity: 1 };
  await server.post("/v1/track", { userId, event: "Product Added", properties });
}

async function logOf(
  data: string,
  id: string,
): Promise<{ trigger: string; outcome: string; reason: string | null }[]> {
  const ran = await freshet(["triggers", "log", "--for", id, "--json", "--data", data]);
  expect([ran.code, ran.stderr]).toEqual([0, ""]);
  return JSON.parse(ran.stdout) as { trigger: string; outcome: string; reason: string | null }[];
}

describe("a trigger", () => {
  test("sends what the preview shows, once, though the server is killed", async () => {
    using folder = tempFolder();
    await using mail = await mailServer();
    const { data, args } = setUp(folder, mail);
    let preview = "";
    {
      await using server = await startServer({ data, args });
      await fillCart(server, "ann");
      await until("it is sent", () => mail.mails.length === 1);
      preview = (await freshet(["preview", "cart", "--as", "user_id:ann", "--data", data])).stdout.trim();
      await until("it is settled", async () => (await logOf(data, "user_id:ann"))[0]?.outcome === "sent");
      // In and out again within a week: once.
      await server.post("/v1/track", { userId: "ann", event: "Cart Emptied" });
      await fillCart(server, "ann");
      await server.kill();
    }
    const [got] = mail.mails;
    expect(got).toMatchObject({ to: "ann@example.com", subject: "ann, your cart" });
    expect(got?.html.trim()).toBe(preview);
    expect(got?.text).toContain("Hi ann, Trail shoe is waiting for you.");
    expect(got?.raw).toMatch(/^List-Unsubscribe: <https:\/\/shop\.example\/u\?p=prf_\w+&t=marketing>/m);
    expect(got?.raw).toContain("List-Unsubscribe-Post: List-Unsubscribe=One-Click");
    await using server = await startServer({ data, args });
    // What fell due while nobody was there is told late, not twice.
    await fillCart(server, "bob");
    await until("the other's is sent", () => mail.mails.length === 2);
    expect(mail.mails.map(({ to }) => to)).toEqual(["ann@example.com", "bob@example.com"]);
    const [entry] = await logOf(data, "user_id:ann");
    expect(entry?.trigger).toBe("cart-mail");
    const list = await freshet(["triggers", "list", "--data", data]);
    expect(list.stdout).toContain("cart-mail: who enters cart-left: cart through mail");
    const receipts = await server.get("/v1/receipts?id=user_id:ann");
    expect(await receipts.text()).toContain('"caller":"trigger:cart-mail"');
  }, 60_000);

  test("sends after a start what waited before it, though other destinations are still being opened", async () => {
    using folder = tempFolder();
    await using mail = await mailServer();
    const { data, args } = setUp(folder, mail);
    const others = [1, 2, 3, 4].map(
      (at) => `  other${at}: { type: http, url: "http://127.0.0.1:9/${at}", privateNetwork: true }\n`,
    );
    const config = folder.at("freshet.yaml");
    const text = readFileSync(config, "utf8");
    writeFileSync(config, text.replace("triggers:\n", `${others.join("")}triggers:\n`));
    let refused = 0;
    mail.fate = () => {
      refused += 1;
      return "refused";
    };
    {
      await using server = await startServer({ data, args });
      await server.post("/v1/identify", {
        userId: "ed",
        traits: { firstName: "Ed", email: "ed@example.com" },
      });
      await server.post("/v1/track", { userId: "ed", event: "Order Completed", properties: { total: 80 } });
      await until("it is put off", () => refused > 0);
      await server.stop();
    }
    mail.fate = () => "taken";
    // By then it is due at once.
    await Bun.sleep(2_100);
    await using _server = await startServer({ data, args });
    await until("it is settled", async () => (await logOf(data, "user_id:ed"))[0]?.outcome !== "queued");
    expect(await logOf(data, "user_id:ed")).toMatchObject([{ outcome: "sent", reason: null }]);
  }, 60_000);

  test("asks again at the moment of sending: consent, membership, conditions, and who was erased", async () => {
    using folder = tempFolder();
    await using mail = await mailServer();
    const { data, args } = setUp(folder, mail);
    await using server = await startServer({ data, args });
    const secret = { Authorization: `Bearer ${server.secretKey}` };
    await server.post(
      "/v1/track",
      { userId: "cy", event: "Unsubscribed", properties: { email: "cy@example.com" } },
      secret,
    );
    await fillCart(server, "cy");
    const order = (userId: string, total: number) =>
      server.post("/v1/track", { userId, event: "Order Completed", properties: { order_id: userId, total } });
    await server.post("/v1/identify", { userId: "di", traits: { firstName: "Di", email: "di@example.com" } });
    await order("di", 20);
    await server.post("/v1/identify", { userId: "ed", traits: { firstName: "Ed", email: "ed@example.com" } });
    await order("ed", 80);
    await until("the order's mail is there", () => mail.mails.length === 1);
    expect(mail.mails[0]).toMatchObject({ to: "ed@example.com", subject: "Thank you" });
    await until("who said no gets nothing", async () =>
      (await logOf(data, "user_id:cy")).some(({ outcome }) => outcome === "skipped"),
    );
    const [told] = await logOf(data, "user_id:cy");
    expect([told?.trigger, told?.reason]).toEqual([
      "cart-mail",
      expect.stringMatching(/unsubscribed|consent/),
    ]);
    expect(await logOf(data, "user_id:di")).toEqual([]);
    expect((await freshet(["erase", "user_id:ed", "--data", data])).code).toBe(0);
    const left = await freshet(["triggers", "log", "order-mail", "--json", "--data", data]);
    expect(JSON.parse(left.stdout)).toEqual([]);
    expect(mail.mails).toHaveLength(1);
  }, 60_000);

  test("is refused with its place where it names what is not there", async () => {
    using folder = tempFolder();
    await using mail = await mailServer();
    const { data, args } = setUp(
      folder,
      mail,
      `  wrong: { when: { enters: cart-lift }, send: { block: cart, through: mial, topic: x } }\n`,
    );
    const ran = await freshet(["config", "check", ...args]);
    expect(ran.code).toBe(2);
    expect(ran.stderr + ran.stdout).toMatch(
      /triggers\.wrong\.when\.enters: there is no segment cart-lift; did you mean cart-left/,
    );
    expect(ran.stderr + ran.stdout).toMatch(
      /triggers\.wrong\.send\.through: there is no destination mial; did you mean mail/,
    );
    expect(data).toBeTruthy();
  });
});

describe("a mail server", () => {
  test("that refuses for now is tried again with the same Message-ID, one that refuses for good is not", async () => {
    using folder = tempFolder();
    await using mail = await mailServer();
    const { data, args } = setUp(folder, mail);
    await using server = await startServer({ data, args });
    mail.refusals.push({ code: 451, message: "try again later" });
    await server.post("/v1/identify", { userId: "ed", traits: { firstName: "Ed", email: "ed@example.com" } });
    await server.post("/v1/track", { userId: "ed", event: "Order Completed", properties: { total: 80 } });
    await until("it is taken at last", () => mail.mails.length === 1);
    expect(mail.mails[0]?.messageId).toMatch(/^<[0-9a-f]{40}@shop\.example>$/);
    mail.refusals.push({ code: 550, message: "no such mailbox" });
    await server.post("/v1/identify", { userId: "fy", traits: { firstName: "Fy", email: "fy@example.com" } });
    await server.post("/v1/track", { userId: "fy", event: "Order Completed", properties: { total: 80 } });
    await until("it is given up", async () => (await logOf(data, "user_id:fy"))[0]?.outcome === "dead");
    expect(mail.mails).toHaveLength(1);
  }, 60_000);
});
