/**
 * A real, headless Chromium for tests of pages. Each page has a context of its own (storage, cookies) and remembers
 * what it must not do: break the page's CSP, log errors, ask other hosts for anything.
 */
import axe from "axe-core";
import { chromium, type Browser, type BrowserContextOptions, type Page } from "playwright-core";
import { findChromium } from "./chromium.ts";

export interface TestBrowser extends AsyncDisposable {
  /** Opens a page on an address, in a context of its own. */
  open(url: string, options?: PageOptions): Promise<TestPage>;
}

export interface PageOptions extends BrowserContextOptions {
  /** Run before any script of every page of the context. */
  readonly initScript?: string;
}

export interface TestPage extends AsyncDisposable {
  readonly page: Page;
  /** Every CSP violation so far, as `directive blocked-address`. */
  readonly cspViolations: readonly string[];
  /** Everything logged as an error, and every error that nobody caught. */
  readonly errors: readonly string[];
  /** The address of every request so far. */
  readonly requested: readonly string[];
  /** What axe finds wrong now, one line each: rule, what is wrong, where. */
  axe(): Promise<string[]>;
  /** Writes a PNG of what is visible. */
  screenshot(path: string): Promise<void>;
}

/** A narrow one is that of a small phone. */
export const viewports = {
  wide: { width: 1280, height: 800 },
  narrow: { width: 360, height: 740 },
} as const;

// Only pages of ours are opened, and neither root nor most containers can have a sandbox.
const flags = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
const reportName = "reportCspViolation";
const collector = `document.addEventListener("securitypolicyviolation", (event) => {
  ${reportName}(event.effectiveDirective + " " + event.blockedURI);
});`;

/** Starts a browser; `await using` ends it. Throws if no Chromium of this machine starts. */
export async function startBrowser(): Promise<TestBrowser> {
  const browser = await launch();
  return {
    open: (url, options) => openPage(browser, url, options ?? {}),
    [Symbol.asyncDispose]: () => browser.close(),
  };
}

async function launch(): Promise<Browser> {
  const failures: unknown[] = [];
  for (const { executablePath, env } of findChromium()) {
    try {
      return await chromium.launch({ executablePath, env, args: flags, headless: true });
    } catch (error) {
      failures.push(error);
    }
  }
  throw new AggregateError(failures, `No Chromium starts here.\n${failures.join("\n")}`);
}

async function openPage(browser: Browser, url: string, options: PageOptions): Promise<TestPage> {
  const { initScript, ...contextOptions } = options;
  const context = await browser.newContext({ viewport: viewports.wide, ...contextOptions });
  const cspViolations: string[] = [];
  const errors: string[] = [];
  const requested: string[] = [];
  await context.exposeBinding(reportName, (_source, violation: string) => {
    cspViolations.push(violation);
  });
  await context.addInitScript(collector);
  if (initScript !== undefined) await context.addInitScript(initScript);
  context.on("request", (request) => requested.push(request.url()));
  context.on("console", (message) => {
    if (message.type() === "error") errors.push(message.text());
  });
  context.on("weberror", (error) => errors.push(String(error.error())));
  const page = await context.newPage();
  await page.goto(url);
  return {
    page,
    cspViolations,
    errors,
    requested,
    axe: () => runAxe(page),
    screenshot: async (path) => {
      await page.screenshot({ path, animations: "disabled" });
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}

async function runAxe(page: Page): Promise<string[]> {
  await page.evaluate(`${axe.source}; undefined`);
  const results = await page.evaluate<axe.AxeResults>("axe.run()");
  return results.violations.flatMap(({ id, help, nodes }) =>
    nodes.map((node) => `${id}: ${help}: ${node.target.join(" ")} ${node.failureSummary ?? ""}`),
  );
}
