import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { ConfigError } from "../../src/config/configError.ts";
import type { Environment } from "../../src/config/environment.ts";
import {
  loadDataFolder,
  loadServeSettings,
  type Flags,
  type ServeSettings,
} from "../../src/config/settings.ts";
import { noRules } from "../../src/model/rules.ts";
import { tempFolder } from "../support/tempFolder.ts";

/** Settings with this freshet.yaml, or none. */
function load(given: { flags?: Flags; env?: Environment; yaml?: string } = {}): ServeSettings {
  using folder = tempFolder();
  const path = folder.at("freshet.yaml");
  if (given.yaml !== undefined) writeFileSync(path, given.yaml);
  const config = given.yaml === undefined ? {} : { config: path };
  return loadServeSettings({ ...config, ...given.flags }, given.env ?? {});
}

/** The problems that a refusal names, without the file's folder. */
function problems(given: Parameters<typeof load>[0]): string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError)
      return error.problems.map((problem) => problem.replace(/^\S*freshet\.yaml: /, "freshet.yaml: "));
    throw error;
  }
  return [];
}

describe("defaults", () => {
  test("are those of the contract", () => {
    const { dataFolder, host, port, sources, proxyTrust, firstKeys } = load();
    expect({ dataFolder, host, port, sources, proxyTrust, firstKeys }).toEqual({
      dataFolder: "./data",
      host: "127.0.0.1",
      port: 8787,
      sources: [],
      proxyTrust: { kind: "none" },
      firstKeys: { writeKey: null, secretKey: null },
    });
  });

  test("give durations in milliseconds and sizes in bytes", () => {
    const { limits } = load();
    expect(limits.drainTimeoutMs).toBe(15_000);
    expect(limits.feedHeartbeatMs).toBe(10_000);
    expect(limits.maxInFlightBytes).toBe(256 * 1024 * 1024);
  });
});

describe("precedence", () => {
  const yaml = "version: 1\nserve: { port: 3, host: 0.0.0.3 }\n";

  test("a flag beats a variable beats the file", () => {
    expect(load({ yaml }).port).toBe(3);
    expect(load({ yaml, env: { FRESHET_PORT: "2" } }).port).toBe(2);
    expect(load({ yaml, env: { FRESHET_PORT: "2" }, flags: { port: "1" } }).port).toBe(1);
    expect(load({ yaml, flags: { port: "1" } }).host).toBe("0.0.0.3");
  });

  test("an empty variable counts as none", () => {
    expect(load({ yaml, env: { FRESHET_PORT: "" } }).port).toBe(3);
  });
});

describe("lists", () => {
  test("come as repeated flags, comma-separated variables and YAML lists", () => {
    const urls = ["https://a.example", "https://b.example"];
    expect(load({ flags: { publicUrl: urls } }).publicUrls).toEqual(urls);
    expect(load({ env: { FRESHET_PUBLIC_URL: urls.join(", ") } }).publicUrls).toEqual(urls);
    expect(load({ yaml: `version: 1\nserve: { publicUrl: [${urls.join(", ")}] }` }).publicUrls).toEqual(urls);
  });

  test.each([
    [["2"], { kind: "hops", hops: 2 }],
    [["10.0.0.0/8", "::1"], { kind: "networks", networks: ["10.0.0.0/8", "::1"] }],
  ] as const)("trustProxy %p is %p", (trustProxy, expected) => {
    expect(load({ flags: { trustProxy } }).proxyTrust).toEqual(expected);
  });

  test.each([[["0"]], [["11"]], [["10.0.0.0/33"]], [["example.com"]], [["1", "10.0.0.0/8"]]])(
    "trustProxy %p is refused",
    (trustProxy) => {
      expect(problems({ flags: { trustProxy } })).toHaveLength(1);
    },
  );

  test.each([["ftp://a.example"], ["https://a.example/path"], ["a.example"], ["https://user@a.example"]])(
    "publicUrl %p is refused",
    (url) => {
      expect(problems({ flags: { publicUrl: [url] } })).toEqual([
        "--public-url: expected URLs such as https://events.example.com, without a path",
      ]);
    },
  );
});

describe("a bad value", () => {
  test("is named by where it came from, and never repeated", () => {
    const secret = "hunter2";
    expect(problems({ flags: { port: secret } })).toEqual([
      "--port: expected a whole number from 0 to 65535",
    ]);
    expect(problems({ env: { FRESHET_PORT: secret } })).toEqual([
      "FRESHET_PORT: expected a whole number from 0 to 65535",
    ]);
    expect(problems({ yaml: `version: 1\nserve: { port: ${secret} }` })).toEqual([
      "freshet.yaml: serve.port: expected a whole number from 0 to 65535",
    ]);
  });

  test.each(["10", "1.5s", "s", "1 s", "10sec", "-1s", "1h30m", "999999999999d"])(
    "duration %p is refused",
    (drainTimeout) => {
      expect(problems({ flags: { drainTimeout } })).toEqual([
        "--drain-timeout: expected a duration such as 500ms, 10s, 5m, 2h or 7d",
      ]);
    },
  );

  test("all of them are told at once", () => {
    expect(problems({ flags: { port: "x", host: "", logLevel: "loud" } })).toHaveLength(3);
  });

  test("limits that contradict each other are refused", () => {
    expect(problems({ flags: { feedHeartbeat: "30s", idleTimeout: "30s" } })).toEqual([
      "feedHeartbeat: expected a duration from 500ms to less than idleTimeout",
    ]);
  });
});

describe("variables", () => {
  test("an unknown one is refused, with what was probably meant", () => {
    expect(problems({ env: { FRESHET_PROT: "1" } })).toEqual([
      "FRESHET_PROT: unknown variable; did you mean FRESHET_PORT?",
    ]);
    expect(() => loadDataFolder({}, { FRESHET_DATAA: "x" })).toThrow("did you mean FRESHET_DATA?");
  });

  test("what Kubernetes sets for a service of that name is passed over, or explained", () => {
    const links = {
      FRESHET_SERVICE_HOST: "10.0.0.1",
      FRESHET_SERVICE_PORT: "8787",
      FRESHET_PORT_8787_TCP_ADDR: "10.0.0.1",
    };
    expect(problems({ env: links })).toEqual([]);
    expect(problems({ env: { FRESHET_PORT: "tcp://10.0.0.1:8787" } })[0]).toContain("enableServiceLinks");
  });

  test.each([
    ["FRESHET_WRITE_KEY", "wk_too_short"],
    ["FRESHET_WRITE_KEY", "sk_of_the_wrong_kind_0001"],
    ["FRESHET_WRITE_KEY", "wk_with spaces in it 0001"],
    ["FRESHET_SECRET_KEY", "sk_short"],
    ["FRESHET_SECRET_KEY", "wk_of_the_wrong_kind_0001"],
  ])("%s=%s is refused without repeating it", (name, value) => {
    const [problem = "", ...more] = problems({ env: { [name]: value } });
    expect(more).toEqual([]);
    expect(problem).toStartWith(`${name}: expected`);
    expect(problem).not.toContain(value);
  });

  test("good first keys are taken", () => {
    const firstKeys = { writeKey: "wk_test_0123456789", secretKey: "sk_0123456789abc" };
    expect(
      load({ env: { FRESHET_WRITE_KEY: firstKeys.writeKey, FRESHET_SECRET_KEY: firstKeys.secretKey } })
        .firstKeys,
    ).toEqual(firstKeys);
  });
});

describe("freshet.yaml", () => {
  test("gives the streams to follow; such a source may do without a key", () => {
    const yaml = [
      "version: 1",
      "sources:",
      '  prices: { trust: server, follow: "http://10.0.0.7/stream" }',
      '  both: { trust: browser, follow: "https://shop.example/s", writeKey: wk_test_0123456789 }',
    ].join("\n");
    const { sources, follows } = load({ yaml });
    expect(sources.map(({ name }) => name)).toEqual(["both"]);
    expect(follows).toEqual([
      { source: "prices", url: "http://10.0.0.7/stream", trusted: true, namespace: "live" },
      { source: "both", url: "https://shop.example/s", trusted: false, namespace: "test" },
    ]);
  });

  test("gives thresholds of alerts, and defaults for the rest", () => {
    expect(load({}).alerts).toMatchObject({ webhook: null, raiseAfterMs: 30_000, quietAfterMsBySource: {} });
    const yaml =
      'version: 1\nalerts: { webhook: "http://10.0.0.7/hook", quiet: { shop: 15m }, diskFree: 5GB }';
    expect(load({ yaml }).alerts).toEqual({
      webhook: "http://10.0.0.7/hook",
      raiseAfterMs: 30_000,
      clearAfterMs: 120_000,
      quietAfterMs: 21_600_000,
      quietAfterMsBySource: { shop: 900_000 },
      quarantinePercent: 5,
      latencyMs: 2_000,
      destinationLagMs: 900_000,
      destinationErrorPercent: 25,
      deadLetters: 1,
      driftPercent: 2,
      diskFreeBytes: 5 * 1024 ** 3,
    });
  });

  test("gives sources, keys taken from variables", () => {
    const yaml =
      'version: 1\nsources:\n  web: { trust: browser, writeKey: "${FRESHET_MY_KEY}" }\n  shop: { trust: server, writeKey: wk_shop_0123456789 }\n';
    expect(load({ yaml, env: { FRESHET_MY_KEY: "wk_web_0123456789" } }).sources).toEqual([
      { name: "web", trust: "browser", writeKey: "wk_web_0123456789" },
      { name: "shop", trust: "server", writeKey: "wk_shop_0123456789" },
    ]);
  });

  test.each([
    ["version: 2", ["freshet.yaml: version: expected 1"]],
    ["sources: {}", ["freshet.yaml: version is missing: expected 1"]],
    ["version: 1\nsauces: {}", ["freshet.yaml: sauces is unknown; did you mean sources?"]],
    ["version: 1\nserve: { prot: 1 }", ["freshet.yaml: serve.prot is unknown; did you mean port?"]],
    ["version: 1\nserve: { data: ./x }", ["freshet.yaml: serve.data is unknown"]],
    ["version: 1\nsources: { web: { trust: browser } }", ["sources.web.writeKey is missing"]],
    [
      'version: 1\nsources: { web: { trust: server, follow: "file:///etc/passwd" } }',
      ["sources.web.follow: expected a URL that begins with https:// or http://"],
    ],
    ["version: 1\nalerts: { quietAftr: 1h }", ["alerts.quietAftr is unknown; did you mean quietAfter?"]],
    [
      "version: 1\nalerts: { latency: fast, quiet: { shop: 3 }, webhook: 'javascript:1' }",
      [
        "alerts.webhook: expected a URL",
        "alerts.quiet.shop: expected a map of source names and durations",
        "alerts.latency: expected a duration",
      ],
    ],
    [
      "version: 1\nsources: { web: { trust: browser, writeKy: wk_0123456789abc } }",
      ["writeKey is missing", "sources.web.writeKy is unknown; did you mean writeKey?"],
    ],
    [
      "version: 1\nsources: { web: { trust: all, writeKey: wk_0123456789abc } }",
      ["freshet.yaml: sources.web.trust: expected browser or server"],
    ],
    [
      "version: 1\nsources: { 'a b': { trust: server, writeKey: wk_0123456789abc } }",
      ["sources.a b: expected a map of sources"],
    ],
    [
      'version: 1\nsources: { web: { trust: browser, writeKey: "${NOT_SET}" } }',
      ["freshet.yaml: sources.web.writeKey: the variable NOT_SET is not set"],
    ],
    [
      "version: 1\nsources: { a: { trust: server, writeKey: wk_0123456789abc }, b: { trust: server, writeKey: wk_0123456789abc } }",
      ["sources.b.writeKey: the same key as sources.a"],
    ],
    [
      "version: 1\nidentity: { phone: { limt: 3 }, email: { normalise: lower }, profile_id: {} }",
      [
        "identity.phone.limt is unknown; did you mean limit?",
        "identity.profile_id: a name has at most 40 small letters",
      ],
    ],
    [
      "version: 1\nidentity: { email: { normalise: lower }, views: { limit: 1 } }\ncomputedTraits: { views: { aggregate: count, event: Seen } }",
      ["identity.email.normalise: email is built in", "identity.views: a computed trait has this name"],
    ],
    [
      "version: 1\nidentity: { phone: { limit: 0, block: 7, normalise: mobile } }",
      [
        "identity.phone.limit: expected a whole number from 1 to 10000",
        "identity.phone.normalise: expected one of email, phone, lower, none",
        "identity.phone.block: expected a list of up to 1000 texts",
      ],
    ],
    ["version: [", ["freshet.yaml: not valid YAML"]],
    ["just text", ["freshet.yaml: the file: expected a map with version: 1"]],
  ])("%p is refused", (yaml, expected) => {
    const found = problems({ yaml });
    expect(found).toHaveLength(expected.length);
    for (const [index, part] of expected.entries()) expect(found[index]).toContain(part);
  });

  test("$${NAME} stands for itself", () => {
    expect(problems({ yaml: 'version: 1\nserve: { host: "$${HOST}" }' })).toEqual([]);
    expect(load({ yaml: 'version: 1\nserve: { host: "$${HOST}" }' }).host).toBe("${HOST}");
  });

  test("a missing file is refused only where it was asked for", () => {
    expect(problems({ flags: { config: "/nowhere/freshet.yaml" } })[0]).toContain("there is no such file");
  });
});

test("identifiers of one's own and limits become rules", () => {
  const { rules } = load({
    yaml: "version: 1\nidentity: { phone: { limit: 3, priority: 4, normalise: phone }, user_id: { block: [demo] } }",
  });
  expect(rules.identity).toEqual([
    { type: "phone", limit: 3, priority: 4, normalise: "phone" },
    { type: "user_id", block: ["demo"] },
  ]);
  expect(load({ yaml: "version: 1" }).rules.identity).toEqual([]);
});

describe("computed traits", () => {
  const head = "version: 1\n";

  test("of packs and of one's own become definitions", () => {
    const { rules } = load({
      yaml: `${head}use: [{ ecommerce: { currency: EUR } }, engagement]
computedTraits:
  shoesViewed7d: { aggregate: count, event: Product Viewed, where: { category: { is: shoes } }, window: 7d }
  biggestOrder: { aggregate: max, event: Order Completed, property: total }
  lastSearches: { aggregate: list, event: Products Searched, property: query, keep: 5, uniqueBy: query }`,
    });
    expect(rules.computed.map(({ name }) => name)).toEqual([
      "cart",
      "ordersCount",
      "totalRevenue",
      "averageOrderValue",
      "lastOrderAt",
      "totalRevenueByCurrency",
      "recentlyViewed",
      "favoriteCategory",
      "views24h",
      "opens30d",
      "humanOpens30d",
      "clicks30d",
      "lastOpenedAt",
      "lastClickedAt",
      "emailable",
      "shoesViewed7d",
      "biggestOrder",
      "lastSearches",
    ]);
    expect(rules.computed.slice(-3)).toEqual([
      {
        name: "shoesViewed7d",
        aggregate: "count",
        event: "Product Viewed",
        where: { category: { is: "shoes" } },
        windowMs: 604_800_000,
      },
      { name: "biggestOrder", aggregate: "max", event: "Order Completed", property: "total" },
      {
        name: "lastSearches",
        aggregate: "list",
        event: "Products Searched",
        property: "query",
        keep: 5,
        uniqueBy: "query",
      },
    ]);
    expect(rules.computed.slice(0, 2)).toEqual([
      { name: "cart", aggregate: "cart", currency: "EUR" },
      { name: "ordersCount", aggregate: "orders", measure: "count", currency: "EUR" },
    ]);
    expect(load().rules).toEqual(noRules);
  });

  test("of every later kind become definitions, with their defaults", () => {
    const { rules } = load({
      yaml: `${head}computedTraits:
  clickRate30d:
    aggregate: ratio
    of: { event: Email Link Clicked, where: { link: { contains: shop } } }
    per: { event: Email Delivered }
    window: 30d
  sinceOrder: { aggregate: timeSince, event: Order Completed }
  visits: { aggregate: sessions, event: { call: page } }
  reading: { aggregate: streak, event: { call: screen, name: Chapter }, timeZone: Europe/Berlin }
  pricingMs: { aggregate: timeOnPage, where: { path: { oneOf: [/pricing, /plans] } }, window: 7d }`,
    });
    expect(rules.computed).toEqual([
      {
        name: "clickRate30d",
        aggregate: "ratio",
        of: { event: "Email Link Clicked", where: { link: { contains: "shop" } } },
        per: { event: "Email Delivered" },
        windowMs: 2_592_000_000,
      },
      { name: "sinceOrder", aggregate: "timeSince", event: "Order Completed", unitMs: 86_400_000 },
      { name: "visits", aggregate: "sessions", event: { call: "page" }, idleMs: 1_800_000 },
      {
        name: "reading",
        aggregate: "streak",
        event: { call: "screen", name: "Chapter" },
        timeZone: "Europe/Berlin",
      },
      {
        name: "pricingMs",
        aggregate: "sum",
        event: "Page Engaged",
        property: "visibleMs",
        where: { path: { oneOf: ["/pricing", "/plans"] } },
        windowMs: 604_800_000,
      },
    ]);
  });

  test.each([
    [
      "use: ecommerce",
      "use: expected a list of packs, such as [{ ecommerce: { currency: EUR } }, engagement, saas]",
    ],
    [
      "use: [ecommerce]",
      "use.0: ecommerce needs a currency of three capitals: { ecommerce: { currency: EUR } }",
    ],
    [
      "use: [engagement, { ecommerce: { currency: Euro } }]",
      "use.1: ecommerce needs a currency of three capitals: { ecommerce: { currency: EUR } }",
    ],
    ["use: [engagment]", "use.0: there is no pack engagment; did you mean engagement?"],
    ["use: [crm]", "use.0: there is no pack crm; known here: ecommerce, engagement, saas"],
    ["use: [{ engagement: {} }]", "use.0: engagement takes no options; write its name alone"],
    ["use: [engagement, engagement]", "use: engagement stands there twice"],
    [
      "use: [engagement]\ncomputedTraits: { opens30d: { aggregate: count, event: X } }",
      "computedTraits.opens30d: a pack under use has a trait of this name",
    ],
    ["computedTraits: [1]", "computedTraits: expected a map of computed traits"],
    [
      "computedTraits: { x: 1 }",
      "computedTraits.x: expected a map such as { aggregate: count, event: Product Viewed }",
    ],
    [
      "computedTraits: { x: { aggregate: cuont, event: X } }",
      "computedTraits.x.aggregate: expected one of count, lastAt, sum, average, min, max, first, last, mostFrequent, unique, list, ratio, timeSince, sessions, streak, timeOnPage; did you mean count?",
    ],
    [
      "computedTraits: { x: { event: X } }",
      "computedTraits.x.aggregate is missing: expected one of count, lastAt, sum, average, min, max, first, last, mostFrequent, unique, list, ratio, timeSince, sessions, streak, timeOnPage",
    ],
    [
      "computedTraits: { x: { aggregate: count } }",
      "computedTraits.x.event is missing: expected the name of a track event, or { call: <track | identify | page | screen | group | alias | any> }, with name: or except: [names] if you like",
    ],
    [
      "computedTraits: { x: { aggregate: sum, event: X, propety: y } }",
      "computedTraits.x.property is missing: expected the name of a property",
    ],
    [
      "computedTraits: { x: { aggregate: count, event: X, property: y } }",
      "computedTraits.x.property is unknown; known here: aggregate, event, where, window",
    ],
    [
      "computedTraits: { x: { aggregate: count, event: X, windows: 1d } }",
      "computedTraits.x.windows is unknown; did you mean window?",
    ],
    [
      "computedTraits: { x: { aggregate: count, event: X, window: 1 day } }",
      "computedTraits.x.window: expected a duration from 1s to 3660d, such as 24h or 7d",
    ],
    [
      "computedTraits: { x: { aggregate: count, event: X, window: 10ms } }",
      "computedTraits.x.window: expected a duration from 1s to 3660d, such as 24h or 7d",
    ],
    [
      "computedTraits: { x: { aggregate: list, event: X, property: q } }",
      "computedTraits.x.keep is missing: expected a whole number from 1 to 100",
    ],
    [
      "computedTraits: { x: { aggregate: count, event: X, where: { category: shoes } } }",
      "computedTraits.x.where.category: expected { <operator>: <value> } with one or more of is, isNot, oneOf, atLeast, atMost, above, below, between, contains, startsWith, exists",
    ],
    [
      "computedTraits: { x: { aggregate: count, event: X, where: { category: { isnt: shoes } } } }",
      "computedTraits.x.where.category.isnt is unknown; did you mean isNot?",
    ],
    [
      "computedTraits: { x: { aggregate: ratio, of: { event: X } } }",
      "computedTraits.x.per is missing: expected a map such as { event: Email Delivered }, with where: and property: if you like",
    ],
    [
      "computedTraits: { x: { aggregate: streak, event: X, timeZone: Mars/Olympus } }",
      "computedTraits.x.timeZone: expected the name of a time zone, such as Europe/Berlin",
    ],
    [
      "computedTraits: { x: { aggregate: sessions, event: X, idle: 2d } }",
      "computedTraits.x.idle: expected a duration from 1s to 24h, such as 30m",
    ],
    ["use: [{ saas: {} }]", "use.0: saas takes no options; write its name alone"],
    [
      "computedTraits: { email: { aggregate: count, event: X } }",
      "computedTraits.email: a name has at most 64 letters, digits and _, begins with a letter, and is none of email, profileId, identifiers, segments, consent, suppressions",
    ],
    [
      "computedTraits: { a.b: { aggregate: count, event: X } }",
      "computedTraits.a.b: a name has at most 64 letters, digits and _, begins with a letter, and is none of email, profileId, identifiers, segments, consent, suppressions",
    ],
  ])("%p is refused", (yaml, expected) => {
    expect(problems({ yaml: head + yaml })).toContain(`freshet.yaml: ${expected}`);
  });
});
