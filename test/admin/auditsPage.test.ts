/** What the admin page shows of audits and of freshness. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type {
  AuditsAnswer,
  DaysAnswer,
  FindingDetailAnswer,
  FreshnessAnswer,
} from "../../src/admin/api/auditWire.ts";
import { startBrowser, viewports, type PageOptions, type TestBrowser } from "../support/browser.ts";
import { freshet } from "../support/command.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { sendShop } from "../support/sendShop.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { dayMs, shopDays, type ShopEvent } from "../support/shopDays.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";
import { adminClient, type AdminClient } from "./api/adminClient.ts";

const startMs = 120_000;
const testMs = 60_000;
const configOf = (sink: string) => `version: 1
traits:
  firstName: { type: string, maxAge: 2d }
computedTraits:
  ordersCount: { aggregate: count, event: Order Completed }
segments:
  buyers: { trait: ordersCount, atLeast: 1 }
destinations:
  sink: { type: http, url: "${sink}", privateNetwork: true, map: { orders: ordersCount } }
alerts: { raiseAfter: 0s }
audits:
  minEvents: 15
  crossChecks:
    orders:
      key: order_id
      left: { source: web, event: Order Completed, property: total }
      right: { source: shop, event: Order Completed, property: total }
      within: 5m
`;

let server: TestServer;
let browser: TestBrowser;
let admin: AdminClient;
const opened = new AsyncDisposableStack();
beforeAll(async () => {
  const folder = opened.use(tempFolder());
  const path = folder.at("freshet.yaml");
  const sink = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => Response.json({}) });
  opened.defer(() => sink.stop(true));
  writeFileSync(path, configOf(`http://127.0.0.1:${sink.port}/`));
  const data = folder.at("data");
  await tenDays(data);
  server = opened.use(await startServer({ data, args: ["--config", path] }));
  browser = opened.use(await startBrowser());
  admin = await adminClient(server);
}, startMs);
afterAll(() => opened.disposeAsync());

/** Ten days up to now; in the last hours a property is gone and the shop tells other totals. */
async function tenDays(data: string): Promise<void> {
  const nowMs = Date.now();
  const beginMs = Math.floor(nowMs / dayMs - 9) * dayMs;
  const fault = (event: ShopEvent, day: number): readonly ShopEvent[] => {
    if (event.atMs > nowMs) return [];
    if (day < 8) return [event];
    const { properties } = event;
    if (event.source === "shop") return [{ ...event, properties: { ...properties, total: 1 } }];
    return event.event === "Product Viewed"
      ? [{ ...event, properties: { ...properties, brand: null } }]
      : [event];
  };
  const clock = new FakeClock(beginMs);
  await using store = await openTestStore(data, { clock });
  await sendShop(store, clock, shopDays({ seed: 5, startMs: beginMs, days: 10, visitsADay: 40, fault }));
}

test(
  "an audit that is asked for tells what it found, with events, profiles and rows to look at",
  async () => {
    const ran = await freshet(["audit", "run", "--data", server.data, "--max-findings", "0"]);
    expect(ran.code).toBe(4);
    expect(ran.stdout).toContain("brand of Product Viewed from web is missing in");
    const listed = await freshet(["audit", "list", "--data", server.data]);
    expect(listed.stdout).toMatch(
      /^ {4}1 {2}20\d\d-.* 2 found \(command; \d+ profiles, \d+ sealed blocks, \d+ folds compared\)\n$/,
    );
    const shown = await freshet(["audit", "show", "--data", server.data, "--json"]);
    expect([shown.code, (JSON.parse(shown.stdout) as { run: { id: number } }).run.id]).toEqual([0, 1]);

    const { latest, kinds, traits, segments } = await admin.get<AuditsAnswer>("audits");
    expect(latest?.findings.map(({ key }) => key)).toEqual([
      "crossCheck:orders",
      "nulls:web:Product Viewed:brand",
    ]);
    expect(kinds).toContainEqual({ source: "web", event: "Product Viewed" });
    const firstName = traits.find(({ trait }) => trait === "firstName");
    expect(firstName?.stale).toBeGreaterThan(0);
    expect(segments).toMatchObject([{ segment: "buyers" }]);

    const crossed = await admin.get<FindingDetailAnswer>("audits/finding?run=1&key=crossCheck:orders");
    expect(crossed.rows.length).toBeGreaterThan(2);
    for (const { key, left, right } of crossed.rows) {
      expect(key).toMatch(/-order-/);
      expect(right?.value).toBe("1");
      expect(Number(left?.value)).toBeGreaterThan(1);
    }
    const brand = await admin.get<FindingDetailAnswer>(
      "audits/finding?run=1&key=nulls:web:Product%20Viewed:brand",
    );
    expect(brand.events.map(({ value }) => value)).toEqual([null, null, null, null, null]);
    const days = await admin.get<DaysAnswer>("audits/days?source=web&event=Product%20Viewed&property=brand");
    expect(days.days.slice(0, 8).map(({ property }) => property?.missing)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
    expect(days.days[8]?.property?.missing).toBe(100);

    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toContain('freshet_audit_findings{kind="nulls",severity="warning"} 1');
    await until(
      "the findings raise alerts",
      async () => {
        const { alerts } = await admin.get<{ alerts: { id: string }[] }>("alerts");
        return alerts.some(({ id }) => id === "audit:nulls:web:Product Viewed:brand");
      },
      60_000,
    );
  },
  testMs,
);

test("the board tells how long events took, by source and event", async () => {
  for (let index = 0; index < 5; index += 1)
    for (const event of ["Slept", "Order Completed"])
      await server.post("/v1/track", {
        userId: `late-${index}`,
        event,
        messageId: `${event}-${index}`,
        timestamp: new Date(Date.now() - 5_000).toISOString(),
      });
  await until("the events are counted", async () => {
    const { kinds } = await admin.get<FreshnessAnswer>("freshness?range=6h");
    return kinds.some(({ event, stages }) => event === "Slept" && (stages["lag"]?.count ?? 0) > 0);
  });
  const board = await admin.get<FreshnessAnswer>("freshness?range=6h");
  const slept = board.kinds.find(({ event }) => event === "Slept");
  expect(slept?.stages["lag"]?.p50).toBeGreaterThan(2_000);
  expect(board.target).toMatchObject({
    stage: "visible",
    withinMs: 1_000,
    share: 0.999,
    windowMs: 28 * dayMs,
  });
  expect(board.target.events).toBeGreaterThan(0);
  expect(board.stages).toContain("visible");
  await until("a destination took what an order changed", async () => {
    const { stages } = await admin.get<FreshnessAnswer>("freshness?range=6h");
    return stages.includes("delivered");
  });
});

const looks: readonly (readonly [name: string, options: PageOptions])[] = [
  ["light", { viewport: viewports.wide, colorScheme: "light", locale: "en-GB" }],
  ["dark", { viewport: viewports.wide, colorScheme: "dark", locale: "en-GB" }],
  ["narrow", { viewport: viewports.narrow, colorScheme: "light", locale: "en-GB" }],
];

test.each(looks)(
  "the sections can be read and used: %s",
  async (name, options) => {
    await using tab = await browser.open(`${server.origin}/admin#/audits`, options);
    const { page } = tab;
    await page.fill("#key", server.secretKey);
    await page.click("text=Sign in >> nth=-1");
    const shot = async (part: string) => {
      const folder = process.env["AUDIT_SHOTS"];
      if (folder !== undefined)
        await page.screenshot({ path: `${folder}/${part}-${name}.png`, fullPage: true });
      expect(await tab.axe()).toEqual([]);
    };
    await page.getByText("brand of Product Viewed from web is missing").waitFor();
    await page
      .getByRole("table", { name: "Traits" })
      .or(page.getByRole("group", { name: "Traits" }))
      .first()
      .waitFor();
    await shot("audits");
    await page.getByRole("link", { name: /Look at it.*crossCheck:orders/ }).click();
    await page.getByRole("heading", { name: "Rows that differ" }).waitFor();
    await shot("finding");
    await page.getByRole("link", { name: "What came of it by day" }).click();
    await page.getByRole("img", { name: /^Events and people/ }).waitFor();
    await page.getByLabel("Property").selectOption("total");
    await page.getByRole("img", { name: /^total: missing/ }).waitFor();
    await shot("days");
    await page.getByRole("link", { name: "Audits", exact: true }).first().click();
    await page.getByRole("button", { name: "Look now" }).click();
    await page.getByRole("status").getByText("Done.").waitFor();
    await page.getByRole("link", { name: "Freshness", exact: true }).click();
    await page.getByRole("heading", { name: "By source and event, the worst first" }).waitFor();
    await shot("freshness");
    expect(tab.cspViolations).toEqual([]);
    expect(tab.errors).toEqual([]);
  },
  testMs,
);
