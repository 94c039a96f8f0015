import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { segmentLines } from "../../src/cli/segmentLines.ts";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const config = `version: 1
use: [{ ecommerce: { currency: EUR } }]
segments:
  cart-waiting:
    all:
      - { trait: cart.count, atLeast: 1 }
      - { trait: cart.updatedAt, olderThan: 30m }
      - { not: { segment: staff } }
  buyers: { event: Order Completed, within: 90d, times: { atLeast: 1 } }
  staff: { list: ./staff.csv, match: email }
`;

/** A folder with two profiles, served while \`work\` runs or not. */
async function withData(isServed: boolean, work: (data: string) => Promise<void>): Promise<void> {
  using folder = tempFolder();
  const data = folder.at("data");
  writeFileSync(folder.at("freshet.yaml"), config);
  writeFileSync(folder.at("staff.csv"), "name,email\nBob,bob@example.com\n");
  await using server = await startServer({ data, args: ["--config", folder.at("freshet.yaml")] });
  const anHourAgo = new Date(Date.now() - 3_600_000).toISOString();
  const product = { product_id: "P7", price: 84 };
  for (const [userId, email] of [
    ["ann", "ann@example.com"],
    ["bob", "bob@example.com"],
  ]) {
    await server.post("/v1/identify", { userId, traits: { email } });
    await server.post("/v1/track", {
      userId,
      event: "Product Added",
      properties: product,
      timestamp: anHourAgo,
    });
  }
  await server.post("/v1/track", { userId: "bob", event: "Order Completed", properties: { total: 5 } });
  await server.post("/v1/track", { userId: "bob", event: "Product Added", properties: product });
  if (!isServed) expect(await server.stop()).toBe(0);
  await work(data);
}

describe.each([
  ["with a server", true],
  ["without a server", false],
] as const)("%s", (_name, isServed) => {
  test("segments are listed, counted, exported and explained", async () => {
    await withData(isServed, async (data) => {
      const run = (...args: string[]) => freshet(["segments", ...args, "--data", data]);
      const listed = await run("list");
      expect(listed.code).toBe(0);
      expect(listed.stdout.split("\n")).toEqual([
        "buyers: Order Completed came at least once in the last 90 days",
        "cart-waiting: cart.count is at least 1 and cart.updatedAt is at least 30 minutes ago and is not in the segment staff",
        "staff: its email is in the list ./staff.csv",
        "",
      ]);
      const sizes = await run("size");
      expect([sizes.code, sizes.stdout]).toEqual([0, "buyers: 1\ncart-waiting: 1\nstaff: 1\n"]);
      expect(sizes.stderr).toEndWith("of 2 profiles\n");
      expect((await run("size", "staff")).stdout).toBe("staff: 1\n");
      const exported = await run("export", "cart-waiting");
      expect(JSON.parse(exported.stdout)).toMatchObject({ traits: { email: "ann@example.com" } });
      expect(exported.stderr).toEndWith("1 profiles\n");

      const ann = await run("explain", "cart-waiting", "user_id:ann");
      expect(ann.stdout).toMatch(
        /^user_id:ann is in cart-waiting at .*\n✓ all of these\n {2}✓ cart\.count is at least 1: it is 1, since .*\n {2}✓ cart\.updatedAt is at least 30 minutes ago: it is .*, since .*\n {2}✓ not this\n {4}✗ is in the segment staff\n {6}✗ its email is in the list \.\/staff\.csv\n$/,
      );
      const bob = await run("explain", "cart-waiting", "user_id:bob", "--json");
      expect(JSON.parse(bob.stdout)).toMatchObject({
        segment: "cart-waiting",
        clause: {
          isTrue: false,
          of: [{ isTrue: true, seen: 1 }, { isTrue: false, turnsAt: expect.any(String) as string }, {}],
        },
      });
    });
  });
});

test("what is not there is said", async () => {
  await withData(false, async (data) => {
    const missing = await freshet(["segments", "size", "stuff", "--data", data]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toEndWith(
      "freshet: there is no segment stuff; known: buyers, cart-waiting, staff\n",
    );
    const nobody = await freshet(["segments", "explain", "staff", "user_id:eve", "--data", data]);
    expect(nobody.code).toBe(1);
    expect(nobody.stderr).toEndWith("no profile has that identifier\n");
  });
});

test("an explanation tells what it rests on", () => {
  const base = { since: null, turnsAt: null, approximate: false, of: [] } as const;
  expect(
    segmentLines({
      ...base,
      kind: "any",
      words: "",
      isTrue: true,
      seen: null,
      of: [
        {
          ...base,
          kind: "event",
          words: "X came at least 2 times",
          isTrue: true,
          seen: 3,
          approximate: true,
          turnsAt: "T",
        },
        { ...base, kind: "event", words: "Y came not once", isTrue: false, seen: 1, since: "S" },
        { ...base, kind: "trait", words: "plan is pro", isTrue: false, seen: null },
        {
          ...base,
          kind: "list",
          words: "its email is in the list a.csv",
          isTrue: true,
          seen: "ann@example.com",
        },
      ],
    }),
  ).toEqual([
    "✓ one of these or more",
    "  ✓ X came at least 2 times: it came 3 times, approximately, turns by itself at T",
    "  ✗ Y came not once: it came once, since S",
    "  ✗ plan is pro: has no value",
    "  ✓ its email is in the list a.csv: ann@example.com",
  ]);
});
