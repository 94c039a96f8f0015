/** What the admin page shows of who is who, of what traits were before, and of segments. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { ProfileAnswer, TraitHistoryAnswer } from "../../src/admin/api/profileWire.ts";
import type {
  SegmentAnswer,
  SegmentExplainAnswer,
  SegmentMembersAnswer,
  SegmentsAnswer,
} from "../../src/admin/api/segmentWire.ts";
import { startBrowser, viewports, type PageOptions, type TestBrowser } from "../support/browser.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { adminClient, type AdminClient } from "./api/adminClient.ts";

const startMs = 60_000;
const testMs = 60_000;
const locale = "en-GB";
const config = `version: 1
traits:
  plan: { type: string }
computedTraits:
  ordersCount: { aggregate: count, event: Order Completed }
  views1h: { aggregate: count, event: Product Viewed, window: 1h }
segments:
  buyers: { trait: ordersCount, atLeast: 1 }
  good-buyers:
    all:
      - { segment: buyers }
      - { trait: plan, is: pro }
  odd: { trait: plan, is: "<img src=x onerror=alert(1)>" }
`;

let server: TestServer;
let browser: TestBrowser;
let admin: AdminClient;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  const folder = opened.use(tempFolder());
  const path = folder.at("freshet.yaml");
  writeFileSync(path, config);
  server = opened.use(await startServer({ args: ["--config", path] }));
  browser = opened.use(await startBrowser());
  const send = (call: string, body: object) => server.post(`/v1/${call}`, body);
  const atMs = Date.now() - 60_000;
  const at = (index: number) => ({ timestamp: new Date(atMs + index * 1_000).toISOString() });
  await send("track", { anonymousId: "a-1", event: "Product Viewed", messageId: "m-1", ...at(0) });
  const traits = { firstName: "Ann", email: "ann@example.com", plan: "free", age: 30 };
  await send("identify", { userId: "42", anonymousId: "a-1", messageId: "m-2", traits, ...at(1) });
  await send("identify", {
    userId: "42",
    messageId: "m-3",
    traits: { plan: "pro", age: 31 },
    ...at(2),
  });
  await send("track", { userId: "42", event: "Order Completed", messageId: "m-4", ...at(3) });
  await send("track", { userId: "42", anonymousId: "a-1", event: "Left", messageId: "m-5", ...at(4) });
  await send("identify", { userId: "7", messageId: "m-7", traits: { plan: "free" } });
  for (let index = 0; index < 3; index += 1)
    await send("track", { userId: `b-${index}`, event: "Order Completed", messageId: `b-${index}` });
  admin = await adminClient(server);
}, startMs);
afterAll(() => opened.disposeAsync());

test("a profile's graph tells which events tie its identifiers, once each with the first of them", async () => {
  const { graph } = await admin.get<ProfileAnswer>("profile?id=42");
  expect(graph.nodes.map(({ type, isOwn }) => [type, isOwn])).toEqual([
    ["user_id", true],
    ["email", true],
    ["anonymous_id", true],
  ]);
  const told = graph.edges.map(({ by, standing, count, event }) => [by, standing, count, event.messageId]);
  expect(told).toEqual([
    ["link", "counts", 2, "m-2"],
    ["claim", "counts", 1, "m-2"],
  ]);
  expect(graph.left).toBe(0);
});

test("traits tell what they were, oldest first, and what made them so", async () => {
  const { traits, isWhole } = await admin.get<TraitHistoryAnswer>("traits?id=42");
  const told = (name: string) =>
    (traits[name] ?? []).map(({ number, text, eventMessageId }) => [number, text, eventMessageId]);
  expect(told("plan")).toEqual([
    [null, "free", "m-2"],
    [null, "pro", "m-3"],
  ]);
  expect(told("age")).toEqual([
    [30, "30", "m-2"],
    [31, "31", "m-3"],
  ]);
  expect(told("ordersCount")).toEqual([[1, "1", "m-4"]]);
  expect(isWhole).toBe(true);
});

test("segments tell their rule, who is in them now, and page their members", async () => {
  const { segments } = await admin.get<SegmentsAnswer>("segments");
  expect(segments.map(({ name, size, words }) => [name, size, words])).toEqual([
    ["buyers", 4, "ordersCount is at least 1"],
    ["good-buyers", 1, "is in the segment buyers and plan is pro"],
    ["odd", 0, "plan is <img src=x onerror=alert(1)>"],
  ]);
  const one = await admin.get<SegmentAnswer>("segment?name=good-buyers");
  expect([one.kind, one.clauses]).toEqual(["all", ["is in the segment buyers", "plan is pro"]]);
  const found: string[] = [];
  let cursor: string | null = "0";
  do {
    const page: SegmentMembersAnswer = await admin.get<SegmentMembersAnswer>(
      `segment/members?name=buyers&limit=3&cursor=${cursor}`,
    );
    expect(page.members.length).toBeLessThanOrEqual(3);
    found.push(...page.members.map(({ identifiers }) => identifiers[0]?.value ?? ""));
    for (const { since } of page.members) expect(since).toMatch(/Z$/);
    cursor = page.nextCursor;
  } while (cursor !== null);
  expect(found.toSorted()).toEqual(["42", "b-0", "b-1", "b-2"]);
});

test("an explanation tells every clause of a segment, also of one that somebody is not in", async () => {
  const ann = await admin.get<SegmentExplainAnswer>("segment/explain?name=good-buyers&id=ann@example.com");
  expect([ann.name, ann.clause.isTrue, ann.since === null]).toEqual(["Ann", true, false]);
  expect(ann.clause.of.map(({ words, isTrue }) => [words, isTrue])).toEqual([
    ["is in the segment buyers", true],
    ["plan is pro", true],
  ]);
  const other = await admin.get<SegmentExplainAnswer>("segment/explain?name=good-buyers&id=7");
  expect([other.clause.isTrue, other.since]).toEqual([false, null]);
  expect(other.clause.of[1]).toMatchObject({ words: "plan is pro", isTrue: false, seen: "free" });
});

test.each([
  ["segment?name=none", 404],
  ["segment/members?name=none", 404],
  ["segment/members?name=buyers&cursor=x", 400],
  ["segment/explain?name=none&id=42", 404],
  ["segment/explain?name=buyers&id=nobody", 404],
  ["segments?namespace=other", 400],
  ["traits?id=nobody", 404],
])("%s answers %d", async (path, status) => {
  expect((await admin.send("GET", path)).status).toBe(status);
});

test.each<[string, PageOptions]>([
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["narrow", { viewport: viewports.narrow }],
])(
  "on the page, %s: graph, histories, segments and why, by keyboard; axe finds nothing",
  async (_name, options) => {
    await using tab = await browser.open(`${server.origin}/admin`, { locale, ...options });
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.keyboard.press("Enter");
    await page.waitForSelector("nav");
    const isSound = async () => {
      expect(await tab.axe()).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    };
    await page.goto(`${server.origin}/admin#/profiles/user_id%3A42/live`);
    await page.waitForSelector('svg[aria-label^="Identity graph: 3 identifiers and 2 links"] .tie.link');
    await page.click("text=The 2 links as a table");
    const tie = await page.textContent('[aria-label="Links"] tbody tr');
    expect(tie).toContain("one event carried both");
    await page.waitForSelector('svg[aria-label^="age: 2 values since"] path');
    await page.waitForSelector('svg[aria-label^="plan: 2 values since"] rect >> nth=1');
    await page.click('tr:has(th:has-text("plan")) td:last-child summary');
    const list = await page.textContent('tr:has(th:has-text("plan")) td:last-child ol');
    expect(list).toMatch(/pro \(identify\).*free \(identify\)/);
    expect(await page.textContent('tr:has(th:has-text("views1h"))')).toMatch(/1 event in 1h; next change/);
    await isSound();
    await page.click('section[aria-labelledby="segments"] >> text=good-buyers');
    await page.waitForSelector('.explained:has-text("Ann is in it since")');
    await page.waitForSelector('.clauses .yes:has-text("yesplan is pro")');
    await page.fill("input[name=id]", "user_id:7");
    await page.keyboard.press("Enter");
    await page.waitForSelector('.explained:has-text("is not in it")');
    await page.waitForSelector('[aria-label="Members"] tr:has-text("Ann")');
    await isSound();
    await page.click("text=All segments");
    await page.waitForSelector('[aria-label="Segments"] tr:has(th :text-is("odd"))');
    const size = Number(await page.textContent('[aria-label="Segments"] tr:has(th :text-is("buyers")) td'));
    await server.post("/v1/track", { userId: `late-${size}`, event: "Order Completed" });
    await page.waitForSelector(
      `[aria-label="Segments"] tr:has(th :text-is("buyers")) td:text-is("${size + 1}")`,
    );
    await isSound();
    expect(tab.cspViolations).toEqual([]);
    expect(tab.errors).toEqual([]);
  },
  testMs,
);
