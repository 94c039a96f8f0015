/** Computed traits from freshet.yaml to the answer, against a whole server. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SseReader } from "../support/sseReader.ts";
import { tempFolder } from "../support/tempFolder.ts";

async function traits(server: TestServer): Promise<Record<string, unknown>> {
  const answer = await server.get("/v1/profiles/user_id:42");
  return ((await answer.json()) as { traits: Record<string, unknown> }).traits;
}

const added = { product_id: "P7", name: "Trail shoe", price: 84, quantity: 1, currency: "EUR" };

test("what a marketer declares is there with the next read, in the feed, after a restart, and to the commands", async () => {
  using folder = tempFolder();
  const [data, config] = [folder.at("data"), folder.at("freshet.yaml")];
  mkdirSync(data);
  writeFileSync(config, "version: 1\nuse: [{ ecommerce: { currency: EUR } }]\n");
  {
    await using server = await startServer({ data, args: ["--config", config] });
    await using feed = await SseReader.open(`${server.origin}/v1/feed?traits=cart`, {
      Authorization: `Bearer ${server.secretKey}`,
    });
    await server.post("/v1/track", { userId: "42", event: "Product Added", properties: added });
    expect((await traits(server))["cart"]).toMatchObject({ count: 1, value: 84, currency: "EUR" });
    const [change] = await feed.take(1);
    expect(JSON.parse(change?.data ?? "")).toMatchObject({
      traits: {
        cart: { old: null, new: { items: [{ product_id: "P7", quantity: 1 }], value: 84 } },
      },
    });
    await server.post("/v1/identify", { userId: "42", traits: { cart: "mine", firstName: "Ann" } });
    expect(await traits(server)).toMatchObject({ firstName: "Ann", cart: { value: 84 } });
    expect((await freshet(["verify", "--data", data])).code).toBe(0);
  }
  writeFileSync(
    config,
    "version: 1\ncomputedTraits:\n  added1h: { aggregate: count, event: Product Added, window: 1h }\n",
  );
  {
    await using server = await startServer({ data, args: ["--config", config] });
    expect(server.stderr).toContain("the configuration was applied");
    expect(await traits(server)).toEqual({ firstName: "Ann", added1h: 1 });
  }
  const shown = await freshet(["profile", "--data", data, "user_id:42"]);
  expect(shown.stdout).toContain("added1h");
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
});
