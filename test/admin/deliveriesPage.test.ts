/** What the admin page shows of destinations and triggers, and what may be done with them. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type {
  DestinationActAnswer,
  DestinationAnswer,
  LettersAnswer,
  ProfileDeliveriesAnswer,
} from "../../src/admin/api/deliveryWire.ts";
import { startBrowser, viewports, type PageOptions, type TestBrowser } from "../support/browser.ts";
import { Receiver } from "../support/receiver.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";
import { adminClient, type AdminClient } from "./api/adminClient.ts";

const startMs = 60_000;
const testMs = 60_000;

let server: TestServer;
let browser: TestBrowser;
let admin: AdminClient;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  const folder = opened.use(tempFolder());
  const receiver = new Receiver();
  const crm = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => receiver.answer(request, await request.text()),
  });
  opened.defer(() => crm.stop(true));
  mkdirSync(folder.at("content"));
  writeFileSync(
    folder.at("content/thanks.liquid"),
    "---\nneeds: [firstName]\nfallback: <p>Thanks.</p>\n---\n<p>Thanks, {{ firstName }}</p>",
  );
  writeFileSync(
    folder.at("freshet.yaml"),
    `version: 1
content: { folder: ./content }
consent: { defaults: { email.orders: opt-out } }
destinations:
  crm: { type: http, url: "http://127.0.0.1:${crm.port}/in", token: "a-long-secret-of-ours", map: { name: firstName, plan: plan }, privateNetwork: true }
  mail: { type: mailbox, folder: ${JSON.stringify(folder.at("mails"))}, from: "Shop <hello@shop.example>" }
triggers:
  order-mail:
    when: { event: Order Completed }
    send: { block: thanks, through: mail, subject: "Thank you", topic: orders }
    goal: { event: Product Reviewed, within: 3d }
`,
  );
  server = opened.use(await startServer({ args: ["--config", folder.at("freshet.yaml")] }));
  browser = opened.use(await startBrowser());
  admin = await adminClient(server);
  const identify = (userId: string, plan: string, email?: string) =>
    server.post("/v1/identify", { userId, traits: { firstName: userId, plan, email } });
  await identify("ann", "pro", "ann@example.com");
  await identify("bob", "poison");
  for (const userId of ["ann", "bob"])
    await server.post("/v1/track", { userId, event: "Order Completed", properties: { order_id: userId } });
  await until("all is sent, or is a dead letter", async () => {
    const { log } = await admin.get<ProfileDeliveriesAnswer>("profile/deliveries?id=ann");
    const { destination } = await admin.get<DestinationAnswer>("destination?name=crm");
    return log[0]?.outcome === "sent" && destination.deadLetters === 1 && destination.acknowledged > 0;
  });
}, startMs);
afterAll(() => opened.disposeAsync());

async function letters(): Promise<LettersAnswer["letters"]> {
  return (await admin.get<LettersAnswer>("destination/letters?name=crm")).letters;
}

test("the API tells latency over time, dead letters without secrets, and why somebody got nothing", async () => {
  const { destination, history } = await admin.get<DestinationAnswer>("destination?name=crm");
  expect(destination).toMatchObject({ state: "working", deadLetters: 1 });
  expect(destination.failed).toBeGreaterThan(0);
  expect(history.reduce((sum, point) => sum + point.acknowledged, 0)).toBeGreaterThan(0);
  expect(history.some(({ p50, p99 }) => p50 !== null && p99 !== null && p99 >= p50)).toBe(true);
  const [letter] = await letters();
  expect(letter).toMatchObject({ why: "dropped", reason: "no such plan" });
  expect(letter?.request).not.toContain("a-long-secret-of-ours");
  const bob = await admin.get<ProfileDeliveriesAnswer>("profile/deliveries?id=bob");
  expect(bob.log[0]).toMatchObject({ trigger: "order-mail", outcome: "skipped", reason: "no_address" });
  expect(bob.destinations.find((one) => one.destination === "crm")?.deadLetters).toHaveLength(1);
  expect((await admin.send("GET", "destination?name=none")).status).toBe(404);
  expect((await admin.send("POST", "destination/act", { act: "burn", name: "crm" })).status).toBe(400);
  const act = { act: "pause", name: "crm" };
  expect((await admin.send("POST", "destination/act", act, { "X-CSRF-Token": "other" })).status).toBe(403);
  const none = await admin.post<DestinationActAnswer>("destination/act", { act: "pause", name: "none" });
  expect(none).toMatchObject({ kind: "problem" });
});

test.each<[string, PageOptions]>([
  ["light", { colorScheme: "light" }],
  ["narrow and dark", { viewport: viewports.narrow, colorScheme: "dark" }],
])(
  "on the page, %s: a destination is paused and resumed, a letter is sent again, a trigger tells its funnel",
  async (_name, options) => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale: "en-GB", ...options });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    await page.waitForSelector("nav");
    const isSound = async () => {
      expect(await tab.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    };
    await page.goto(`${server.origin}/admin#/destinations`);
    await page.waitForSelector('tr:has-text("crm"):has-text("working"):has-text("no such plan")');
    await isSound();
    await page.click('th a:has-text("crm")');
    await page.waitForSelector(".chart canvas");
    await page.waitForSelector('[aria-label="State"]:has-text("working")');
    await isSound();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.waitForSelector('[aria-label="State"] li.slow:has-text("paused")');
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await page.waitForSelector('[aria-label="State"] li:not(.slow):has-text("working")');
    await page.getByRole("button", { name: "Test credentials", exact: true }).click();
    await page.waitForSelector('[role=status]:has-text("Good: it answers")');
    await page.click('[aria-label="Dead letters"] summary');
    await page.getByRole("button", { name: "Send again", exact: true }).first().click();
    await page.waitForSelector('[role=status]:has-text("1 sent again.")');
    await until("it is refused again", async () => (await letters()).length === 1);
    await page.goto(`${server.origin}/admin#/triggers`);
    await page.waitForSelector('tr:has-text("not sent: has no e-mail address"):has-text("50.0 %")');
    await isSound();
    await page.click('h2 a:has-text("order-mail")');
    await page.waitForSelector('[aria-label="Trigger log"] tr:has-text("not sent: has no e-mail address")');
    await isSound();
    await page.goto(`${server.origin}/admin#/profiles/user_id%3Aann`);
    await page.waitForSelector('[aria-label="Destinations of the profile"] tr:has-text("mail")');
    await page.waitForSelector('[aria-label="Trigger log"] tr:has-text("sent")');
    await isSound();
    await page.goto(`${server.origin}/admin#/audit`);
    await page.waitForSelector('tr:has-text("Sent dead letters again"):has-text("1 of crm")');
    expect([tab.cspViolations, tab.errors]).toEqual([[], []]);
  },
  testMs,
);
