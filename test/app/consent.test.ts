/** Consent through a whole server: freshet.yaml, keys, reads, the feed, the quarantine. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { consentEvents } from "../../src/model/consentEvent.ts";
import { suppressionReasons } from "../../src/model/consentRule.ts";
import { factNames } from "../../src/model/facts.ts";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { SseReader } from "../support/sseReader.ts";
import { tempFolder } from "../support/tempFolder.ts";

const webKey = "wk_web_for_tests_0001";
const config = `version: 1
sources: { web: { trust: browser, writeKey: ${webKey} } }
use: [engagement]
consent: { defaults: { email: opt-out }, transactional: [orders], categories: { Ads: [email.marketing] } }
`;

test("is read, fed and kept from browsers", async () => {
  using folder = tempFolder();
  const [data, file] = [folder.at("data"), folder.at("freshet.yaml")];
  mkdirSync(data);
  writeFileSync(file, config);
  await using server = await startServer({ data, args: ["--config", file] });
  await using feed = await SseReader.open(`${server.origin}/v1/feed?cursor=earliest`, {
    Authorization: `Bearer ${server.secretKey}`,
  });
  const userId = "42";
  await server.post("/v1/identify", { userId, traits: { email: "ann@example.org" } });
  const granted = { channel: "email", topic: "marketing", status: "granted", legalBasis: "consent" };
  const event = "Consent Changed";
  await server.post("/v1/track", { userId, event, messageId: "c-1", properties: granted });
  const timestamp = "2026-11-21T10:00:00.000Z";
  await server.post("/v1/track", { userId, event: "Unsubscribed", messageId: "u-1", timestamp });
  const refused = await server.post(
    "/v1/track",
    { userId, event, messageId: "b-1", properties: granted },
    { "X-Write-Key": webKey },
  );
  expect([refused.status, await refused.json()]).toEqual([200, { success: true }]);
  const changes = (await feed.take(4)).map(({ data: text }) => JSON.parse(text) as Record<string, unknown>);
  expect(changes.map(({ consent, suppressions }) => [consent, suppressions])).toEqual([
    [undefined, undefined],
    [{ "email.marketing": { old: "unknown", new: "granted" } }, {}],
    [{}, { email: { old: [], new: ["unsubscribed"] } }],
    [undefined, undefined],
  ]);
  expect(changes.map(({ traits }) => (traits as Record<string, unknown>)["emailable"])).toEqual([
    { old: false, new: true },
    undefined,
    { old: true, new: false },
    undefined,
  ]);
  const verbose: unknown = await (await server.get("/v1/profiles/user_id:42?verbose=true")).json();
  expect(verbose).toMatchObject({
    consent: {
      "email.marketing": {
        status: "granted",
        source: "default",
        legalBasis: "consent",
        eventMessageId: "c-1",
      },
    },
    suppressions: [
      {
        channel: "email",
        reason: "unsubscribed",
        address: null,
        since: timestamp,
        source: "default",
        eventMessageId: "u-1",
      },
    ],
  });
  expect(await (await server.get("/v1/profiles/user_id:42")).json()).not.toHaveProperty("consent");
  expect(await server.stop()).toBe(0);
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
});

test("the pages name every event, reason and fact that there is", () => {
  const page = (name: string) => readFileSync(join(import.meta.dir, "..", "..", "docs", name), "utf8");
  for (const name of consentEvents) expect(page("protocol.md")).toContain(`\`${name}\``);
  for (const name of [...suppressionReasons, ...factNames])
    expect(page("concepts.md")).toContain(`\`${name}\``);
});
