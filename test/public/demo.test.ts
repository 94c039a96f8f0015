/** The demo page in a real browser: what is clicked in the shop is read in the e-mail. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Page } from "playwright-core";
import {
  startBrowser,
  viewports,
  type PageOptions,
  type TestBrowser,
  type TestPage,
} from "../support/browser.ts";
import { startDemo, type TestDemo } from "../support/demo.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

let browser: TestBrowser;
let demo: TestDemo;
beforeAll(async () => {
  [browser, demo] = await Promise.all([startBrowser(), startDemo()]);
});
afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await demo[Symbol.asyncDispose]();
});

/** A visitor whose page is connected. */
async function visit(options?: PageOptions, at = demo): Promise<TestPage> {
  const opened = await browser.open(`${at.origin}/demo`, options);
  await isLive(opened.page);
  return opened;
}

async function isLive(page: Page): Promise<void> {
  await page.locator("#status.live").waitFor();
}

function press(page: Page, name: string): Promise<void> {
  return page.getByRole("button", { name, exact: true }).click();
}

function look(page: Page, product: string): Promise<void> {
  return page.getByRole("button", { name: `Look at ${product}` }).click();
}

/** Waits until the e-mail says so. */
async function reads(page: Page, text: string): Promise<void> {
  await page.locator("#letter").getByText(text, { exact: true }).waitFor();
}

async function signUp(page: Page, firstName: string): Promise<void> {
  await page.getByLabel("First name").fill(firstName);
  await page.getByLabel("E-mail (any will do: nothing is sent to it)").fill("ann@example.com");
  await press(page, "Sign up");
}

describe("the e-mail", () => {
  test("tells what was looked at, what is in the cart, and the name after signing up", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await reads(page, "Hello there,");
    await look(page, "Beck boot");
    await reads(page, "The Beck boot looked back at you");
    await press(page, "Add Beck boot to the cart");
    await press(page, "Add Enamel mug to the cart");
    await press(page, "Add Enamel mug to the cart");
    await reads(page, "Your Enamel mug and 2 more are waiting");
    await reads(page, "€ 174");
    await signUp(page, "Ann");
    await reads(page, "Hello Ann,");
    await reads(page, "Ann, your Enamel mug and 2 more are waiting");
    await press(page, "Remove Enamel mug");
    await reads(page, "Ann, your Beck boot is waiting");
    const aloud = page.locator("#announce");
    expect(await aloud.textContent()).toBe("The e-mail now says: Ann, your Beck boot is waiting");
    expect(visitor.errors).toEqual([]);
  });

  test("says of each value its age and how long it took from the click to the screen", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    const row = page.getByRole("row", { name: /^Recently viewed/ });
    expect(await row.textContent()).toContain("not known");
    await look(page, "Tump pack");
    await row.getByText(/^\d+ ms$/).waitFor();
    await row.getByText(/^[1-9]\d? s$/).waitFor();
    await page
      .locator("#last")
      .getByText(/^You looked at the Tump pack: [\d.]+ ms from your click/)
      .waitFor();
  });

  test("keeps ages and times of what a sign-up leaves as it was", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    const cell = (name: string, column: number) =>
      page
        .getByRole("row", { name: new RegExp(`^${name}`) })
        .getByRole("cell")
        .nth(column);
    await press(page, "Add Beck boot to the cart");
    await reads(page, "Your Beck boot is waiting");
    await cell("Cart", 1)
      .getByText(/^\d+ ms$/)
      .waitFor();
    await cell("Cart", 0)
      .getByText(/^([2-9]|\d\d) s$/)
      .waitFor();
    await signUp(page, "Ann");
    await reads(page, "Hello Ann,");
    await cell("First name", 1)
      .getByText(/^\d+ ms$/)
      .waitFor();
    expect(Number.parseInt((await cell("Cart", 0).textContent()) ?? "", 10)).toBeGreaterThan(1);
    await page
      .locator("#last")
      .getByText(/^You signed up: [\d.]+ ms from your click/)
      .waitFor();
  });

  test("is the same after a reload: it comes from the profile, and so do its ages", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await press(page, "Add Lean-to tent to the cart");
    await reads(page, "Your Lean-to tent is waiting");
    await signUp(page, "Ann");
    await reads(page, "Hello Ann,");
    await page.reload();
    await reads(page, "Ann, your Lean-to tent is waiting");
    expect(await page.locator("#cart").textContent()).toContain("1 × Lean-to tent");
    await press(page, "Add Lean-to tent to the cart");
    await reads(page, "Ann, your Lean-to tent and 1 more are waiting");
  });

  test("is another one for somebody else, who sees nothing of the first", async () => {
    await using first = await visit();
    await using second = await visit();
    await press(first.page, "Add Mizzle jacket to the cart");
    await look(second.page, "Enamel mug");
    await reads(first.page, "Your Mizzle jacket is waiting");
    await reads(second.page, "The Enamel mug looked back at you");
    expect(await second.page.locator("#letter").textContent()).not.toContain("Mizzle");
    await press(first.page, "Start over");
    await reads(first.page, "Nice to have you here");
    await look(first.page, "Ember lantern");
    await reads(first.page, "The Ember lantern looked back at you");
    expect(await first.page.locator("#letter").textContent()).not.toContain("Mizzle");
  });

  test("names what was looked at only once: what is in the cart is not looked at as well", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await look(page, "Beck boot");
    await look(page, "Enamel mug");
    await press(page, "Add Beck boot to the cart");
    await reads(page, "You also looked at:");
    expect(await page.locator("#letter .seen").innerText()).toBe("Enamel mug");
    await press(page, "Add Enamel mug to the cart");
    await reads(page, "Your Enamel mug and 1 more are waiting");
    expect(await page.locator("#letter").textContent()).not.toContain("looked at");
  });

  test("and the shop agree on the cart in every tab of a visitor, without disturbing what is typed", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    const other = await page.context().newPage();
    await other.goto(`${demo.origin}/demo`);
    await isLive(other);
    await page.getByLabel("First name").fill("An");
    await press(other, "Add Enamel mug to the cart");
    await page.locator("#cart").getByText("1 × Enamel mug").waitFor();
    await press(page, "Add Beck boot to the cart");
    await reads(other, "€ 161.50");
    await other.locator("#cart").getByText("€ 161.50").waitFor();
    await press(other, "Remove Enamel mug");
    await reads(page, "Your Beck boot is waiting");
    expect(await page.locator("#cart .total").textContent()).toBe("Total€ 149");
    expect(await page.getByLabel("First name").inputValue()).toBe("An");
  });

  test("shows what a visitor wrote as text, whatever it is", async () => {
    await using visitor = await visit();
    const name = "<img src=x onerror=document.title=1>";
    await signUp(visitor.page, name);
    await reads(visitor.page, `Hello ${name},`);
    expect(await visitor.page.locator("#letter img").count()).toBe(0);
    expect(await visitor.page.title()).toBe("Freshet: the demo");
    expect(visitor.cspViolations).toEqual([]);
  });

  test("passes over what it can't show, whoever set it", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    await press(page, "Add Enamel mug to the cart");
    await reads(page, "Your Enamel mug is waiting");
    const anonymousId = await page.evaluate<string>("freshet.anonymousId()");
    const send = async (call: string, what: object) => {
      const answer = await fetch(`${demo.origin}/v1/${call}`, {
        method: "POST",
        body: JSON.stringify({ anonymousId, ...what }),
        headers: { "X-Write-Key": demo.writeKey },
      });
      expect(answer.status).toBe(200);
    };
    await send("track", { event: "Product Added", properties: { product_id: "P1", name: 7, price: "dear" } });
    await send("track", { event: "Product Viewed", properties: { product_id: { odd: true } } });
    await send("identify", { traits: { firstName: 7 } });
    await page.locator("#cart").getByText("Empty. Add something.").waitFor();
    await reads(page, "Hello there,");
    await send("identify", { traits: { firstName: "Ann" } });
    await reads(page, "Hello Ann,");
    expect(visitor.errors).toEqual([]);
  });

  test("changes by itself once a cart was left alone for as long as freshet.yaml says, and back", async () => {
    using place = tempFolder();
    const rules = readFileSync(join(import.meta.dir, "../../public/demo/freshet.yaml"), "utf8");
    expect(rules).toContain("olderThan: 30s");
    writeFileSync(place.at("sooner.yaml"), rules.replace("olderThan: 30s", "olderThan: 3s"));
    await using sooner = await startDemo({ args: ["--port", "0", "--config", place.at("sooner.yaml")] });
    await using visitor = await visit({}, sooner);
    const { page } = visitor;
    const row = page.getByRole("row", { name: /^Left behind/ });
    expect(await row.textContent()).toBe("Left behindno–");
    await press(page, "Add Beck boot to the cart");
    await reads(page, "You left something behind");
    await row.getByText(/^\d+ ms$/).waitFor();
    expect(await page.locator("#last").textContent()).toMatch(/^Nobody clicked, but it was time: [\d.,]+ ms/);
    await press(page, "Add Enamel mug to the cart");
    await reads(page, "Your Enamel mug and 1 more are waiting");
    await signUp(page, "Ann");
    await reads(page, "Ann, you left something behind");
    await page.reload();
    await isLive(page);
    await reads(page, "Ann, you left something behind");
    await press(page, "Remove Beck boot");
    await press(page, "Remove Enamel mug");
    await reads(page, "Nice to have you here, Ann");
    expect(await row.textContent()).toBe("Left behindno–");
    expect(visitor.errors).toEqual([]);
  }, 30_000);

  test.each<[string, PageOptions]>([
    ["light", { colorScheme: "light" }],
    ["narrow and dark", { viewport: viewports.narrow, colorScheme: "dark" }],
  ])(
    "is sent by itself to who left a cart alone, into a mailbox of their own, %s",
    async (_name, options) => {
      using place = tempFolder();
      const rules = readFileSync(join(import.meta.dir, "../../public/demo/freshet.yaml"), "utf8");
      writeFileSync(place.at("sooner.yaml"), rules.replace("olderThan: 30s", "olderThan: 2s"));
      await using sooner = await startDemo({ args: ["--port", "0", "--config", place.at("sooner.yaml")] });
      await using visitor = await visit(options, sooner);
      const { page } = visitor;
      await signUp(page, "Ann <b>");
      await reads(page, "Hello Ann <b>,");
      await press(page, "Add Beck boot to the cart");
      await page.locator("#came").getByText("Ann <b>, you left something behind").waitFor();
      expect(await page.locator("#mails").textContent()).toBe("1");
      expect(await visitor.axe()).toEqual([]);
      await page.locator("#came a").click();
      await page.locator("#open h2").getByText("Ann <b>, you left something behind").waitFor();
      const mail = page.frameLocator("#open iframe");
      await mail.getByText("Hello Ann <b>,").waitFor();
      await mail.getByText("1 × Beck boot").waitFor();
      expect(await page.locator("#open .head").innerText()).toContain("ann@example.com");
      expect(await visitor.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      const frame = await fetch(
        new URL((await page.locator("iframe").getAttribute("src")) ?? "", sooner.origin),
      );
      expect(frame.headers.get("content-security-policy")).toStartWith("sandbox; default-src 'none'");
      await using other = await visit({}, sooner);
      await other.page.goto(`${sooner.origin}/demo/mailbox`);
      await other.page.getByText("Nothing yet.").waitFor();
      expect([visitor.cspViolations, visitor.errors, other.errors]).toEqual([[], [], []]);
      expect(visitor.requested.filter((url) => !url.startsWith(sooner.origin))).toEqual([]);
    },
    60_000,
  );

  test("goes on when the server was away", async () => {
    using place = tempFolder();
    await using before = await startDemo({ folder: place.path });
    await using visitor = await visit({}, before);
    const { page } = visitor;
    await press(page, "Add Beck boot to the cart");
    await reads(page, "Your Beck boot is waiting");
    await before.stop();
    await page.locator("#status:not(.live)").waitFor();
    await press(page, "Add Enamel mug to the cart");
    const { port } = new URL(before.origin);
    await using _after = await startDemo({ folder: place.path, args: ["--port", port] });
    await reads(page, "Your Enamel mug and 1 more are waiting");
    await isLive(page);
  }, 30_000);
});

describe("the page", () => {
  test.each<[string, PageOptions]>([
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["narrow", { viewport: viewports.narrow }],
    ["without motion", { reducedMotion: "reduce" }],
  ])(
    "%s: axe finds nothing, the CSP holds, nothing comes from elsewhere, nothing is cut off",
    async (_name, options) => {
      await using visitor = await visit(options);
      const { page } = visitor;
      await press(page, "Add Beck boot to the cart");
      await look(page, "Lean-to tent");
      await signUp(page, "Ann");
      await reads(page, "Hello Ann,");
      // The mark on what is new fades, and with it its colours change.
      await until(
        "the mark has faded",
        async () => (await page.evaluate<number>("document.getAnimations().length")) === 0,
      );
      expect(await visitor.axe()).toEqual([]);
      expect(visitor.cspViolations).toEqual([]);
      expect(visitor.errors).toEqual([]);
      expect(visitor.requested.filter((url) => !url.startsWith(demo.origin))).toEqual([]);
      const overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth";
      expect(await page.evaluate<number>(overflow)).toBe(0);
    },
  );

  test("is as good before anything has happened", async () => {
    await using visitor = await visit();
    expect(await visitor.axe()).toEqual([]);
  });

  test("is used with the keyboard alone", async () => {
    await using visitor = await visit();
    const { page } = visitor;
    const focusOn = async (label: string) => {
      for (let presses = 0; presses < 40; presses += 1) {
        await page.keyboard.press("Tab");
        const focused = await page.evaluate<string>(
          "document.activeElement.getAttribute('aria-label') || document.activeElement.innerText",
        );
        if (focused.replaceAll("\n", " ").startsWith(label)) return;
      }
      throw new Error(`no way to ${label}`);
    };
    await focusOn("Look at Beck boot");
    await page.keyboard.press("Enter");
    await reads(page, "The Beck boot looked back at you");
    await focusOn("Add Beck boot to the cart");
    await page.keyboard.press("Space");
    await reads(page, "Your Beck boot is waiting");
    await focusOn("Remove Beck boot");
    await page.keyboard.press("Enter");
    await reads(page, "The Beck boot looked back at you");
  });

  test("weighs less than 30 KB on the wire", async () => {
    let bytes = 0;
    for (const name of ["", "/main.js", "/main.css", "/mark.svg"]) {
      const answer = await fetch(`${demo.origin}/demo${name}`, {
        headers: { "Accept-Encoding": "gzip" },
        decompress: false,
      } as RequestInit);
      bytes += (await answer.bytes()).length;
    }
    expect(bytes).toBeLessThan(30_000);
  });
});
