// `bun scripts/screenshots.ts [folder] [--every]`: takes the pictures of the demo and of the admin page that README and docs show
// (docs/images/), with a server and a Chromium of its own. Look at them before you commit them. With --every and a folder of
// its own: every place of the admin page, light, dark and narrow.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { startBrowser, viewports, type PageOptions } from "../test/support/browser.ts";

const root = join(import.meta.dir, "..");
const given = process.argv.slice(2);
const isEvery = given.includes("--every");
const pictures = given.find((flag) => !flag.startsWith("--")) ?? join(root, "docs", "images");

/** A bare container has no locale, and dates need one. */
const locale = "en-GB";

/** Each picture of the demo: name of its file, and how the page is looked at. */
const demoViews: readonly (readonly [name: string, options: PageOptions])[] = [
  ["demo-light", { colorScheme: "light", viewport: { width: 1280, height: 1300 } }],
  ["demo-dark", { colorScheme: "dark", viewport: { width: 1280, height: 1300 } }],
  ["demo-narrow", { colorScheme: "light", viewport: { ...viewports.narrow, height: 1500 } }],
];

/** Each picture of the admin page: name of its file, place in the page, what must be there, how it is looked at. */
const adminViews: readonly (readonly [name: string, place: string, sign: string, options: PageOptions])[] = [
  [
    "admin-river",
    "river",
    ".chart canvas",
    { colorScheme: "light", viewport: { width: 1280, height: 1100 } },
  ],
  [
    "admin-profile",
    "profiles/email%3Aann%40example.com",
    "text=ann@example.com",
    { colorScheme: "light", viewport: { width: 1280, height: 1100 } },
  ],
  [
    "admin-segment",
    "segments/left-behind/live/email%3Aann%40example.com",
    ".explained",
    { colorScheme: "light", viewport: { width: 1280, height: 900 } },
  ],
  [
    "admin-definitions",
    "definitions",
    "textarea",
    { colorScheme: "light", viewport: { width: 1280, height: 1100 } },
  ],
  [
    "admin-plan",
    "plan",
    '[aria-label="Violations"] tbody tr',
    { colorScheme: "light", viewport: { width: 1280, height: 700 } },
  ],
  [
    "admin-content",
    "content/left-behind",
    "iframe",
    { colorScheme: "light", viewport: { width: 1280, height: 1300 } },
  ],
  [
    "admin-preflight",
    "content/left-behind",
    "iframe",
    { colorScheme: "light", viewport: { width: 1280, height: 1100 } },
  ],
  [
    "admin-destination",
    "destinations/mailbox",
    "h2",
    { colorScheme: "light", viewport: { width: 1280, height: 1100 } },
  ],
  [
    "admin-trigger",
    "triggers/cart-mail",
    "tbody tr",
    { colorScheme: "light", viewport: { width: 1280, height: 1000 } },
  ],
];

/** What is done before a picture is taken, by its name. */
const acts: Readonly<Record<string, (page: Page) => Promise<void>>> = {
  "admin-content": async (page) => {
    await page.getByRole("textbox", { name: "Identifier" }).fill("ann@example.com");
    await page.getByText("Served from").waitFor();
    await page.waitForSelector('[aria-label="Values"] tbody tr');
  },
  "admin-preflight": async (page) => {
    await page.getByRole("button", { name: "Render for all of them" }).click();
    await page.waitForSelector('[aria-label="By level"] tbody tr', { timeout: 60_000 });
    await page.locator("#preflight").scrollIntoViewIfNeeded();
    await page.evaluate('document.getElementById("preflight").scrollIntoView()');
  },
  "admin-definitions": async (page) => {
    const editor = page.locator('textarea[aria-label="freshet.yaml"]');
    const text = await editor.inputValue();
    await editor.fill(text.replace("segments:\n", "segments:\n  lookers: { trait: views24h, atLeast: 1 }\n"));
    await page.click("text=What would it do?");
    await page.waitForSelector('[aria-label="Segments that would change"]', { timeout: 120_000 });
    await editor.press("Control+Home");
  },
};

/** A plan that the simulated shoppers break now and then. */
const planned = {
  event: "Product Viewed",
  version: 1,
  schema: { type: "object", required: ["product_id", "position"], properties: { price: { type: "number" } } },
};

/** Where there is something to see, and what must be there. */
const places: readonly (readonly [name: string, place: string, sign: string])[] = [
  ["river", "river", ".chart canvas"],
  ["profiles", "profiles", "tbody tr"],
  ["profile", "profiles/email%3Aann%40example.com", "text=ann@example.com"],
  ["segments", "segments", "tbody tr"],
  ["segment", "segments/left-behind/live/email%3Aann%40example.com", ".explained"],
  ["definitions", "definitions", "textarea"],
  ["plan", "plan", "tbody tr"],
  ["plan-event", "plan/Product%20Viewed", "textarea"],
  ["quarantine", "quarantine", "h1"],
  ["quarantine-group", "quarantine/missing_id/default", "tbody tr"],
  ["quarantine-piece", "quarantine/qrn_1", "pre"],
  ["keys", "keys", "tbody tr"],
  ["storage", "storage", "h2"],
  ["audit", "audit", "tbody tr"],
  ["content", "content/left-behind", "iframe"],
  ["destinations", "destinations", "h1"],
  ["triggers", "triggers", "h2"],
];
const looks: readonly (readonly [name: string, options: PageOptions])[] = [
  ["light", { colorScheme: "light", viewport: { width: 1280, height: 1100 } }],
  ["dark", { colorScheme: "dark", viewport: { width: 1280, height: 1100 } }],
  ["narrow", { colorScheme: "light", viewport: { ...viewports.narrow, height: 1500 } }],
];
const everyView = places.flatMap(([name, place, sign]) =>
  looks.map(([look, options]) => [`${name}-${look}`, place, sign, options] as const),
);

/** What a page needs to show what it has asked for. */
const settleMs = 2_500;
/** Charts need a history; carts are left behind after 30 s, and audiences are sampled once a minute. */
const historyMs = 95_000;

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "freshet-pictures-"));
  // The demo's own configuration, as a file that can be edited, with a plan beside it.
  const config = join(folder, "freshet.yaml");
  mkdirSync(join(folder, "plan"));
  writeFileSync(join(folder, "plan", "product-viewed.json"), JSON.stringify(planned));
  const own = readFileSync(join(root, "public/demo/freshet.yaml"), "utf8");
  writeFileSync(config, own.replace("version: 1\n", "version: 1\ntrackingPlan: ./plan\n"));
  const command = [
    "--no-env-file",
    join(root, "src/main.ts"),
    "demo",
    "--config",
    config,
    "--port",
    "0",
    "--data",
    join(folder, "data"),
  ];
  const server = Bun.spawn([process.execPath, ...command], { stdout: "pipe", stderr: "inherit" });
  try {
    const { origin, writeKey, secretKey } = await greeting(server.stdout);
    await using _others = simulate(origin, writeKey);
    if (isEvery) await refuseOne(origin, writeKey);
    mkdirSync(pictures, { recursive: true });
    await using browser = await startBrowser();
    const startedMs = Date.now();
    // The mailbox is that of whoever shopped in the same browser.
    await using mails = await browser.open(`${origin}/demo`, {
      locale,
      colorScheme: "light",
      viewport: { width: 1000, height: 900 },
    });
    await shop(mails.page);
    for (const [name, options] of demoViews) {
      await using opened = await browser.open(`${origin}/demo`, { locale, ...options });
      await shop(opened.page);
      await opened.screenshot(join(pictures, `${name}.png`));
    }
    await Bun.sleep(Math.max(0, startedMs + historyMs - Date.now()));
    await mails.page.goto(`${origin}/demo/mailbox`);
    await mails.page.waitForTimeout(settleMs);
    await mails.screenshot(join(pictures, "demo-mailbox.png"));
    for (const [name, place, sign, options] of isEvery ? everyView : adminViews) {
      await using opened = await browser.open(`${origin}/admin`, { locale, ...options });
      await signIn(opened.page, secretKey);
      await opened.page.goto(`${origin}/admin#/${place}`);
      await opened.page.waitForSelector(sign);
      await acts[name]?.(opened.page);
      await opened.page.waitForTimeout(settleMs);
      await opened.screenshot(join(pictures, `${name}.png`));
    }
  } finally {
    server.kill("SIGTERM");
    await server.exited;
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An event that names nobody, for the quarantine. */
async function refuseOne(origin: string, writeKey: string): Promise<void> {
  const headers = { "X-Write-Key": writeKey };
  await fetch(`${origin}/v1/track`, { method: "POST", headers, body: '{"event":"Product Viewed"}' });
}

/** Other people in the shop, so that the river flows. */
function simulate(origin: string, writeKey: string): Bun.Subprocess {
  const flags = ["simulate", "--url", origin, "--write-key", writeKey, "--rate", "40", "--seed", "1"];
  const command = ["--no-env-file", join(root, "src/main.ts"), ...flags];
  return Bun.spawn([process.execPath, ...command], { stdout: "ignore", stderr: "ignore" });
}

/** What the pictures show somebody do. */
async function shop(page: Page): Promise<void> {
  await page.getByText("live", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Look at Ember lantern" }).click();
  await page.getByRole("button", { name: "Look at Lean-to tent" }).click();
  await page.getByRole("button", { name: "Look at Beck boot" }).click();
  await page.getByLabel("First name").fill("Ann");
  await page.getByLabel("E-mail (any").fill("ann@example.com");
  await page.getByRole("button", { name: "Sign up" }).click();
  await page.getByRole("button", { name: "Add Beck boot" }).click();
  await page.getByRole("button", { name: "Add Enamel mug" }).click();
  await page.getByRole("button", { name: "Add Enamel mug" }).click();
  await page.locator("#letter").getByText("× 2").waitFor();
  // Drops need a while to get under way, and marks to fade.
  await page.waitForTimeout(1_700);
}

async function signIn(page: Page, secretKey: string): Promise<void> {
  await page.fill("#key", secretKey);
  await page.keyboard.press("Enter");
  await page.waitForSelector("nav");
}

interface Greeting {
  readonly origin: string;
  readonly writeKey: string;
  readonly secretKey: string;
}

async function greeting(stdout: ReadableStream<Uint8Array>): Promise<Greeting> {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of stdout) {
    text += decoder.decode(chunk, { stream: true });
    const origin = /Open the demo: +(http:\/\/[^\s/]+)/.exec(text)?.[1];
    const writeKey = /\bwk_\w+/.exec(text)?.[0];
    const secretKey = /\bsk_\w+/.exec(text)?.[0];
    if (origin !== undefined && writeKey !== undefined && secretKey !== undefined)
      return { origin, writeKey, secretKey };
  }
  throw new Error(`the demo did not start\n${text}`);
}

await main();
