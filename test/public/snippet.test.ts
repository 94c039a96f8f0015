/** The snippet in a real browser, on another origin's pages, against a real server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { startBrowser, type PageOptions, type TestBrowser, type TestPage } from "../support/browser.ts";
import { arrivalOf, keptEvents } from "../support/keptEvents.ts";
import { recordingProxy } from "../support/recordingProxy.ts";
import { watchBatches, type SentBatch, type SentEvent } from "../support/sentBatches.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openShop } from "../support/shop.ts";
import { until } from "../support/until.ts";

let server: TestServer;
let browser: TestBrowser;
const opened = new AsyncDisposableStack();
const startMs = 60_000;

beforeAll(async () => {
  server = opened.use(await startServer());
  browser = opened.use(await startBrowser());
}, startMs);
afterAll(() => opened.disposeAsync());

interface Visit extends TestPage {
  readonly origin: string;
  readonly batches: readonly SentBatch[];
  anonymousId(): Promise<string>;
  /** Runs `freshet.<call>` in the page. */
  call(text: string): Promise<void>;
  stored(): Promise<string[]>;
}

/** Opens a page with the snippet, its tag with these attributes. */
async function visit(
  attributes = "",
  options: PageOptions & { readonly path?: string; readonly before?: string } = {},
): Promise<Visit> {
  const { path = "/", before = "", ...pageOptions } = options;
  const head = `${before}<script src="${server.origin}/v1/freshet.js" data-write-key="${server.writeKey}" ${attributes}></script>`;
  const shop = openShop({ head });
  const tab = await browser.open("about:blank", pageOptions);
  const batches = watchBatches(tab.page);
  await tab.page.goto(`${shop.origin}${path}`);
  return {
    ...tab,
    origin: shop.origin,
    batches,
    anonymousId: () => tab.page.evaluate<string>("freshet.anonymousId()"),
    call: async (text) => {
      await tab.page.evaluate(`void freshet.${text}`);
    },
    stored: () => tab.page.evaluate<string[]>("Object.keys(localStorage)"),
    [Symbol.asyncDispose]: async () => {
      await tab[Symbol.asyncDispose]();
      shop[Symbol.dispose]();
    },
  };
}

const arrival = (anonymousId: string, what: string) => arrivalOf(server, `anonymous_id:${anonymousId}`, what);

function sent(batches: readonly SentBatch[], event: string): SentEvent[] {
  return batches.flatMap((batch) => batch.events).filter((one) => one.event === event);
}

describe("the snippet", () => {
  test("sends the page by itself, and what it is told to", async () => {
    await using shopper = await visit("", { path: "/shoes?utm_source=mail&utm_campaign=spring#reviews" });
    await shopper.call('track("Product Viewed", { product_id: "P7", price: 84 })');
    await shopper.call('identify("u-page", { firstName: "Ann" })');
    const events = await arrival(await shopper.anonymousId(), "identify");
    expect(events.map(({ type }) => type)).toEqual(["page", "track", "identify"]);
    const [page, track] = events;
    expect(page?.properties).toMatchObject({
      path: "/shoes",
      url: `${shopper.origin}/shoes?utm_source=mail&utm_campaign=spring`,
      title: "Shop /shoes",
      referrer: "",
    });
    expect(page?.context["campaign"]).toEqual({ source: "mail", name: "spring" });
    expect(track?.properties).toEqual({ product_id: "P7", price: 84 });
    const profile = (await (await server.get("/v1/profiles/user_id:u-page")).json()) as object;
    expect(profile).toMatchObject({ traits: { firstName: "Ann" } });
    expect(shopper.errors).toEqual([]);
    expect(await shopper.page.context().cookies()).toEqual([]);
  });

  test("takes calls that were made before it loaded", async () => {
    const before =
      '<script>window.freshet=window.freshet||[];freshet.push(["track","Early Bird",{n:1}])</script>';
    await using shopper = await visit("async", { before });
    await until("it has loaded", () => shopper.page.evaluate<boolean>("!Array.isArray(freshet)"));
    const events = await arrival(await shopper.anonymousId(), "Early Bird");
    expect(events.find(({ name }) => name === "Early Bird")?.properties).toEqual({ n: 1 });
    await shopper.call('push(["track", "Late Bird"])');
    await arrival(await shopper.anonymousId(), "Late Bird");
  });

  test("runs as docs/recipes.md has Google Tag Manager make it", async () => {
    const recipes = await Bun.file(join(import.meta.dir, "../../docs/recipes.md")).text();
    const [, code = ""] = /```html\n<script>\n([\s\S]*?)<\/script>/.exec(recipes) ?? [];
    expect(code).toContain("createElement");
    const head = code.replace("https://events.shop.example", server.origin).replace("wk_…", server.writeKey);
    using shop = openShop({ head: `<script>${head}</script>` });
    await using tab = await browser.open(shop.origin);
    await tab.page.evaluate('freshet.push(["track", "From The Data Layer"], ["consent", true])');
    const anonymousId = await until("it has loaded", () =>
      tab.page.evaluate<string | null>("Array.isArray(freshet) ? null : freshet.anonymousId()"),
    );
    await arrival(anonymousId, "From The Data Layer");
  });

  test("runs once where a page loads it twice", async () => {
    const before = `<script src="${server.origin}/v1/freshet.js" data-write-key="${server.writeKey}"></script>`;
    await using shopper = await visit("", { before });
    await shopper.call('track("Once")');
    const events = await arrival(await shopper.anonymousId(), "Once");
    expect(events.map(({ type }) => type)).toEqual(["page", "track"]);
  });

  test("knows a visitor again, and another one after reset", async () => {
    await using shopper = await visit();
    await shopper.call('identify("u-reset")');
    const first = await shopper.anonymousId();
    await arrival(first, "identify");
    await shopper.page.reload();
    expect(await shopper.anonymousId()).toBe(first);
    await shopper.call('track("Known")');
    await until("it is told of", () => sent(shopper.batches, "Known").length > 0);
    expect(sent(shopper.batches, "Known")[0]?.userId).toBe("u-reset");
    await shopper.call("reset()");
    await shopper.call('track("Unknown")');
    const second = await shopper.anonymousId();
    await arrival(second, "Unknown");
    expect(second).not.toBe(first);
    expect(sent(shopper.batches, "Unknown")[0]?.userId).toBeUndefined();
  });

  test("joins two ids by alias", async () => {
    await using shopper = await visit();
    await shopper.call('alias("u-alias")');
    await arrival(await shopper.anonymousId(), "alias");
    const profile = (await (await server.get("/v1/profiles/user_id:u-alias")).json()) as {
      readonly identifiers: readonly { readonly type: string; readonly value: string }[];
    };
    expect(profile.identifiers.map(({ value }) => value)).toContain(await shopper.anonymousId());
  });

  test("keeps what was said last, though what was said before it travels longer", async () => {
    await using shopper = await visit('data-delay-ms="0"');
    const { page } = shopper;
    await arrival(await shopper.anonymousId(), "page");
    const way = Promise.withResolvers<null>();
    let isHeld = false;
    await page.route("**/v1/batch", async (route) => {
      if (!isHeld) {
        isHeld = true;
        await way.promise;
      }
      await route.continue();
    });
    await shopper.call('identify("u-order", { plan: "first" })');
    await until("it is under way", () => isHeld);
    await shopper.call('identify("u-order", { plan: "second" })');
    const saidMs = await page.evaluate<number>("Date.now()");
    await until("much more time passes than a short way takes", () =>
      page.evaluate<boolean>(`Date.now() - ${saidMs} > 500`),
    );
    way.resolve(null);
    const kept = await until("both are here", async () => {
      const events = await keptEvents(server, "user_id:u-order");
      return events.filter(({ type }) => type === "identify").length === 2 ? events : null;
    });
    expect(kept.map(({ type }) => type)).toEqual(["page", "identify", "identify"]);
    const profile = (await (await server.get("/v1/profiles/user_id:u-order")).json()) as object;
    expect(profile).toMatchObject({ traits: { plan: "second" } });
  });

  test("sets a cookie only when asked to", async () => {
    await using shopper = await visit('data-cookie=""');
    const [cookie, ...others] = await shopper.page.context().cookies();
    expect(others).toEqual([]);
    expect(cookie).toMatchObject({ name: "freshet_id", value: await shopper.anonymousId(), sameSite: "Lax" });
    await shopper.page.evaluate("localStorage.clear()");
    await shopper.page.reload();
    expect(await shopper.anonymousId()).toBe(cookie?.value ?? "");
  });
});

describe("offline", () => {
  test("events wait, and arrive once, under their messageIds, as soon as the network is back", async () => {
    // Retries by the clock never come: what arrives was sent because the browser is online again.
    const initScript = `const later = setTimeout;
      window.setTimeout = (run, ms = 0) => (ms < 400 ? later(run, ms) : later(() => {}));`;
    await using shopper = await visit('data-delay-ms="0"', { initScript });
    const anonymousId = await shopper.anonymousId();
    await arrival(anonymousId, "page");
    await shopper.page.context().setOffline(true);
    for (const n of [1, 2, 3]) await shopper.call(`track("Offline", { n: ${n} })`);
    await until("it was tried", () => sent(shopper.batches, "Offline").length > 0);
    const ids = await until("all are stored", async () => {
      const names = (await shopper.stored()).filter((name) => name.includes(".e."));
      return names.length === 3 ? names : null;
    });
    await shopper.page.context().setOffline(false);
    const events = await until("all arrive", async () => {
      const found = (await keptEvents(server, `anonymous_id:${anonymousId}`)).filter(
        ({ name }) => name === "Offline",
      );
      return found.length >= 3 ? found : null;
    });
    expect(events.map(({ properties }) => properties["n"])).toEqual([1, 2, 3]);
    expect(events.map(({ messageId }) => `freshet.${server.writeKey}.e.${messageId}`).sort()).toEqual(
      ids.sort(),
    );
    const left = async () => (await shopper.stored()).filter((name) => name.includes(".e.")).length === 0;
    await until("nothing waits any more", left);
  });

  test("events that wait survive the page", async () => {
    await using shopper = await visit('data-delay-ms="0"');
    const { page } = shopper;
    await arrival(await shopper.anonymousId(), "page");
    await page.route("**/v1/batch", (route) => route.abort());
    await shopper.call('track("Left Behind")');
    await until("it was tried", () => sent(shopper.batches, "Left Behind").length > 0);
    await page.reload();
    await page.unroute("**/v1/batch");
    await page.reload();
    const events = await arrival(await shopper.anonymousId(), "Left Behind");
    const ids = new Set(sent(shopper.batches, "Left Behind").map(({ messageId }) => messageId));
    expect(ids.size).toBe(1);
    expect(events.filter(({ name }) => name === "Left Behind")).toHaveLength(1);
  });

  test("two tabs don't lose or double each other's events", async () => {
    await using shopper = await visit('data-pages="manual" data-delay-ms="0"');
    const { page, origin } = shopper;
    const context = page.context();
    const other = await context.newPage();
    await other.goto(origin);
    await context.setOffline(true);
    await shopper.call('track("Tabbed", { tab: 1 })');
    await other.evaluate('freshet.track("Tabbed", { tab: 2 })');
    await context.setOffline(false);
    await other.reload();
    const events = await until("both arrive", async () => {
      const kept = await keptEvents(server, `anonymous_id:${await shopper.anonymousId()}`);
      // On a slow machine the pages are also told to have been looked at.
      const found = kept.filter(({ name }) => name === "Tabbed");
      return found.length >= 2 ? found : null;
    });
    expect(new Set(events.map(({ properties }) => properties["tab"]))).toEqual(new Set([1, 2]));
    expect(events).toHaveLength(2);
    const left = async () => (await shopper.stored()).filter((name) => name.includes(".e.")).length === 0;
    await until("nothing waits any more", left);
  });

  test("the oldest make room, and are counted", async () => {
    await using shopper = await visit('data-max-queue="3" data-pages="manual" data-delay-ms="0"');
    const { page } = shopper;
    await page.context().setOffline(true);
    for (const n of [1, 2, 3, 4, 5]) await shopper.call(`track("Capped", { n: ${n} })`);
    await page.context().setOffline(false);
    const events = await until("three arrive", async () => {
      const found = (await keptEvents(server, `anonymous_id:${await shopper.anonymousId()}`)).filter(
        ({ name }) => name === "Capped",
      );
      return found.length === 3 ? found : null;
    });
    expect(events.map(({ properties }) => properties["n"])).toEqual([3, 4, 5]);
    const dropped = events.map(({ context }) => Number(context["dropped"] ?? 0));
    expect(dropped.reduce((sum, count) => sum + count, 0)).toBe(2);
  });
});

describe("a server that says not now", () => {
  test("is asked again as late as it says, with the same messageIds", async () => {
    await using shopper = await visit('data-pages="manual" data-delay-ms="0"');
    let refusals = 0;
    await shopper.page.route("**/v1/batch", async (route) => {
      refusals += 1;
      if (refusals > 1) return route.continue();
      const headers = {
        "Retry-After": "1",
        "Access-Control-Allow-Origin": "*",
        "Access-Control-Expose-Headers": "Retry-After",
      };
      return route.fulfill({ status: 429, headers, body: "{}" });
    });
    await shopper.call('track("Patient")');
    await arrival(await shopper.anonymousId(), "Patient");
    const attempts = sent(shopper.batches, "Patient");
    expect(attempts).toHaveLength(2);
    expect(attempts[0]?.messageId).toBe(attempts[1]?.messageId ?? "");
  });

  test("is left alone if it refuses the key, and what waits stays", async () => {
    await using shopper = await visit('data-pages="manual"');
    await shopper.page.evaluate(`(() => {
      delete window.freshet;
      const script = document.createElement("script");
      script.src = "${server.origin}/v1/freshet.js";
      script.dataset.writeKey = "wk_nobody_has_this_key";
      document.head.append(script);
    })()`);
    await until("it is refused", () => shopper.errors.some((text) => text.includes("401")));
    await shopper.call('track("Refused")');
    await shopper.call("flush()");
    expect(
      (await shopper.stored()).filter((name) => name.includes("wk_nobody_has_this_key.e.")),
    ).toHaveLength(2);
    expect(sent(shopper.batches, "Refused")).toEqual([]);
  });
});

describe("leaving", () => {
  test("hands what waits to a beacon", async () => {
    using proxy = recordingProxy(server.origin);
    await using shopper = await visit(`data-delay-ms="600000" data-host="${proxy.origin}"`);
    const anonymousId = await shopper.anonymousId();
    await shopper.call('track("Last Words", { said: "grüß Gott" })');
    await shopper.page.goto("about:blank");
    const events = await arrival(anonymousId, "Last Words");
    expect(events.at(-1)?.properties).toEqual({ said: "grüß Gott" });
    const [beacon, ...more] = proxy.batches;
    expect(more).toEqual([]);
    expect(beacon?.mode).toBe("no-cors");
    expect(beacon?.contentType).toStartWith("text/plain");
    expect(beacon?.events.map(({ type }) => type)).toEqual(["page", "track"]);
  });

  test("sends again what a beacon took, since nobody answers a beacon; it is kept once", async () => {
    using proxy = recordingProxy(server.origin);
    const attributes = `data-delay-ms="600000" data-pages="manual" data-host="${proxy.origin}"`;
    await using shopper = await visit(attributes);
    await shopper.call('track("Said Twice")');
    await shopper.page.reload();
    await shopper.call("flush()");
    await until("both have come", () => proxy.batches.length === 2);
    expect(new Set(proxy.batches.map(({ mode }) => mode))).toEqual(new Set(["no-cors", "cors"]));
    const ids = proxy.batches.flatMap(({ events }) => events.map(({ messageId }) => messageId));
    expect(new Set(ids).size).toBe(1);
    const events = await arrival(await shopper.anonymousId(), "Said Twice");
    expect(events).toHaveLength(1);
    const left = async () => (await shopper.stored()).filter((name) => name.includes(".e.")).length === 0;
    await until("nothing waits any more", left);
  });

  test("sends at once when the page is hidden, and tells how long it was seen", async () => {
    const initScript = `let at = 1000, hidden = false;
      performance.now = () => at;
      Object.defineProperty(document, "hidden", { get: () => hidden });
      window.hideAfter = (ms) => { at += ms; hidden = true; document.dispatchEvent(new Event("visibilitychange")); };
      window.showAfter = (ms) => { at += ms; hidden = false; document.dispatchEvent(new Event("visibilitychange")); };`;
    await using shopper = await visit('data-delay-ms="600000"', { initScript });
    await shopper.page.evaluate("hideAfter(3000)");
    const anonymousId = await shopper.anonymousId();
    await arrival(anonymousId, "Page Engaged");
    await shopper.page.evaluate("showAfter(50000)");
    await shopper.page.evaluate("hideAfter(2000)");
    const events = await until("both looks arrive", async () => {
      const found = (await keptEvents(server, `anonymous_id:${anonymousId}`)).filter(
        ({ name }) => name === "Page Engaged",
      );
      return found.length === 2 ? found : null;
    });
    expect(events.map(({ properties }) => properties["visibleMs"])).toEqual([3000, 2000]);
  });

  test("keeps each body within what browsers take", async () => {
    using proxy = recordingProxy(server.origin);
    const attributes = `data-delay-ms="600000" data-pages="manual" data-host="${proxy.origin}"`;
    await using shopper = await visit(attributes);
    const anonymousId = await shopper.anonymousId();
    for (const n of [1, 2, 3]) await shopper.call(`track("Long ${n}", { text: "ü".repeat(14000) })`);
    await shopper.page.goto(shopper.origin);
    await shopper.call("flush()");
    const events = await arrival(anonymousId, "Long 3");
    expect(events.map(({ name }) => name)).toEqual(["Long 1", "Long 2", "Long 3"]);
    expect(Math.max(...proxy.batches.map(({ bytes }) => bytes))).toBeLessThan(64 * 1024);
    expect(proxy.batches[0]?.events.map(({ event }) => event)).toEqual(["Long 1", "Long 2"]);
  });

  test("tells how long a page was looked at", async () => {
    const clock = "let at = 1000; performance.now = () => at; window.passMs = (ms) => { at += ms; };";
    await using shopper = await visit("", { path: "/long-read", initScript: clock });
    const { page } = shopper;
    await page.evaluate("passMs(4200)");
    await page.evaluate('history.pushState({}, "", "/next")');
    await page.evaluate("new Promise((done) => setTimeout(done))");
    await page.evaluate("passMs(1300)");
    await page.evaluate('history.pushState({}, "", "/glance")');
    await page.evaluate("new Promise((done) => setTimeout(done))");
    await page.evaluate("passMs(100)");
    await page.evaluate('history.pushState({}, "", "/end")');
    await page.evaluate("new Promise((done) => setTimeout(done))");
    await shopper.call('track("The End")');
    const events = await arrival(await shopper.anonymousId(), "The End");
    expect(events.filter(({ name }) => name === "Page Engaged").map(({ properties }) => properties)).toEqual([
      { path: "/long-read", visibleMs: 4200 },
      { path: "/next", visibleMs: 1300 },
    ]);
  });
});

describe("a single-page app", () => {
  test("gives a page for each move, and none for a change of the fragment", async () => {
    await using shopper = await visit();
    const { page, origin } = shopper;
    await page.evaluate('history.pushState({}, "", "/a"); document.title = "A"');
    await page.evaluate("new Promise((done) => setTimeout(done))");
    await page.evaluate('history.replaceState({}, "", "/b")');
    await page.evaluate("new Promise((done) => setTimeout(done))");
    await page.evaluate('location.hash = "part"');
    await page.evaluate('history.replaceState({ scroll: 1 }, "")');
    await page.evaluate("history.back()");
    await page.evaluate("history.back()");
    const pages = await until("four pages arrive", async () => {
      const events = await keptEvents(server, `anonymous_id:${await shopper.anonymousId()}`);
      const found = events.filter(({ type }) => type === "page");
      return found.length >= 4 ? found : null;
    });
    const seen = pages.map(({ properties }) => [properties["path"], properties["referrer"]]);
    expect(seen).toEqual([
      ["/", ""],
      ["/a", `${origin}/`],
      ["/b", `${origin}/a`],
      ["/", `${origin}/b`],
    ]);
    expect(pages[1]?.properties["title"]).toBe("A");
  });

  test("is not seen before it is: a page loaded ahead is told when it is shown", async () => {
    const initScript = `let ahead = true;
      Object.defineProperty(document, "prerendering", { get: () => ahead });
      window.show = () => { ahead = false; document.dispatchEvent(new Event("prerenderingchange")); };`;
    await using shopper = await visit("", { initScript });
    await shopper.call('track("Before It Is Seen")');
    await arrival(await shopper.anonymousId(), "Before It Is Seen");
    await shopper.page.evaluate("show()");
    const events = await arrival(await shopper.anonymousId(), "page");
    expect(events.map(({ type }) => type)).toEqual(["track", "page"]);
  });

  test("may tell its pages itself", async () => {
    await using shopper = await visit('data-pages="manual"');
    await shopper.page.evaluate('history.pushState({}, "", "/a")');
    await shopper.call('page("Shoes", { kind: "list" })');
    const events = await arrival(await shopper.anonymousId(), "page");
    expect(events).toHaveLength(1);
    expect(events[0]).toMatchObject({ name: "Shoes", properties: { path: "/a", kind: "list" } });
  });
});

describe("without consent", () => {
  test("nothing is sent or stored; with it, what was seen until then is", async () => {
    await using shopper = await visit('data-consent="required" data-cookie=""');
    const { page } = shopper;
    await shopper.call('track("Before Consent")');
    await shopper.call("flush()");
    expect(await shopper.stored()).toEqual([]);
    expect(await page.context().cookies()).toEqual([]);
    expect(await page.evaluate("freshet.anonymousId()")).toBeNull();
    await page.reload();
    expect(shopper.batches).toEqual([]);
    await shopper.call('track("At Last")');
    await shopper.call("consent(true)");
    const events = await arrival(await shopper.anonymousId(), "At Last");
    expect(events.map(({ type }) => type)).toEqual(["page", "track"]);
    await page.reload();
    expect(await shopper.anonymousId()).toBeString();
  });

  test("given back, all that was stored is gone, and stays so", async () => {
    await using shopper = await visit('data-consent="required" data-cookie="" data-delay-ms="600000"');
    const { page } = shopper;
    await shopper.call("consent(true)");
    await page.context().setOffline(true);
    await shopper.call('identify("u-consent")');
    expect((await shopper.stored()).length).toBeGreaterThan(2);
    await shopper.call("consent(false)");
    expect(await shopper.stored()).toEqual([]);
    expect(await page.context().cookies()).toEqual([]);
    await page.context().setOffline(false);
    await shopper.call('track("After Refusal")');
    await page.evaluate("freshet.flush()");
    await page.reload();
    expect(await shopper.stored()).toEqual([]);
    expect(shopper.batches).toEqual([]);
  });

  test("where none is required, a refusal is remembered, and nothing else", async () => {
    await using shopper = await visit();
    await shopper.call("consent(false)");
    await shopper.page.reload();
    await shopper.call('track("After Refusal")');
    await shopper.call("flush()");
    expect(await shopper.stored()).toEqual([`freshet.${server.writeKey}.consent`]);
    expect(sent(shopper.batches, "After Refusal")).toEqual([]);
  });
});

describe("Do Not Track and Global Privacy Control", () => {
  const signals = {
    "Do Not Track": "Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })",
    "Global Privacy Control":
      "Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true })",
  };

  test.each(Object.entries(signals))("%s is heard when it should be", async (_name, initScript) => {
    await using shopper = await visit("data-respect-dnt", { initScript });
    await shopper.call('track("Private")');
    await shopper.call("consent(true)");
    await shopper.call("flush()");
    expect(await shopper.stored()).toEqual([]);
    expect(shopper.batches).toEqual([]);
  });

  test.each(Object.entries(signals))("%s is not, when nobody said so", async (_name, initScript) => {
    await using shopper = await visit("", { initScript });
    await arrival(await shopper.anonymousId(), "page");
  });

  test("their absence changes nothing", async () => {
    await using shopper = await visit("data-respect-dnt");
    await arrival(await shopper.anonymousId(), "page");
  });
});
