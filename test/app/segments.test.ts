/** Segments from freshet.yaml to the answer and the feed, against a whole server. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { SseReader } from "../support/sseReader.ts";
import { tempFolder } from "../support/tempFolder.ts";

const config = `version: 1
use: [{ ecommerce: { currency: EUR } }]
segments:
  cart-waiting:
    all:
      - { trait: cart.count, atLeast: 1 }
      - { trait: cart.updatedAt, olderThan: 2s }
      - { consent: email.marketing, is: granted }
      - { not: { segment: staff } }
  staff: { list: ./staff.csv, match: email }
`;

interface Read {
  readonly segments: readonly unknown[];
}

async function read(server: TestServer, query = ""): Promise<Read> {
  return (await (await server.get(`/v1/profiles/user_id:ann${query}`)).json()) as Read;
}

test("who leaves a cart is in the segment when it is due, in reads and in the feed, and out with the order", async () => {
  using folder = tempFolder();
  const [data, path] = [folder.at("data"), folder.at("freshet.yaml")];
  mkdirSync(data);
  writeFileSync(path, config);
  writeFileSync(folder.at("staff.csv"), "email\nbob@example.com\n");
  await using server = await startServer({ data, args: ["--config", path] });
  await using feed = await SseReader.open(`${server.origin}/v1/feed?segment=cart-waiting`, {
    Authorization: `Bearer ${server.secretKey}`,
  });
  for (const userId of ["bob", "ann"]) {
    await server.post("/v1/identify", { userId, traits: { email: `${userId}@example.com` } });
    await server.post(
      "/v1/track",
      {
        userId,
        event: "Consent Changed",
        properties: { channel: "email", topic: "marketing", status: "granted" },
      },
      { Authorization: `Bearer ${server.secretKey}` },
    );
    await server.post("/v1/track", { userId, event: "Product Added", properties: { product_id: "P7" } });
  }
  expect((await read(server)).segments).toEqual([]);

  const entered = (await feed.take(1)).map(
    ({ data: text }) => JSON.parse(text) as Record<string, unknown>,
  )[0];
  expect(entered).toMatchObject({
    cause: "time",
    event: null,
    receivedAt: null,
    segments: { entered: ["cart-waiting"], exited: [] },
  });
  expect((await read(server)).segments).toEqual(["cart-waiting"]);
  expect((await read(server, "?verbose=true")).segments).toEqual([
    { name: "cart-waiting", since: entered?.["timestamp"] },
  ]);
  const bob = (await (await server.get("/v1/profiles/user_id:bob")).json()) as Read;
  expect(bob.segments).toEqual(["staff"]);
  const why = await freshet(["segments", "explain", "cart-waiting", "user_id:ann", "--data", data]);
  expect(why.stdout).toContain(`, since ${String(entered?.["timestamp"])}\n✓ all of these`);

  await server.post("/v1/track", {
    userId: "ann",
    event: "Order Completed",
    properties: { order_id: "o-1" },
  });
  const exited = (await feed.take(2)).map(({ data: text }) => JSON.parse(text) as Record<string, unknown>)[1];
  expect(exited).toMatchObject({ cause: "event", segments: { entered: [], exited: ["cart-waiting"] } });
  expect((await read(server)).segments).toEqual([]);
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
});
