import { describe, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { startBrowser, viewports } from "./browser.ts";
import { tempFolder } from "./tempFolder.ts";
import { until } from "./until.ts";

/** One page that does everything a page of ours must not do. */
const badPage = `<!doctype html><title>Bad</title><style>p{color:#eee;background:#fff}</style>
<p>faint</p><img src="http://127.0.0.1:9/x.png"><script>document.title = "ran"</script>`;
const goodPage = `<!doctype html><html lang="en"><title>Good</title><main><h1>Fine</h1><label>Name <input></label></main></html>`;

function servePages() {
  return Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const isBad = new URL(request.url).pathname === "/bad";
      return new Response(isBad ? badPage : goodPage, {
        headers: { "Content-Type": "text/html", "Content-Security-Policy": "default-src 'none'" },
      });
    },
  });
}

describe("the browser of the tests", () => {
  test("sees CSP violations, foreign requests and what axe finds", async () => {
    await using browser = await startBrowser();
    using server = servePages();
    await using bad = await browser.open(`${server.url.href}bad`);
    await until("the script is reported", () =>
      bad.cspViolations.some((one) => one.startsWith("script-src")),
    );
    expect(await bad.page.title()).toBe("Bad");
    expect(bad.cspViolations.some((one) => one === "img-src http://127.0.0.1:9/x.png")).toBe(true);
    expect((await bad.axe()).join("\n")).toContain("image-alt");
  });

  test("finds nothing wrong with a good page, and takes its picture", async () => {
    await using browser = await startBrowser();
    using server = servePages();
    using folder = tempFolder();
    await using good = await browser.open(`${server.url.href}good`, { viewport: viewports.narrow });
    expect(await good.axe()).toEqual([]);
    expect(good.cspViolations).toEqual([]);
    expect(good.errors.filter((one) => !one.includes("favicon"))).toEqual([]);
    await good.screenshot(folder.at("good.png"));
    expect(statSync(folder.at("good.png")).size).toBeGreaterThan(500);
  });
});
