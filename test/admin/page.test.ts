import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startBrowser, viewports, type TestBrowser, type TestPage } from "../support/browser.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { until } from "../support/until.ts";

const startMs = 120_000;
const testMs = 60_000;

let server: TestServer;
let browser: TestBrowser;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  server = opened.use(await startServer());
  browser = opened.use(await startBrowser());
  await server.post("/v1/track", { anonymousId: "a-1", event: "Product Viewed", messageId: "m-1" });
  const traits = { firstName: "Ann", email: "ann@example.com", address: { city: "Berlin" } };
  await server.post("/v1/identify", { userId: "42", anonymousId: "a-1", messageId: "m-2", traits });
  await server.post("/v1/track", { userId: "42", event: "Order Completed", messageId: "m-3" });
  await server.post("/v1/track", { event: "No one", messageId: "q-1" });
}, startMs);
afterAll(() => opened.disposeAsync());

/** A locale that every part of the page knows; a bare container has none. */
const locale = "en-GB";

async function signedIn(options: Parameters<TestBrowser["open"]>[1] = {}): Promise<TestPage> {
  const tab = await browser.open(`${server.origin}/admin`, { locale, ...options });
  await tab.page.fill("#key", server.secretKey);
  await tab.page.click("text=Sign in >> nth=-1");
  await tab.page.waitForSelector("nav");
  return tab;
}

async function goTo(tab: TestPage, place: string, heading: string): Promise<void> {
  await tab.page.goto(`${server.origin}/admin#/${place}`);
  await tab.page.waitForSelector(`h1:has-text("${heading}")`);
}

/** Waits until the expression is true in the page; evaluated from outside, since the page's CSP forbids it inside. */
function untilTrue(tab: TestPage, expression: string): Promise<true> {
  return until(expression, async () => ((await tab.page.evaluate<boolean>(expression)) ? true : null));
}

/** What a page of ours never does. */
function expectClean(tab: TestPage): void {
  expect(tab.cspViolations).toEqual([]);
  expect(tab.errors).toEqual([]);
  expect(tab.requested.filter((url) => !url.startsWith(server.origin))).toEqual([]);
}

describe("signing in and out", () => {
  test(
    "works by keyboard alone, and out again",
    async () => {
      await using tab = await browser.open(`${server.origin}/admin`, { locale });
      await tab.page.focus("#key");
      await tab.page.keyboard.type(server.secretKey);
      await tab.page.keyboard.press("Enter");
      await tab.page.waitForSelector('h1:has-text("River")');
      expect(await tab.page.evaluate("document.cookie")).toBe("");
      await tab.page.reload();
      await tab.page.waitForSelector('h1:has-text("River")');
      await tab.page.click("text=Sign out");
      await tab.page.waitForSelector("#key");
      expectClean(tab);
    },
    testMs,
  );

  test(
    "says what is wrong, and how long to wait after some tries",
    async () => {
      await using other = await startServer();
      await using tab = await browser.open(`${other.origin}/admin`, { locale });
      const tried = async (key: string, text: string) => {
        await tab.page.fill("#key", key);
        await tab.page.click("button");
        await tab.page.waitForSelector(`[role=alert]:has-text("${text}")`);
      };
      await tried("sk_wrong_0000000000", "That key doesn't open this page. Check that you copied all of it");
      await tried(other.writeKey, "That is a write key: it can only send events.");
      await tried(
        "sk_wrong_0000000000",
        "Too many tries with keys that don't work. Wait 1 s, then try again.",
      );
    },
    testMs,
  );

  test(
    "comes back by itself when the session has ended",
    async () => {
      await using tab = await signedIn();
      await tab.page.context().clearCookies();
      await tab.page.waitForSelector('[role=status]:has-text("The session has ended.")');
      await tab.page.fill("#key", server.secretKey);
      await tab.page.keyboard.press("Enter");
      await tab.page.waitForSelector('h1:has-text("River")');
    },
    testMs,
  );
});

describe("each section does its main work", () => {
  test(
    "river: says how it is, and shows events as they come",
    async () => {
      await using tab = await signedIn();
      await tab.page.waitForSelector(".chart canvas");
      await server.post("/v1/track", { userId: "42", event: "Just now", messageId: "m-now" });
      await tab.page.waitForSelector('td:has-text("Just now")');
      // A slow machine has more to say.
      expect(await tab.page.textContent("[role=status]:has(li)")).toMatch(
        /of the events of the last minute were refused, the latest from default/,
      );
      await tab.page.click("text=Pause");
      await server.post("/v1/track", { userId: "42", event: "While held", messageId: "m-held" });
      await untilTrue(
        tab,
        `[...document.querySelectorAll("dt")].some((dt) => dt.textContent === "Events since the start" && Number(dt.nextSibling.textContent) >= 5)`,
      );
      expect(await tab.page.locator('td:has-text("While held")').count()).toBe(0);
      await tab.page.click("text=Resume");
      await tab.page.waitForSelector('td:has-text("While held")');
      expectClean(tab);
    },
    testMs,
  );

  test(
    "profiles: found by e-mail, with ages, origins, why it is one, a filtered timeline, and the same with curl",
    async () => {
      await using tab = await signedIn();
      const { page } = tab;
      await goTo(tab, "profiles", "Profiles");
      await page.fill("input[type=search]", "ann@example.com");
      await page.keyboard.press("Enter");
      await page.waitForSelector('h3:has-text("Traits")');
      // The history of each trait comes a moment after its value.
      const row = () => page.textContent('tr:has(th:has-text("firstName"))');
      await until("it is there", async () => (await row())?.includes("1 value"));
      expect(await row()).toMatch(/^firstNameAnn.*(just now|ago) ?defaultidentify .*1 value/);
      expect(await page.textContent("h2")).toBe("Ann");
      await page.click('tr:has(th:has-text("firstName")) >> text=identify');
      await page.waitForSelector('pre:has-text("Berlin")');
      await page.click("text=Back to the profile");
      const why = await page.textContent('tr:has(th:text-is("anonymous_id"))');
      expect(why).toMatch(/identify.*from default.*carried it together with user_id:42/);
      await page.selectOption('section[aria-labelledby="timeline"] select', "identify");
      await page.click("text=Filter");
      await untilTrue(tab, 'document.querySelectorAll(".timeline li").length === 1');
      await page.click(".timeline summary");
      expect(await page.textContent(".timeline pre")).toContain('"city": "Berlin"');
      expect(await page.textContent('[aria-label="The same with curl"]')).toContain(
        `${server.origin}/v1/profiles/user_id:42`,
      );
      await page.fill("input[type=search]", "nobody");
      await page.keyboard.press("Enter");
      await page.waitForSelector('[role=alert]:has-text("The search takes whole identifiers only.")');
      expect(tab.cspViolations).toEqual([]);
    },
    testMs,
  );

  test(
    "quarantine: a piece is opened and sent again",
    async () => {
      await using tab = await signedIn();
      const { page } = tab;
      await goTo(tab, "quarantine", "Quarantine");
      await page.click("text=missing_id");
      await page.click("text=qrn_1");
      await page.waitForSelector('pre:has-text("q-1")');
      await page.click("text=Send again");
      await page.waitForSelector('[role=status]:has-text("It was refused again: The event names no one.")');
      await goTo(tab, "quarantine/missing_id/default", "Quarantine");
      await page.click("text=Send all 1 again");
      await page.waitForSelector('[role=status]:has-text("Done: 0 of 1 were taken.")');
      expectClean(tab);
    },
    testMs,
  );

  test(
    "keys: one is made, shown once, works, and is revoked",
    async () => {
      await using tab = await signedIn();
      const { page } = tab;
      await goTo(tab, "keys", "Keys and sources");
      await page.fill("input[name=source]", "shop");
      await page.click("text=Make key");
      const key = (await page.textContent("#new-key")) ?? "";
      expect(key).toMatch(/^wk_[0-9a-z]{32}$/);
      const send = () => server.post("/v1/track", { userId: "1", event: "By key" }, { "X-Write-Key": key });
      expect((await send()).status).toBe(200);
      await page.click("text=I have it");
      expect(await page.content()).not.toContain(key);
      await page.click('tr:has-text("shop") >> text=Revoke');
      await page.click("text=Revoke for good");
      await page.waitForSelector('tr:has-text("shop") >> text=revoked');
      expect((await send()).status).toBe(401);
      expectClean(tab);
    },
    testMs,
  );

  test(
    "storage: a backup and a verification are made, and the audit log tells of them",
    async () => {
      await using tab = await signedIn();
      const { page } = tab;
      await goTo(tab, "storage", "Storage");
      await page.click("text=Back up now");
      await page.waitForSelector('[role=status]:has-text("The backup is at")');
      await page.click("text=Verify now");
      await page.waitForSelector('[role=status]:has-text("All is well")');
      await goTo(tab, "audit", "Audit log");
      for (const act of ["Backed up", "Verified", "Signed in"])
        await page.waitForSelector(`th:has-text("${act}")`);
      await page.selectOption("select", "backup");
      await untilTrue(tab, 'document.querySelectorAll("tbody tr").length === 1');
      expectClean(tab);
    },
    testMs,
  );
});

const places = [
  ["river", "River"],
  ["profiles", "Profiles"],
  ["profiles/user_id%3A42/live", "Profiles"],
  ["profiles/user_id%3A42/live/m-2", "Profiles"],
  ["segments", "Segments"],
  ["quarantine", "Quarantine"],
  ["quarantine/missing_id/default", "Quarantine"],
  ["quarantine/qrn_1", "Quarantine"],
  ["keys", "Keys and sources"],
  ["storage", "Storage"],
  ["audit", "Audit log"],
] as const;

/** The tables that one has to scroll sideways. */
const cutTables = `[...document.querySelectorAll(".scroll")]
  .filter((place) => place.scrollWidth > place.clientWidth).map((place) => place.ariaLabel)`;

describe("axe finds nothing", () => {
  test.each([
    ["light", { colorScheme: "light" }],
    ["dark", { colorScheme: "dark" }],
    ["narrow", { viewport: viewports.narrow }],
  ] as const)(
    "%s",
    async (_name, options) => {
      await using before = await browser.open(`${server.origin}/admin`, { locale, ...options });
      await before.page.waitForSelector("#key");
      expect(await before.axe()).toEqual([]);
      await using tab = await signedIn(options);
      for (const [place, heading] of places) {
        await goTo(tab, place, heading);
        await untilTrue(tab, 'document.querySelector("[aria-busy=true]") === null');
        expect([place, await tab.axe()]).toEqual([place, []]);
        // Nothing stands out of the page sideways, and no table is cut.
        expect(await tab.page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
        expect([place, await tab.page.evaluate(cutTables)]).toEqual([place, []]);
      }
      expectClean(tab);
    },
    testMs,
  );
});

test("all that the page loads is less than 100 KB gzipped", async () => {
  const page = await (await fetch(`${server.origin}/admin`)).text();
  const files = [...page.matchAll(/(?:href|src)="(\/admin\/[^"]+)"/g)].map(([, path]) => path ?? "");
  expect(files.toSorted()).toEqual(["/admin/icon.svg", "/admin/main.css", "/admin/main.js"]);
  let bytes = Bun.gzipSync(page).length;
  for (const path of files)
    bytes += Bun.gzipSync(await (await fetch(`${server.origin}${path}`)).arrayBuffer()).length;
  expect(bytes).toBeLessThan(100_000);
  expect(page).not.toMatch(/<style|<script>|style=|\son\w+=/);
});

/** One attack a line, and the naughty strings that could mean something in HTML. */
function attacks(): string[] {
  const folder = join(import.meta.dir, "../fixtures");
  const lists = ["xss_payloads_quick", "IntrudersXSS", "XSS_Polyglots"].flatMap((name) =>
    readFileSync(join(folder, "xss", `${name}.txt`), "utf8").split(/\r?\n/),
  );
  const naughty = JSON.parse(readFileSync(join(folder, "blns/blns.json"), "utf8")) as string[];
  const marked = naughty.filter((text) => /[<>"'`&]|script/i.test(text));
  return [...lists, ...marked].filter((text) => text.trim() !== "" && text.isWellFormed());
}

describe("text that attacks stays text", () => {
  const marker = `window.ran = [];
    for (const name of ["alert", "confirm", "prompt", "print", "open"])
      window[name] = (...given) => { window.ran.push(name + given.join()); };`;
  /** Elements that no part of the page makes, and attributes that would run. */
  const planted = `[...document.querySelectorAll("#app *")].filter((element) =>
    ["SCRIPT", "IFRAME", "IMG", "IMAGE", "FOREIGNOBJECT", "ANIMATE", "USE", "OBJECT", "EMBED", "LINK", "STYLE", "VIDEO", "AUDIO", "MARQUEE", "BASE", "META"]
      .includes(element.tagName.toUpperCase()) ||
    (element.tagName.toUpperCase() === "SVG" && !element.matches(".spark, .drawing")) ||
    element.getAttributeNames().some((name) => /^on/.test(name)) ||
    /^\\s*(javascript|data|vbscript):/i.test(element.getAttribute("href") ?? "")).length`;

  test(
    "in names, properties, ids, traits, sources and raw input, everywhere",
    async () => {
      await using fresh = await startServer();
      const all = attacks();
      expect(all.length).toBeGreaterThan(400);
      const batch = all.map((text, index) => ({
        type: "track",
        userId: "victim",
        event: text,
        messageId: Buffer.byteLength(text) <= 400 ? `${index} ${text}` : `m-${index}`,
        properties: { [text.slice(0, 200)]: text },
      }));
      for (let from = 0; from < batch.length; from += 100)
        expect((await fresh.post("/v1/batch", { batch: batch.slice(from, from + 100) })).status).toBe(200);
      const short = all.filter((text) => Buffer.byteLength(text) <= 500);
      const named = short.map((text) => ({ type: "identify", anonymousId: text, traits: { [text]: text } }));
      await fresh.post("/v1/batch", { batch: named.slice(0, 50) });
      const traits = Object.fromEntries(short.slice(0, 300).map((text, index) => [`${index} ${text}`, text]));
      await fresh.post("/v1/identify", { userId: "victim", anonymousId: short[0], traits });
      for (const text of short.slice(0, 60)) await fresh.post("/v1/track", { event: text, messageId: text });
      const secret = { Authorization: `Bearer ${fresh.secretKey}` };
      const key = { kind: "secret", namespace: "live", source: "shop", trust: "server", scopes: ["read"] };
      const readableTraits = short.filter((text) => text.length <= 256).slice(0, 200);
      const made = await fresh.post("/admin/api/keys", { ...key, readableTraits }, secret);
      expect(made.status).toBe(200);

      await using tab = await browser.open(`${fresh.origin}/admin`, { locale, initScript: marker });
      const { page } = tab;
      await page.fill("#key", fresh.secretKey);
      await page.click("button");
      await page.waitForSelector("tbody tr >> nth=40");
      const look = async () => {
        expect(await page.evaluate(planted)).toBe(0);
        expect(await page.evaluate("window.ran")).toEqual([]);
      };
      await look();
      const visit = async (place: string, shows: string) => {
        await page.goto(`${fresh.origin}/admin#/${place}`);
        await page.waitForSelector(shows);
        await look();
      };
      await visit("profiles/user_id%3Avictim/live", ".timeline li >> nth=20");
      for (let pages = 0; pages < 40; pages += 1) {
        const older = page.locator("text=Older events");
        if ((await older.count()) === 0) break;
        const before = await page.locator(".timeline li").count();
        await older.click();
        await untilTrue(tab, `document.querySelectorAll(".timeline li").length > ${before}`);
      }
      // Two identifies are there too: that of the profile, and that of the anonymousId that it joined.
      expect(await page.locator(".timeline li").count()).toBe(all.length + 2);
      await page.evaluate('for (const details of document.querySelectorAll("details")) details.open = true');
      await look();
      await visit("profiles", "tbody tr >> nth=10");
      for (const text of short.slice(0, 10))
        await visit(`profiles/${encodeURIComponent(`anonymous_id:${text}`)}/live`, 'h3:has-text("Traits")');
      for (const text of short.slice(0, 5)) {
        const event = `${all.indexOf(text)} ${text}`;
        await visit(`profiles/user_id%3Avictim/live/${encodeURIComponent(event)}`, "h2");
      }
      await visit("quarantine", "tbody tr");
      await visit("quarantine/missing_id/default", "tbody tr >> nth=40");
      for (let piece = 1; piece <= 8; piece += 1) await visit(`quarantine/qrn_${piece}`, "pre");
      await visit(
        `quarantine/${encodeURIComponent(short[1] ?? "")}/${encodeURIComponent(short[2] ?? "")}`,
        "h2",
      );
      await visit("keys", 'tr:has-text("shop")');
      await visit("audit", "tbody tr");
      expect(tab.cspViolations).toEqual([]);
      expect(tab.requested.filter((url) => !url.startsWith(fresh.origin))).toEqual([]);
    },
    3 * testMs,
  );
});
