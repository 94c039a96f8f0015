/** Declared traits through a running server: from freshet.yaml to the answer, and changed at work. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const page = "wk_page_0123456789";
const shop = "wk_shop_0123456789";

function yaml(traits: string): string {
  return `version: 1
sources:
  page: { trust: browser, writeKey: ${page} }
  shop: { trust: server, writeKey: ${shop} }
traits:
${traits}`;
}

test("what breaks a declaration is left out, quietly; what is declared at work holds from then on", async () => {
  using folder = tempFolder();
  const config = folder.at("freshet.yaml");
  writeFileSync(
    config,
    yaml(`  plan: { type: string, oneOf: [free, pro], setBy: [shop] }
  credit: { type: money, protected: true }
  firstName: { type: string, maxLength: 8, default: there }
`),
  );
  await using server = await startServer({ data: folder.at("data"), args: ["--config", config] });
  const send = async (key: string, traits: object) => {
    const response = await fetch(`${server.origin}/v1/identify`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa(`${key}:`)}` },
      body: JSON.stringify({ userId: "42", traits }),
    });
    return [response.status, await response.text()];
  };
  const traits = async () =>
    ((await (await server.get("/v1/profiles/user_id:42")).json()) as { traits: Record<string, unknown> })
      .traits;
  const credit = { amount: 5, currency: "EUR" };
  expect(await send(page, { plan: "pro", credit, firstName: "Bartholomew", city: "Ulm" })).toEqual([
    200,
    '{"success":true}',
  ]);
  expect(await traits()).toEqual({ city: "Ulm", firstName: "there" });
  await send(shop, { plan: "pro", credit, firstName: "Bart" });
  expect(await traits()).toEqual({ city: "Ulm", firstName: "Bart", plan: "pro", credit });
  writeFileSync(config, yaml("  city: { type: number, default: 0 }\n"));
  await until("the declaration holds", async () => {
    await send(page, { plan: "gold", city: null });
    return (await traits())["plan"] === "gold";
  });
  await send(page, { city: "Bonn" });
  expect(await traits()).toEqual({ city: 0, firstName: "Bart", plan: "gold", credit });
}, 30_000);
