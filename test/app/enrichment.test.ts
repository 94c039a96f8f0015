/** Facts about events through a whole server: from a browser's request to traits, history, files and a rebuild. */
import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshet } from "../support/command.ts";
import { mmdbOf } from "../support/mmdb.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const webKey = "wk_web_for_tests_0001";
const iphone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const proxy = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";
const address = "192.0.2.77";

const config = `version: 1
sources:
  web: { trust: browser, writeKey: ${webKey} }
use: [engagement]
enrichment: { geoip: ./countries.mmdb }
serve: { trustProxy: [1] }
computedTraits:
  phoneViews: { aggregate: count, event: Product Viewed, where: { context.device: { is: mobile } } }
  country: { aggregate: last, event: Product Viewed, property: context.country }
`;

async function json(server: TestServer, path: string): Promise<unknown> {
  return (await server.get(path)).json();
}

function holdsText(folder: string, text: string): boolean {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => join(folder, name))
    .some((path) => statSync(path).isFile() && readFileSync(path).includes(text));
}

test("what a request tells becomes facts, and its address stays nowhere", async () => {
  using folder = tempFolder();
  const [data, file] = [folder.at("data"), folder.at("freshet.yaml")];
  mkdirSync(data);
  writeFileSync(folder.at("countries.mmdb"), mmdbOf({ "192.0.2.0/24": "DE", "198.51.100.0/24": "FR" }));
  writeFileSync(file, config);
  await using server = await startServer({ data, args: ["--config", file] });
  const browser = { "X-Write-Key": webKey, "User-Agent": iphone, "X-Forwarded-For": address };
  const view = { anonymousId: "a-1", event: "Product Viewed", messageId: "v-1" };
  expect((await server.post("/v1/track", view, browser)).status).toBe(200);
  // A server's own agent and address say nothing about people; what it hands on does.
  const ofServer = { "User-Agent": iphone, "X-Forwarded-For": address };
  const auth = { Authorization: `Bearer ${server.secretKey}`, ...ofServer };
  await server.post("/v1/track", { ...view, messageId: "v-2" }, auth);
  const handedOn = { ...view, messageId: "v-3", context: { ip: "198.51.100.3" } };
  await server.post("/v1/track", handedOn, auth);
  for (const [at, agent] of [iphone, proxy, "Mozilla/5.0"].entries())
    await server.post("/v1/track", {
      anonymousId: "a-1",
      event: "Email Opened",
      messageId: `o-${at}`,
      context: { userAgent: agent },
    });
  expect(await json(server, "/v1/profiles/anonymous_id:a-1")).toMatchObject({
    traits: { phoneViews: 1, country: "FR", opens30d: 3, humanOpens30d: 1 },
  });
  expect(await json(server, "/v1/events/v-1")).toMatchObject({
    events: [{ context: { device: "mobile", os: "iOS", browser: "Safari", country: "DE" } }],
  });
  const history = (await json(server, "/v1/profiles/anonymous_id:a-1/events")) as {
    events: readonly { messageId: string; context?: object; event: { context?: object } }[];
  };
  const found = new Map(history.events.map((event) => [event.messageId, event]));
  expect(found.get("v-2")).not.toHaveProperty("context");
  expect(found.get("v-3")).toMatchObject({ context: { country: "FR" }, event: { context: {} } });
  expect(found.get("o-1")).toMatchObject({ context: { proxy: "google" } });
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
  expect(await server.stop()).toBe(0);
  expect(holdsText(data, "v-1")).toBe(true);
  expect(holdsText(data, address)).toBe(false);
  expect(holdsText(data, "198.51.100.3")).toBe(false);
  expect(server.stdout + server.stderr).not.toContain(address);
});

test("a file that is no .mmdb is refused at start, by name", async () => {
  using folder = tempFolder();
  writeFileSync(folder.at("freshet.yaml"), "version: 1\nenrichment: { geoip: ./none.mmdb }\n");
  const missing = await freshet(["config", "check", "--config", folder.at("freshet.yaml")]);
  expect(missing.code).toBe(2);
  expect(missing.stderr).toContain("enrichment.geoip");
  writeFileSync(folder.at("none.mmdb"), "text");
  const bad = await freshet(["config", "check", "--config", folder.at("freshet.yaml")]);
  expect(bad.code).toBe(2);
  expect(bad.stderr).toContain("is not a .mmdb file");
});
