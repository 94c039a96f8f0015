import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

test("a running server tells its webhook, its log and its metrics what is wrong", async () => {
  using folder = tempFolder();
  const received: {
    readonly kind: string;
    readonly alert: { readonly id: string; readonly sentence: string };
  }[] = [];
  const hook = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      received.push((await request.json()) as (typeof received)[number]);
      return new Response(null, { status: 204 });
    },
  });
  const config = folder.at("freshet.yaml");
  writeFileSync(
    config,
    [
      "version: 1",
      "sources:",
      '  prices: { trust: server, follow: "http://127.0.0.1:1/stream" }',
      `alerts: { webhook: "http://127.0.0.1:${hook.port}/", raiseAfter: 0s, diskFree: 999999GB, quiet: { shop: 1ms } }`,
    ].join("\n"),
  );
  await using server = await startServer({ args: ["--config", config] });
  await until("three alerts came", () => received.length === 3, 30_000);
  expect(received.map(({ kind, alert }) => `${kind} ${alert.id}`).sort()).toEqual([
    "raised disk",
    "raised follow:prices",
    "raised quiet:shop",
  ]);
  const metrics = await (await server.get("/metrics")).text();
  expect(metrics).toContain('freshet_alert{kind="disk",source=""} 1');
  expect(metrics).toContain('freshet_alert{kind="quiet",source="shop"} 1');
  expect(metrics).toContain('freshet_alert{kind="follow",source="prices"} 1');
  expect(metrics).toContain('freshet_followed_connected{source="prices"} 0');
  expect(server.stderr).toContain("alert raised");
  expect(server.stderr).toContain("The stream of prices can't be followed: ECONNREFUSED.");
  expect(await server.stop()).toBe(0);
  await hook.stop(true);
}, 60_000);
