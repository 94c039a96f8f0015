/** Browser clients made for other hosts, as they are published, changed in nothing but the host. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { startBrowser, type TestBrowser, type TestPage } from "../support/browser.ts";
import { arrivalOf } from "../support/keptEvents.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { openShop } from "../support/shop.ts";

const packages = join(import.meta.dir, "../../node_modules");
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
  readonly shopOrigin: string;
}

/** Opens a page that loads a client's script. */
async function visit(script: string, load: string): Promise<Visit> {
  const head = `<script src="/files/${script}"></script><script>${load}</script>`;
  const shop = openShop({ head, files: packages });
  const tab = await browser.open(`${shop.origin}/shoes`);
  return {
    ...tab,
    shopOrigin: shop.origin,
    [Symbol.asyncDispose]: async () => {
      await tab[Symbol.asyncDispose]();
      shop[Symbol.dispose]();
    },
  };
}

const segment = "@segment/analytics-next/dist/umd/index.js";
const loadSegment = (options = "{}") =>
  `window.client = AnalyticsNext.AnalyticsBrowser.load({ writeKey: "${server.writeKey}", cdnURL: "${server.origin}" }, ${options});`;
const rudder = "@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js";
const loadRudder = (options = "") =>
  `window.client = new rudderanalytics.RudderAnalytics();
   client.load("${server.writeKey}", "${server.origin}", { configUrl: "${server.origin}", ${options} });`;

const clients: readonly (readonly [name: string, script: string, load: () => string])[] = [
  ["analytics.js", segment, loadSegment],
  [
    "analytics.js, batching",
    segment,
    () =>
      loadSegment(
        '{ integrations: { "Segment.io": { deliveryStrategy: { strategy: "batching", config: { size: 10, timeout: 50 } } } } }',
      ),
  ],
  ["RudderStack", rudder, loadRudder],
  [
    "RudderStack, batching",
    rudder,
    () => loadRudder("queueOptions: { batch: { enabled: true, flushInterval: 50 } }"),
  ],
  [
    "RudderStack, by beacon",
    rudder,
    () => loadRudder("useBeacon: true, beaconQueueOptions: { flushQueueInterval: 50 }"),
  ],
];

test.each(clients)("%s sends every call", async (name, script, load) => {
  await using shopper = await visit(script, load());
  const { page } = shopper;
  const userId = `u ${name}`;
  await page.evaluate(`client.page("Shoes", { kind: "list" });
    client.identify(${JSON.stringify(userId)}, { firstName: "Ann" });
    client.group("g-1", { plan: "pro" });
    client.track("Order Completed", { total: 10, products: [{ product_id: "P7" }] });
    undefined`);
  const id = `user_id:${encodeURIComponent(userId)}`;
  const events = await arrivalOf(server, id, "Order Completed");
  expect(events.map(({ type }) => type).sort()).toEqual(["group", "identify", "page", "track"]);
  const track = events.find(({ type }) => type === "track");
  expect(track?.properties).toMatchObject({ total: 10, products: [{ product_id: "P7" }] });
  const seen = events.find(({ type }) => type === "page");
  expect(seen?.name).toBe("Shoes");
  expect(seen?.properties).toMatchObject({ kind: "list", path: "/shoes" });
  const profile = (await (await server.get(`/v1/profiles/${id}`)).json()) as object;
  expect(profile).toMatchObject({ traits: { firstName: "Ann" } });
  const ours = [server.origin, shopper.shopOrigin];
  expect(shopper.requested.filter((url) => !ours.some((origin) => url.startsWith(origin)))).toEqual([]);
  expect(shopper.errors).toEqual([]);
});
