/** What the admin page shows of content: a block beside its e-mail, what a send would be, what was sent. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { ContentPreviewAnswer } from "../../src/admin/api/contentWire.ts";
import { startBrowser, viewports, type PageOptions, type TestBrowser } from "../support/browser.ts";
import { mailServer, type MailServer } from "../support/mailServer.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";
import { adminClient, type AdminClient } from "./api/adminClient.ts";

const startMs = 60_000;
const testMs = 60_000;
const block = `---
needs:
  firstName: { default: there }
  cart: { maxAge: 1h }
fallback: <p>See what is new.</p>
fallbackBySegment: { pros: <p>New for professionals.</p> }
---
<style>p { font-family: sans-serif }</style>
<p style="color: #123456">Hi {{ firstName }}, your cart:</p>
<ul>{% for item in cart.items %}<li><a href="https://shop.example/{{ item.product_id }}">{{ item.name }}</a></li>{% endfor %}</ul>
`;

let server: TestServer;
let browser: TestBrowser;
let admin: AdminClient;
let mailbox: MailServer;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  const folder = opened.use(tempFolder());
  mailbox = opened.use(await mailServer());
  mkdirSync(folder.at("content"));
  writeFileSync(folder.at("content/cart-reminder.liquid"), block);
  writeFileSync(folder.at("content/broken.liquid"), block.replace("endfor", "endfr"));
  writeFileSync(
    folder.at("freshet.yaml"),
    `version: 1
use: [{ ecommerce: { currency: EUR } }]
content: { folder: ./content, linkHosts: [shop.example] }
segments:
  pros: { trait: plan, is: pro }
destinations:
  mail: { type: smtp, url: "${mailbox.url}", requireTls: false, from: hello@shop.example, privateNetwork: true }
`,
  );
  server = opened.use(await startServer({ args: ["--config", folder.at("freshet.yaml")] }));
  browser = opened.use(await startBrowser());
  await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann <b>", plan: "pro" } });
  const properties = { product_id: "P7", name: "Trail shoe", price: 84, quantity: 1 };
  await server.post("/v1/track", { userId: "42", event: "Product Added", properties });
  await server.get("/v1/content/cart-reminder?id=user_id:42");
  await server.post("/v1/identify", { userId: "7", traits: { firstName: "Cy" } });
  admin = await adminClient(server);
}, startMs);
afterAll(() => opened.disposeAsync());

async function previewed(body: object): Promise<ContentPreviewAnswer> {
  const answer = await admin.send("POST", "content/preview", { block: "cart-reminder", ...body });
  expect(answer.status).toBe(200);
  return (await answer.json()) as ContentPreviewAnswer;
}

test("a preview shows the level that is asked for, and marks where values stand", async () => {
  const html = async (body: object) => {
    const answer = await previewed(body);
    return answer.kind === "shown" ? answer.preview.html : answer.problem;
  };
  expect(await html({ id: "42" })).toContain("Hi Ann &lt;b&gt;, your cart");
  expect(await html({ id: "42", level: { kind: "unknown" } })).toBe("<p>See what is new.</p>");
  expect(await html({ level: { kind: "nothingKnown", segment: "pros" } })).toBe(
    "<p>New for professionals.</p>",
  );
  expect(await html({ id: "nobody" })).toBe("<p>See what is new.</p>");
  expect(await html({ id: "42", draft: block.replace("Hi", "Dear") })).toContain("Dear Ann");
  expect(await html({ id: "42", draft: block.replace("endfor", "endfr") })).toMatch(/^line 10, column/);
  const answer = await previewed({ id: "42" });
  if (answer.kind !== "shown") throw new Error(answer.problem);
  expect(answer.preview.values.map(({ name, servedFrom, source }) => [name, servedFrom, source])).toEqual([
    ["firstName", "live", "default"],
    ["cart", "live", "default"],
  ]);
  const frame = await admin.send("GET", answer.markedFrame);
  expect(frame.headers.get("content-security-policy")).toStartWith("sandbox; default-src 'none'");
  const marked = await frame.text();
  expect(marked).toMatch(/<mark data-trait="firstName" title="firstName: live, \d+ s old, from default">/);
  expect(marked).toContain('<a href="https://shop.example/P7"><mark data-trait="cart"');
  expect((await server.get(`/admin/api/${answer.frame}`, {})).status).toBe(401);
  expect((await admin.send("GET", "content/frame?name=none")).status).toBe(404);
});

test.each<[string, PageOptions]>([
  ["light", { colorScheme: "light" }],
  ["narrow and dark", { viewport: viewports.narrow, colorScheme: "dark" }],
])(
  "on the page, %s: template and e-mail side by side, a preflight, what was sent; axe finds nothing",
  async (name, options) => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale: "en-GB", ...options });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    await page.waitForSelector("nav");
    await page.goto(`${server.origin}/admin#/content`);
    await page.waitForSelector('tr:has-text("broken"):has-text("not serving")');
    const isSound = async () => {
      expect(await tab.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    };
    await isSound();
    await page.click("text=cart-reminder");
    await page.fill('fieldset:has-text("For whom") input >> nth=0', "user_id:42");
    const mail = page.frameLocator("iframe.mail");
    await mail.locator('mark[data-trait="firstName"]:has-text("Ann <b>")').waitFor();
    const color = await mail
      .locator("p")
      .first()
      .evaluate("getComputedStyle(document.querySelector('p')).color");
    expect(color).toBe("rgb(18, 52, 86)");
    await page.waitForSelector('[aria-label="Values"] tr:has-text("cart"):has-text("live")');
    await page.fill("textarea", block.replace("Hi {{", "Dear {{"));
    await mail.locator("text=Dear Ann").waitFor();
    await page.fill("textarea", block.replace("{% endfor %}", ""));
    await page.waitForSelector('[role=alert]:has-text("can\'t be used")');
    await page.click("text=Back to the file");
    await mail.locator("text=Hi Ann").waitFor();
    await server.post("/v1/identify", { userId: "42", traits: { firstName: `Ann <b> ${name}` } });
    await mail.locator(`mark:has-text("Ann <b> ${name}")`).waitFor();
    await page.fill("input[type=email]", `${name.replaceAll(" ", "-")}@example.com`);
    await page.click("text=Send the test");
    await page.waitForSelector("text=look into the mailbox");
    expect(mailbox.mails.at(-1)).toMatchObject({
      to: `${name.replaceAll(" ", "-")}@example.com`,
      subject: "[Test] How it looks",
    });
    expect(mailbox.mails.at(-1)?.html).toContain(`Ann &lt;b&gt; ${name}`);
    await page.click("text=Compare with another");
    await page.selectOption('fieldset:has-text("Compared with") select >> nth=0', "unknown");
    await page.frameLocator("iframe.mail >> nth=1").locator("text=See what is new").waitFor();
    await page.waitForSelector(
      '[aria-label="The other e-mail against this one"] .added:has-text("See what is new")',
    );
    await isSound();
    await page.click("text=Render for all of them");
    await page.waitForSelector('[role=status]:has-text("would get the block itself")');
    await page.waitForSelector('[aria-label="By level"] tr:has-text("Live")');
    await page.waitForSelector('[aria-label="By reason"] tr:has-text("Trait missing")');
    await page.waitForSelector('[aria-label="Where values come from"] tr:has-text("cart")');
    await page.waitForSelector('[aria-label="The worst"] td:has-text("Trait missing: gets the fallback")');
    await page.waitForSelector('[aria-label="Ages"] tr:has-text("firstName")');
    await page.waitForSelector('[aria-label="Samples"] tr:has-text("Fallback")');
    await page.click('[aria-label="Samples"] tr:has-text("Live") button');
    await page.frameLocator("section:has(> #samples) iframe").locator("text=Trail shoe").waitFor();
    await until("the receipt is there", async () => (await page.locator("text=Show rcp_").count()) > 0);
    await page.click("text=Show rcp_ >> nth=0");
    await page.waitForSelector("text=the same to the letter");
    await isSound();
    expect(tab.cspViolations).toEqual([]);
    expect(tab.errors).toEqual([]);
    expect(tab.requested.filter((url) => !url.startsWith(server.origin))).toEqual([]);
  },
  testMs,
);

test(
  "what an e-mail service takes for a block is there to be copied, with its rules, and without a key",
  async () => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale: "en-GB" });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    await page.waitForSelector("nav");
    await page.goto(`${server.origin}/admin#/content/cart-reminder`);
    const service = page.locator("section:has(> #esp) select");
    for (const [esp, words] of [
      ["braze", "{% connected_content"],
      ["sfmc", "HTTPGET(@freshetUrl"],
      ["mailchimp", "*|END:IF|*"],
    ] as const) {
      await service.selectOption(esp);
      await page.waitForSelector(`section.snippet pre:has-text("${words}")`);
    }
    await service.selectOption("braze");
    const code = page.locator('section.snippet[aria-label="Message"] pre');
    await code.waitFor();
    expect(await code.innerText()).toContain(`${server.origin}/v1/content/cart-reminder?id=user_id:`);
    expect(await code.innerText()).toContain("<p>See what is new.</p>");
    await page.click("summary:has-text('rules by which it asks')");
    await page.waitForSelector('li:has-text("port 80"):has-text("braze.com/docs")');
    expect(await page.content()).not.toContain(server.secretKey);
    await page.click('section.snippet[aria-label="Message"] button');
    await page.waitForSelector('section.snippet[aria-label="Message"] [role=status]:not(:empty)');
    expect(await tab.axe()).toEqual([]);
    expect(tab.cspViolations).toEqual([]);
    const answer = async (query: string) => (await admin.send("GET", `content/snippet?${query}`)).status;
    expect(await answer("block=cart-reminder&esp=braze&url=https://mail.shop.example")).toBe(200);
    expect(await answer("block=none&esp=braze")).toBe(404);
    expect(await answer("block=cart-reminder&esp=nobody")).toBe(400);
    expect(await answer("block=cart-reminder&esp=braze&url=javascript:alert(1)")).toBe(400);
  },
  testMs,
);
