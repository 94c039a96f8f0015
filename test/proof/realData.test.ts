/** Computed traits over the events of real shops, against plain SQL over the raw files. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import type { Definition } from "../../src/model/definition.ts";
import type { Json } from "../../src/model/event.ts";
import { ecommercePack, saasPack } from "../../src/model/packs.ts";
import { isoOf, linesOf, replayed, rowsOf, type Computed, type Sent } from "./replay.ts";

const dayMs = 86_400_000;
const event = "Order Completed";

/** Holds what was computed of the named traits against rows with `user` and one column a trait. */
function expectRows(computed: Computed, tMs: number, wanted: readonly Record<string, Json>[]): void {
  for (const { user, ...traits } of wanted) {
    const got = computed.get(`${typeof user === "string" ? user : ""} ${tMs}`) ?? {};
    expect({
      user,
      ...Object.fromEntries(Object.keys(traits).map((name) => [name, got[name] ?? null])),
    }).toEqual({
      user,
      ...traits,
    });
  }
}

function csvFields(line: string): string[] {
  return [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].map(([, field = ""]) =>
    field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field,
  );
}

test("orders, refunds and averages of a shop's ten days, told by page and server", async () => {
  using database = new Database(":memory:", { strict: true });
  database.run(
    "CREATE TABLE line (invoice TEXT, code TEXT, quantity INTEGER, at INTEGER, cents INTEGER, user TEXT, currency TEXT)",
  );
  const insert = database.prepare("INSERT INTO line VALUES (?, ?, ?, ?, ?, ?, ?)");
  const lines = linesOf("uci-online-retail-10days.csv.gz").slice(1);
  database.transaction(() => {
    for (const line of lines) {
      const [invoice = "", code = "", , quantity = "", at = "", price = "", customer = "", country = ""] =
        csvFields(line);
      const cents = Math.round(Number(price) * 100);
      const user = customer === "" ? null : String(Number(customer));
      const currency = country === "United Kingdom" ? "GBP" : "EUR";
      insert.run(
        invoice,
        code,
        Number(quantity),
        Date.parse(`${at.replace(" ", "T")}Z`),
        cents,
        user,
        currency,
      );
    }
  })();
  expect(rowsOf(database, "SELECT COUNT(*) AS n FROM line")).toEqual([{ n: 26_732 }]);
  database.run(`
    CREATE TABLE placed AS
      SELECT invoice, user, MIN(at) AS at, SUM(quantity * cents) AS cents, MIN(currency) AS currency FROM line
      WHERE user IS NOT NULL AND invoice NOT LIKE 'C%' GROUP BY invoice, user`);
  // A cancelled line is taken off the customer's newest earlier order with that product, where there is one.
  database.run(`
    CREATE TABLE refund AS
      SELECT c.rowid AS id, c.invoice, c.user, c.at, -c.quantity * c.cents AS cents,
        (SELECT o.invoice FROM line o WHERE o.user = c.user AND o.code = c.code AND o.at < c.at
          AND o.invoice NOT LIKE 'C%' ORDER BY o.at DESC, o.invoice DESC LIMIT 1) AS order_id
      FROM line c WHERE c.user IS NOT NULL AND c.invoice LIKE 'C%'`);

  const orders = rowsOf(
    database,
    "SELECT invoice, user, at, cents, currency FROM placed ORDER BY at, invoice",
  );
  const refunds = rowsOf(
    database,
    "SELECT id, invoice, user, at, cents, order_id FROM refund ORDER BY at, id",
  );
  const events: Sent[] = [
    ...orders.flatMap(({ invoice, user, at, cents, currency }) => {
      const amount = Number(cents) / 100;
      const common = { userId: String(user), event };
      return [
        {
          ...common,
          messageId: `page-${invoice}`,
          timestamp: new Date(Number(at)).toISOString(),
          properties: { order_id: invoice ?? "", value: 1, currency: currency ?? "" },
        },
        {
          ...common,
          messageId: `server-${invoice}`,
          timestamp: new Date(Number(at) + 2_000).toISOString(),
          properties: {
            order_id: Number(invoice),
            total: amount,
            revenue: amount / 2,
            currency: String(currency).toLowerCase(),
          },
        },
      ];
    }),
    ...refunds.map(({ id, invoice, user, at, cents, order_id: orderId }) => ({
      userId: String(user),
      event: "Order Refunded",
      messageId: `refund-${id}`,
      timestamp: new Date(Number(at)).toISOString(),
      properties: { order_id: orderId ?? invoice ?? "", total: Number(cents) / 100 },
    })),
  ].sort((left, right) => Date.parse(left.timestamp) - Date.parse(right.timestamp));

  const wanted = rowsOf(
    database,
    `WITH net AS (
       SELECT p.user, p.at, p.currency, MAX(0, p.cents - COALESCE((SELECT SUM(r.cents) FROM refund r WHERE r.order_id = p.invoice), 0)) AS cents
       FROM placed p)
     SELECT user, COUNT(*) AS ordersCount,
       COALESCE(SUM(cents) FILTER (WHERE currency = 'GBP'), 0) / 100.0 AS totalRevenue,
       ROUND(SUM(cents) FILTER (WHERE currency = 'GBP') * 10000.0 / COUNT(*) FILTER (WHERE currency = 'GBP')) / 1000000
         AS averageOrderValue,
       MAX(at) AS lastOrderAt,
       (SELECT json_group_object(currency, cents) FROM (
         SELECT currency, SUM(cents) / 100.0 AS cents FROM net n WHERE n.user = net.user GROUP BY currency))
         AS totalRevenueByCurrency
     FROM net GROUP BY user`,
  ).map((row) => ({
    ...row,
    lastOrderAt: isoOf(row["lastOrderAt"]),
    totalRevenueByCurrency: JSON.parse(String(row["totalRevenueByCurrency"])) as Json,
  }));
  const abroad = wanted.filter(({ totalRevenueByCurrency: sums }) => Object.hasOwn(sums as object, "EUR"));
  expect(abroad.length).toBeGreaterThan(20);
  const refunded = rowsOf(database, "SELECT COUNT(*) AS n FROM refund WHERE order_id IS NOT NULL");
  expect(wanted.length).toBeGreaterThan(500);
  expect(Number(refunded[0]?.["n"])).toBeGreaterThan(50);

  const tMs = Date.parse("2011-01-01T00:00:00Z");
  expectRows(await replayed(events, ecommercePack("GBP"), [tMs]), tMs, wanted);
}, 120_000);

const year = 365 * dayMs;
const purchases: readonly Definition[] = [
  ...ecommercePack("USD"),
  { name: "orders1y", aggregate: "orders", measure: "count", currency: "USD", windowMs: year },
  { name: "spent90d", aggregate: "sum", event, property: "total", windowMs: 90 * dayMs },
  { name: "average", aggregate: "average", event, property: "total" },
  { name: "most", aggregate: "max", event, property: "total" },
  { name: "least1y", aggregate: "min", event, property: "total", windowMs: year },
  {
    name: "perDisc",
    aggregate: "ratio",
    of: { event, property: "total" },
    per: { event, property: "discs" },
  },
  { name: "dear1y", aggregate: "count", event, where: { total: { above: 50 } }, windowMs: year },
  { name: "daysSince", aggregate: "timeSince", event, unitMs: dayMs },
];

test("purchases of two years in windows of days and years, at many moments", async () => {
  using database = new Database(":memory:", { strict: true });
  database.run("CREATE TABLE bought (id INTEGER, user TEXT, at INTEGER, discs INTEGER, cents INTEGER)");
  const insert = database.prepare("INSERT INTO bought VALUES (?, ?, ?, ?, ?)");
  const events: Sent[] = [];
  database.transaction(() => {
    for (const [id, line] of linesOf("cdnow_sample.txt.gz").entries()) {
      const [customer = "", , day = "", discs = "", dollars = ""] = line.trim().split(/\s+/);
      const atMs = Date.parse(`${day.slice(0, 4)}-${day.slice(4, 6)}-${day.slice(6)}T12:00:00Z`);
      insert.run(id, customer, atMs, Number(discs), Math.round(Number(dollars) * 100));
      events.push({
        userId: customer,
        event,
        messageId: `m-${id}`,
        timestamp: new Date(atMs).toISOString(),
        properties: { order_id: `o-${id}`, total: dollars, discs: Number(discs), currency: "USD" },
      });
    }
  })();
  expect(events.length).toBe(6_919);
  const momentsMs = [
    "1998-03-31T12:00:00Z",
    "1998-07-01T00:00:00Z",
    "1998-12-31T12:00:00Z",
    "1999-06-30T11:59:59Z",
  ].map((time) => Date.parse(time));
  const computed = await replayed(events, purchases, momentsMs);
  for (const tMs of momentsMs) {
    const wanted = rowsOf(
      database,
      `SELECT user, COUNT(*) AS ordersCount, SUM(cents) / 100.0 AS totalRevenue,
         ROUND(SUM(cents) * 10000.0 / COUNT(*)) / 1000000 AS averageOrderValue,
         ROUND(SUM(cents) * 10000.0 / COUNT(*)) / 1000000 AS average,
         MAX(cents) / 100.0 AS most, MAX(at) AS lastOrderAt,
         SUM(at > ?1 - 365 * 86400000) AS orders1y,
         COALESCE(SUM(CASE WHEN at > ?1 - 90 * 86400000 THEN cents END), 0) / 100.0 AS spent90d,
         MIN(CASE WHEN at > ?1 - 365 * 86400000 THEN cents END) / 100.0 AS least1y,
         SUM(at > ?1 - 365 * 86400000 AND cents > 5000) AS dear1y,
         CASE WHEN SUM(discs) = 0 THEN NULL ELSE ROUND(SUM(cents) * 10000.0 / SUM(discs)) / 1000000 END AS perDisc,
         MAX(0, CAST((?1 - MAX(at)) / 86400000 AS INTEGER)) AS daysSince
       FROM bought GROUP BY user`,
      tMs,
    ).map((row) => ({ ...row, lastOrderAt: isoOf(row["lastOrderAt"]) }));
    expect(wanted.length).toBe(2_357);
    expectRows(computed, tMs, wanted);
  }
}, 180_000);

interface OttoSession {
  readonly session: number;
  readonly events: readonly { readonly aid: number; readonly ts: number; readonly type: string }[];
}

const looks: readonly Definition[] = [
  ...ecommercePack("EUR"),
  ...saasPack(),
  { name: "viewed", aggregate: "count", event: "Product Viewed" },
  { name: "products", aggregate: "unique", event: "Product Viewed", property: "product_id" },
  { name: "visits", aggregate: "sessions", event: { call: "any" }, idleMs: 1_800_000 },
  {
    name: "clicksPerCart",
    aggregate: "ratio",
    of: { event: "Product Viewed" },
    per: { event: "Product Added" },
  },
];

test("what a shop's visitors looked at, carts and visits", async () => {
  using database = new Database(":memory:", { strict: true });
  database.run("CREATE TABLE act (id INTEGER, user TEXT, at INTEGER, kind TEXT, product INTEGER)");
  const insert = database.prepare("INSERT INTO act VALUES (?, ?, ?, ?, ?)");
  const names: Readonly<Record<string, string>> = { clicks: "Product Viewed", carts: "Product Added" };
  const events: Sent[] = [];
  for (const line of linesOf("otto-sessions-sample.jsonl.gz")) {
    const { session, events: acts } = JSON.parse(line) as OttoSession;
    const common = { userId: `s-${session}` };
    for (const { aid, ts, type } of acts) {
      insert.run(events.length, common.userId, ts, type, aid);
      const name = names[type];
      // Products that are bought together come at one moment, as one order.
      const orderId = `o-${session}-${ts}`;
      if (name === undefined && events.some(({ messageId }) => messageId === orderId)) continue;
      const properties: Sent["properties"] = name === undefined ? { order_id: orderId } : { product_id: aid };
      const messageId = name === undefined ? orderId : `m-${session}-${events.length}`;
      events.push({
        ...common,
        event: name ?? event,
        messageId,
        timestamp: new Date(ts).toISOString(),
        properties,
      });
    }
  }
  expect(rowsOf(database, "SELECT COUNT(*) AS n FROM act")).toEqual([{ n: 862 }]);
  const [newest] = rowsOf(database, "SELECT MAX(at) AS at FROM act");
  const tMs = Number(newest?.["at"]);
  const wanted = rowsOf(
    database,
    `WITH gaps AS (
       SELECT user, at, at - LAG(at) OVER (PARTITION BY user ORDER BY at) AS gap FROM act),
     starts AS (SELECT user, SUM(gap IS NULL OR gap >= 1800000) AS visits FROM gaps GROUP BY user),
     recent AS (
       SELECT user, SUM(before IS NULL OR at - before >= 1800000) AS sessions7d FROM (
         SELECT user, at, LAG(at) OVER (PARTITION BY user ORDER BY at) AS before FROM act WHERE at > ?1 - 7 * 86400000)
       GROUP BY user)
     SELECT a.user, SUM(kind = 'clicks') AS viewed,
       COUNT(DISTINCT CASE WHEN kind = 'clicks' THEN product END) AS products,
       SUM(kind = 'clicks' AND at > ?1 - 86400000) AS views24h,
       COUNT(DISTINCT CASE WHEN kind = 'orders' THEN at END) AS ordersCount,
       CASE WHEN SUM(kind = 'carts') = 0 THEN NULL
         ELSE ROUND(SUM(kind = 'clicks') * 1000000.0 / SUM(kind = 'carts')) / 1000000 END AS clicksPerCart,
       MAX(at) AS lastActiveAt, s.visits, COALESCE(r.sessions7d, 0) AS sessions7d
     FROM act a JOIN starts s USING (user) LEFT JOIN recent r USING (user) GROUP BY a.user`,
    tMs,
  ).map((row) => ({ ...row, lastActiveAt: isoOf(row["lastActiveAt"]) }));
  expect(wanted.length).toBe(20);
  const computed = await replayed(events, looks, [tMs]);
  expectRows(computed, tMs, wanted);

  for (const { user } of rowsOf(database, "SELECT DISTINCT user FROM act")) {
    const inCart = database
      .query<{ product: number; n: number }, [string]>(
        `SELECT product, COUNT(*) AS n FROM act WHERE user = ?1 AND kind = 'carts'
           AND at > COALESCE((SELECT MAX(at) FROM act WHERE user = ?1 AND kind = 'orders'), 0)
         GROUP BY product ORDER BY MIN(at)`,
      )
      .all(String(user));
    const shown = database
      .query<{ product: number }, [string]>(
        `SELECT product FROM act WHERE user = ?1 AND kind = 'clicks' GROUP BY product ORDER BY MAX(at) DESC LIMIT 10`,
      )
      .all(String(user));
    const got = computed.get(`${typeof user === "string" ? user : ""} ${tMs}`) ?? {};
    const cart = got["cart"] as { items: { product_id: number; quantity: number }[] } | null;
    expect(cart?.items ?? []).toEqual(inCart.map(({ product, n }) => ({ product_id: product, quantity: n })));
    expect(got["recentlyViewed"]).toEqual(shown.map(({ product }) => ({ product_id: product })));
  }
}, 60_000);
