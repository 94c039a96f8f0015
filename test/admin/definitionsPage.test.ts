/** Definitions, tracking plan and mending: the admin API, and the flows on the page. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import type {
  CheckAnswer,
  ConfigAnswer,
  MendAnswer,
  PlanAnswer,
  VersionAnswer,
} from "../../src/admin/api/configWire.ts";
import type { AuditAnswer } from "../../src/admin/api/adminWire.ts";
import { startBrowser, viewports, type TestBrowser } from "../support/browser.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";
import { adminClient, type AdminClient } from "./api/adminClient.ts";

const startMs = 60_000;
const testMs = 90_000;
const config = `version: 1
trackingPlan: { folder: ./plan, mode: quarantine }
computedTraits:
  orders: { aggregate: count, event: Order Completed }
segments:
  buyers: { trait: orders, atLeast: 1 }
`;
const order = {
  event: "Order Completed",
  version: 3,
  schema: {
    type: "object",
    required: ["total"],
    properties: { total: { type: "number" }, currency: { type: "string" } },
  },
};

let folder: TempFolder;
let path: string;
let server: TestServer;
let browser: TestBrowser;
let admin: AdminClient;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  folder = opened.use(tempFolder());
  path = folder.at("freshet.yaml");
  mkdirSync(folder.at("plan"));
  writeFileSync(folder.at("plan/order.json"), JSON.stringify(order));
  writeFileSync(path, config);
  server = opened.use(await startServer({ args: ["--config", path, "--watch-config", "false"] }));
  browser = opened.use(await startBrowser());
  for (const [at, properties] of [{ total: 20 }, { total: 700 }, { total: "12" }, { amount: "9" }].entries())
    await server.post("/v1/track", {
      userId: `u${at}`,
      event: "Order Completed",
      messageId: `o${at}`,
      properties,
    });
  admin = await adminClient(server);
}, startMs);
afterAll(() => opened.disposeAsync());

const config0 = () => admin.get<ConfigAnswer>("config");

/** Waits for what was begun, and gives how it ended. */
async function ended<Answer extends { readonly job: { readonly endedAt: string | null } | null }>(
  part: string,
): Promise<NonNullable<Answer["job"]>> {
  let answer = await admin.get<Answer>(part);
  await until("the work has ended", async () => {
    answer = await admin.get<Answer>(part);
    return answer.job !== null && answer.job.endedAt !== null;
  });
  if (answer.job === null) throw new Error("there is no work");
  return answer.job;
}

test("a text is checked with its line, planned on a copy, saved, applied, kept, and rolled back", async () => {
  const before = await config0();
  expect(before).toMatchObject({ path, text: config, fixedBecause: null, isInUse: true });
  const wrong = await admin.post<CheckAnswer>("config/check", { text: config.replace("atLeast", "atLest") });
  expect(wrong.difference).toBeNull();
  expect(wrong.problems[0]).toMatchObject({ line: 6 });
  expect(wrong.problems[0]?.text).toContain("did you mean atLeast?");
  const next = config.replace("atLeast: 1", "atLeast: 2");
  const good = await admin.post<CheckAnswer>("config/check", { text: next });
  expect(good.difference?.rules).toEqual([{ part: "segments", name: "buyers", kind: "changed" }]);
  await admin.post("config/plan", { text: next });
  expect(await ended<ConfigAnswer>("config")).toMatchObject({
    kind: "plan",
    isGood: true,
    result: { plan: { effect: { segments: { buyers: { entered: 0, exited: 2 } } } } },
  });
  expect(readFileSync(path, "utf8")).toBe(config);
  expect(
    (await admin.send("POST", "config/apply", { text: next, base: before.base }, { "X-CSRF-Token": "x" }))
      .status,
  ).toBe(403);
  await admin.post("config/apply", { text: next, base: "another" });
  expect((await ended<ConfigAnswer>("config")).sentence).toContain("changed meanwhile");
  await admin.post("config/apply", {
    text: `${next}identity: { phone: { limit: 3, priority: 4 } }\n`,
    base: before.base,
  });
  expect((await ended<ConfigAnswer>("config")).sentence).toContain("needs rebuild");
  expect(readFileSync(path, "utf8")).toBe(config);
  await admin.post("config/apply", { text: next, base: before.base });
  expect(await ended<ConfigAnswer>("config")).toMatchObject({ kind: "apply", isGood: true });
  expect(readFileSync(path, "utf8")).toBe(next);
  expect(readFileSync(`${path}.before`, "utf8")).toBe(config);
  const after = await config0();
  expect(after).toMatchObject({ isInUse: true });
  expect(after.versions[0]).toMatchObject({ version: 2, changes: ["~ segments.buyers"] });
  expect(after.versions[0]?.by).toMatch(/^admin page, \S+$/);
  const first = await admin.get<VersionAnswer>("config/version?version=1");
  await admin.post("config/apply", { text: first.text, base: after.base, version: 1 });
  await ended<ConfigAnswer>("config");
  expect(readFileSync(path, "utf8")).toBe(config);
  expect((await config0()).versions[0]?.by).toMatch(/^rollback to 1 on the admin page/);
  const { entries } = await admin.get<AuditAnswer>("audit?action=config.apply");
  expect(entries.map(({ outcome }) => outcome)).toContain("done");
});

test("a file that is read-only is tried, not written", async () => {
  chmodSync(path, 0o444);
  const { fixedBecause, base } = await config0();
  expect(fixedBecause).toContain("read-only");
  await admin.post("config/apply", { text: `${config}# more\n`, base });
  expect(await ended<ConfigAnswer>("config")).toMatchObject({ isGood: false, sentence: fixedBecause });
  expect(readFileSync(path, "utf8")).toBe(config);
  chmodSync(path, 0o644);
});

test("the plan, what broke it with examples, and what a tightening would have met", async () => {
  const { plan, violations } = await admin.get<PlanAnswer>("plan?days=7");
  expect(plan?.shapes).toMatchObject([{ event: "Order Completed", version: 3, required: 1, properties: 2 }]);
  expect(violations.find(({ rule }) => rule === "type")).toMatchObject({
    property: "total",
    source: "default",
    mode: "quarantine",
    count: 1,
    samples: [{ kind: "piece" }],
  });
  const tight = { ...order, schema: { ...order.schema, required: ["total", "currency"] } };
  await admin.post("plan/check", { text: JSON.stringify(tight), days: 7 });
  const job = await ended<PlanAnswer>("plan");
  expect(job.result).toMatchObject({ checked: 2, failing: { quarantine: 2 }, failingNow: 0 });
  expect(job.result?.broken[0]?.samples).toEqual(["o0", "o1"]);
  await admin.post("plan/check", { text: "event: 7", days: 7 });
  expect((await ended<PlanAnswer>("plan")).sentence).toContain("expected event");
});

test(
  "on the page: a mistake is marked as it is typed, its effect is told, it is applied and rolled back",
  async () => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale: "en-GB" });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    await page.click("nav >> text=Definitions");
    const editor = page.locator('textarea[aria-label="freshet.yaml"]');
    await editor.fill(config.replace("aggregate: count", "aggregat: count"));
    await page.waitForSelector('.marks li:has-text("Line 4")');
    await page.waitForSelector(".gutter .wrong >> text=4");
    await page.click(".marks >> text=Line 4");
    expect(await page.evaluate("document.activeElement.tagName")).toBe("TEXTAREA");
    expect(await tab.axe()).toEqual([]);
    await editor.fill(`${config}  whales: { trait: orders, atLeast: 1 }\n`);
    await page.waitForSelector(".difference >> text=whales");
    await page.click("text=What would it do?");
    await page.waitForSelector(
      '[aria-label="Segments that would change"] tr:has-text("whales") td:text-is("2")',
    );
    expect(await tab.axe()).toEqual([]);
    await page.click("text=Save and apply");
    await page.waitForSelector("text=The file is saved and in use. 2 profiles have other values now.");
    await page.waitForSelector('[aria-label="Versions"] tr:has-text("+ segments.whales")');
    expect(readFileSync(path, "utf8")).toContain("whales");
    await page.click('[aria-label="Versions"] >> text="Version 1"');
    await page.waitForSelector(".diff .removed >> text=whales");
    expect(await tab.axe()).toEqual([]);
    await page.click("text=Roll back to version 1");
    await until("the file is the first again", () => readFileSync(path, "utf8") === config);
    await until("the editor shows it", async () => (await editor.inputValue()) === config);
    await page.waitForSelector('[aria-label="Versions"] tbody tr:first-child:has-text("rollback to 1")');
    expect(tab.cspViolations).toEqual([]);
    expect(tab.errors).toEqual([]);
  },
  testMs,
);

test.each(["light", "narrow"] as const)(
  "on the page, %s: what broke the plan leads to the pieces, which are mended and sent again",
  async (look) => {
    const isLast = look === "narrow";
    await using tab = await browser.open(`${server.origin}/admin`, {
      locale: "en-GB",
      ...(isLast ? { viewport: viewports.narrow } : {}),
    });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    await page.click("nav >> text=Tracking plan");
    await page.waitForSelector('[aria-label="Violations"] tr:has-text("total"):has-text("type")');
    const isSound = async () => {
      expect(await tab.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    };
    await isSound();
    await page.click('[aria-label="Planned events"] >> text=Order Completed');
    await page.waitForSelector("textarea.code");
    await page.click("text=What would have failed?");
    await page.waitForSelector("text=events (Order Completed) were held against it");
    await isSound();
    await page.goto(`${server.origin}/admin#/quarantine/plan_violation/default`);
    await page.click("text=+ Cast");
    await page.fill('.step:has-text("Cast") input', "properties.total");
    await page.click("text=+ Rename");
    await page.fill('.step:has-text("Rename") input >> nth=0', "properties.amount");
    await page.fill('.step:has-text("Rename") input >> nth=1', "properties.total");
    await page.click('button:text-is("Preview")');
    await page.waitForSelector("text=2 of 2 would be taken.");
    await page.waitForSelector('.sides pre[aria-label="After"]:has-text(\'"total": 12\')');
    await isSound();
    if (isLast) {
      await page.click('button:has-text("Mend and send")');
      await page.waitForSelector("text=2 of 2 were taken.");
      await page.waitForSelector("text=Nothing of this kind waits any more.");
      const { job } = await admin.get<MendAnswer>("quarantine/mend");
      expect(job?.result?.held.map(({ pieces, accepted }) => [pieces, accepted])).toEqual([
        [1, 1],
        [1, 1],
      ]);
      expect((await server.get("/v1/events/o3")).status).toBe(200);
    }
    expect(tab.cspViolations).toEqual([]);
    expect(tab.errors).toEqual([]);
  },
  testMs,
);
