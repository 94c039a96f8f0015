import { expect, test } from "bun:test";
import { ConfigError } from "../../src/config/configError.ts";
import { loadServeSettings, type ServeSettings } from "../../src/config/settings.ts";
import { destinationTypes } from "../../src/esp/destinations/catalogue.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { writeFileSync } from "node:fs";

function load(yaml: string, env: Record<string, string> = {}): ServeSettings {
  using folder = tempFolder();
  writeFileSync(folder.at("freshet.yaml"), `version: 1\n${yaml}`);
  return loadServeSettings({ config: folder.at("freshet.yaml") }, env, null, undefined, destinationTypes);
}

function problems(yaml: string, env: Record<string, string> = {}): string[] {
  try {
    load(yaml, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.lines.map((line) => line.replace(/^\S*freshet\.yaml: /, ""));
  }
  return [];
}

test("a destination is read with its mapping, its limits and its type's own keys", () => {
  const { destinations } = load(
    `segments: { big: { trait: plan, is: pro } }
destinations:
  in:
    type: http
    url: https://in.shop.example/x
    token: "\${IN_TOKEN}"
    map: { name: firstName, hello: "Hi {{ firstName }}", total: { from: cart.value, type: number } }
    audiences: [big]
    events: true
    limits: { requestsPerSecond: 5, timeout: 10s }
`,
    { IN_TOKEN: "secret-token" },
  );
  expect(destinations).toEqual([
    {
      name: "in",
      type: "http",
      namespace: "live",
      map: [
        { field: "name", type: null, from: { kind: "path", text: "firstName" } },
        { field: "hello", type: null, from: { kind: "liquid", text: "Hi {{ firstName }}" } },
        { field: "total", type: "number", from: { kind: "path", text: "cart.value" } },
      ],
      audiences: ["big"],
      events: null,
      suppressions: true,
      privateNetwork: false,
      limits: { requestsPerSecond: 5, connections: null, batchRows: null, timeoutMs: 10_000 },
      own: { url: "https://in.shop.example/x", token: "secret-token", maxRows: 500, maxBytes: 1_000_000 },
    },
  ]);
});

test.each([
  [
    "{ x: { type: htp } }",
    "destinations.x.type: there is no type of that name; did you mean http? (line 2, column 22)",
  ],
  ["{ x: { type: http } }", "destinations.x.url is missing"],
  ["{ x: { type: http, url: 7 } }", "destinations.x.url: "],
  [
    "{ x: { type: http, url: 'https://a.example', tokn: t } }",
    "destinations.x.tokn is unknown; did you mean token?",
  ],
  [
    "{ x: { type: customerio, siteId: s, apiKey: k, audiences: [] } }",
    "destinations.x.audiences: a destination of the type customerio can't do that (audience)",
  ],
  [
    "{ x: { type: http, url: 'https://a.example', audiences: [bigg] } }",
    "destinations.x.audiences.0: there is no segment bigg",
  ],
  [
    "{ x: { type: http, url: 'https://a.example', map: { a: $emial } } }",
    "destinations.x.map.a: there is no $emial; did you mean $email?",
  ],
])("destinations: %s is refused with its place", (section, wanted) => {
  const [found = ""] = problems(`destinations: ${section}`);
  expect(found).toContain(wanted.replace(/ \(line.*/, ""));
  expect(found).toMatch(/line 2, column \d+/);
});

test("a problem never tells the value, which may be a secret", () => {
  const yaml =
    'destinations: { x: { type: http, url: "${SECRET}", token: ["${SECRET}"], maxRows: "${SECRET}" } }';
  const found = problems(yaml, { SECRET: "hunter2hunter2" });
  expect(found.length).toBeGreaterThan(1);
  expect(found.join("\n")).not.toContain("hunter2");
});

test("a shop's first destinations and trigger", () => {
  const { destinations, triggers } = load(
    `segments: { big-spenders: { trait: plan, is: pro }, cart-abandoned: { trait: cart.count, atLeast: 1 } }
use: [{ ecommerce: { currency: EUR } }]
destinations:
  klaviyo: { type: klaviyo, apiKey: "\${KLAVIYO_API_KEY}", map: { first_name: firstName, last_cart_value: cart.value }, audiences: [big-spenders] }
  mail:    { type: smtp, url: "\${SMTP_URL}", from: "Shop <hello@shop.example>" }
triggers:
  cart-mail:
    when: { enters: cart-abandoned }
    send: { block: cart-reminder, through: mail, subject: "Your cart is waiting", topic: marketing }
    limits: { oncePer: 7d, quietHours: "21:00-08:00", timeZone: Europe/Berlin, maxLate: 1h, holdout: 5% }
`,
    { KLAVIYO_API_KEY: "pk_secret", SMTP_URL: "smtp://127.0.0.1:2525" },
  );
  expect(destinations.map(({ name, type, own }) => ({ name, type, own }))).toMatchObject([
    { name: "klaviyo", type: "klaviyo", own: { apiKey: "pk_secret" } },
    { name: "mail", type: "smtp", own: { url: "smtp://127.0.0.1:2525" } },
  ]);
  expect(triggers.triggers.map(({ name }) => name)).toEqual(["cart-mail"]);
});
