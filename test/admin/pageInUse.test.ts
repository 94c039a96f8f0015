/** The admin page when something is wrong, and for whoever has no mouse; the docs page beside it. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { startBrowser, viewports, type PageOptions, type TestBrowser } from "../support/browser.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const startMs = 60_000;
const testMs = 60_000;
const locale = "en-GB";
/** Nobody listens there. */
const deadStream = "http://127.0.0.1:1/<img src=x>";

let server: TestServer;
let browser: TestBrowser;
const told: string[] = [];
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  const folder = opened.use(tempFolder());
  const hook = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      told.push(((await request.json()) as { readonly kind: string }).kind);
      return new Response(null, { status: 204 });
    },
  });
  opened.defer(() => hook.stop(true));
  const config = folder.at("freshet.yaml");
  writeFileSync(
    config,
    `version: 1
sources:
  prices: { trust: server, follow: ${JSON.stringify(deadStream)} }
alerts: { webhook: "http://127.0.0.1:${hook.port}/", raiseAfter: 0s }
`,
  );
  server = opened.use(await startServer({ args: ["--config", config] }));
  browser = opened.use(await startBrowser());
  await server.post("/v1/identify", { userId: "42", messageId: "m-1", traits: { firstName: "Ann" } });
}, startMs);
afterAll(() => opened.disposeAsync());

test(
  "a raised alert and a stream that can't be followed are said on the page, and the test alert arrives",
  async () => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    const sentence = "The stream of prices can't be followed";
    await page.waitForSelector(`[aria-label="State of the river"] li.wrong:has-text("${sentence}")`);
    await page.waitForSelector(`[aria-label="Alerts"] tr:has-text("${sentence}") >> text=not yet`);
    await page.waitForSelector('[aria-label="Followed streams"] tr:has-text("ECONNREFUSED")');
    await page.click("text=Send a test alert");
    await page.waitForSelector('[role=status]:has-text("The webhook answered 204.")');
    expect(told).toContain("test");
    expect(await tab.axe()).toEqual([]);
    expect(tab.cspViolations).toEqual([]);
    expect(tab.errors).toEqual([]);
  },
  testMs,
);

test(
  "from signing in to the event that set a trait, and out again, by keyboard alone",
  async () => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale });
    const { keyboard } = tab.page;
    const focused = () =>
      tab.page.evaluate<string>(
        "document.activeElement.name || document.activeElement.innerText || document.activeElement.tagName",
      );
    const tabTo = async (name: string) => {
      for (let presses = 0; presses < 40; presses += 1) {
        if ((await focused()) === name) return;
        await keyboard.press("Tab");
      }
      throw new Error(`the keyboard does not get to ${name}`);
    };
    await tab.page.waitForSelector("#key");
    await tabTo("key");
    await keyboard.type(server.secretKey);
    await keyboard.press("Enter");
    await tab.page.waitForSelector("nav");
    await tabTo("Profiles");
    await keyboard.press("Enter");
    await tab.page.waitForSelector('h1:has-text("Profiles")');
    await tabTo("id");
    await keyboard.type("user_id:42");
    await keyboard.press("Enter");
    await tab.page.waitForSelector('h3:has-text("Traits")');
    await tabTo("identify");
    await keyboard.press("Enter");
    await tab.page.waitForSelector('h2:has-text("identify")');
    await tabTo("Sign out");
    await keyboard.press("Enter");
    await tab.page.waitForSelector("#key");
    expect(tab.errors).toEqual([]);
  },
  testMs,
);

test.each<[string, PageOptions]>([
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { viewport: viewports.narrow }],
])(
  "the docs page, %s: axe finds nothing, nothing stands out, nothing comes from elsewhere",
  async (_name, options) => {
    await using tab = await browser.open(`${server.origin}/docs`, { locale, ...options });
    expect(await tab.axe()).toEqual([]);
    expect(await tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    expect(tab.cspViolations).toEqual([]);
    expect(tab.requested.filter((url) => !url.startsWith(server.origin))).toEqual([]);
  },
  testMs,
);
