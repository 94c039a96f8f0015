/** A tracking plan from the folder to the answer, the quarantine, the counts and the commands, against a whole server. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const order = {
  event: "Order Completed",
  version: 2,
  schema: {
    type: "object",
    required: ["order_id", "total"],
    properties: { order_id: { type: "string" }, total: { type: "number", minimum: 0 } },
  },
};

interface Rejected {
  readonly rejected?: readonly {
    readonly messageId: string;
    readonly quarantineId?: string;
    readonly error: { readonly code: string; readonly message: string };
  }[];
}

async function send(server: TestServer, messageId: string, properties: unknown): Promise<Response> {
  return server.post("/v1/track", { userId: "42", event: "Order Completed", messageId, properties });
}

async function has(server: TestServer, messageId: string): Promise<boolean> {
  return (await server.get(`/v1/events/${messageId}`)).status === 200;
}

function setUp(folder: ReturnType<typeof tempFolder>, section: string): { data: string; config: string } {
  const [data, config, plan] = [folder.at("data"), folder.at("freshet.yaml"), folder.at("plan")];
  mkdirSync(data, { recursive: true });
  mkdirSync(plan, { recursive: true });
  writeFileSync(`${plan}/order-completed.json`, JSON.stringify(order));
  writeFileSync(
    `${plan}/traits.yaml`,
    "traits: true\nschema: { properties: { plan: { enum: [free, pro] } } }\n",
  );
  writeFileSync(config, `version: 1\n${section}\n`);
  return { data, config };
}

test("allowed events are kept and counted, held back ones wait for a replay, blocked ones are refused", async () => {
  using folder = tempFolder();
  const { data, config } = setUp(folder, "trackingPlan: ./plan");
  {
    await using server = await startServer({ data, args: ["--config", config] });
    expect((await send(server, "good", { order_id: "1", total: 5 })).status).toBe(200);
    expect(await (await send(server, "counted", { order_id: 1 })).json()).toEqual({ success: true });
    expect(await has(server, "counted")).toBe(true);
  }
  writeFileSync(config, "version: 1\ntrackingPlan: { folder: ./plan, mode: quarantine }\n");
  let held = "";
  {
    await using server = await startServer({ data, args: ["--config", config] });
    const answer = await send(server, "held", { order_id: "2", total: "secret-text" });
    expect(answer.status).toBe(400);
    const text = await answer.text();
    expect(text).not.toContain("secret-text");
    const { rejected } = JSON.parse(text) as Rejected;
    expect(rejected?.[0]).toMatchObject({ messageId: "held", error: { code: "plan_violation" } });
    expect(rejected?.[0]?.error.message).toContain("total breaks the rule type");
    held = rejected?.[0]?.quarantineId ?? "";
    expect(held).toMatch(/^qrn_\d+$/);
    expect(await has(server, "held")).toBe(false);
    // A repeat of what was kept before is a repeat still.
    expect((await send(server, "counted", { order_id: 1 })).status).toBe(200);
    const both = await server.post("/v1/batch", {
      batch: [
        { type: "identify", messageId: "i1", userId: "42", traits: { plan: "gold" } },
        { type: "identify", messageId: "i2", userId: "42", traits: { plan: "pro" } },
      ],
    });
    expect(both.status).toBe(200);
    expect(((await both.json()) as Rejected).rejected?.map(({ messageId }) => messageId)).toEqual(["i1"]);
  }
  writeFileSync(config, "version: 1\ntrackingPlan: { folder: ./plan, sources: { default: block } }\n");
  {
    await using server = await startServer({ data, args: ["--config", config] });
    const answer = await send(server, "blocked", { order_id: "3" });
    expect(answer.status).toBe(400);
    const [refused] = ((await answer.json()) as Rejected).rejected ?? [];
    expect(refused).toMatchObject({ messageId: "blocked" });
    expect(refused?.quarantineId).toBeUndefined();
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toMatch(/outcome="blocked"\} 1/);
    expect((await send(server, "blocked", { order_id: "3", total: 1 })).status).toBe(200);
  }
  const counted = await freshet(["plan", "violations", "--data", data, "--json"]);
  const rows = counted.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const find = (wanted: Record<string, unknown>) =>
    rows.find((row) => Object.entries(wanted).every(([key, value]) => row[key] === value));
  const ofOrders = { event: "Order Completed", source: "default" };
  expect(find({ ...ofOrders, mode: "allow", rule: "type", property: "order_id" })).toMatchObject({
    count: 1,
    samples: ["s2"],
  });
  expect(find({ ...ofOrders, mode: "quarantine", rule: "type" })).toMatchObject({ samples: [held] });
  expect(find({ ...ofOrders, mode: "block", rule: "required" })).toMatchObject({ count: 1, samples: [] });
  expect(find({ event: "identify", mode: "quarantine", rule: "enum", property: "plan" })).toBeDefined();
});

test("a plan that can't be used is refused at the start, every file with its reason", async () => {
  using folder = tempFolder();
  const { data, config } = setUp(folder, "trackingPlan: ./plan");
  writeFileSync(folder.at("plan/a.json"), JSON.stringify({ event: "A", schema: { type: "objekt" } }));
  writeFileSync(folder.at("plan/b.json"), JSON.stringify({ ...order, version: 7 }));
  writeFileSync(folder.at("plan/c.json"), "{");
  writeFileSync(folder.at("plan/d.yaml"), "event: D\nshema: {}\n");
  const { code, stderr } = await freshet(["serve", "--data", data, "--config", config]);
  expect(code).toBe(2);
  for (const name of ["a.json", "c.json", "d.yaml"]) expect(stderr).toContain(name);
  expect(stderr).toContain("plans the same event");
});

test("a plan inferred from what came fits it, is checked against the past, and gives types", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  {
    await using server = await startServer({ data });
    for (let at = 0; at < 6; at += 1) {
      const products = [{ sku: `s${at}`, price: at + 0.5 }];
      await server.post("/v1/track", {
        userId: `u${at}`,
        event: "Cart Viewed",
        messageId: `c${at}`,
        properties: { cart_id: `c-${at}`, products, ...(at === 0 ? { coupon: null } : {}) },
      });
    }
    await server.post("/v1/identify", { userId: "u1", traits: { email: "ann@example.org" } });
    const plan = folder.at("plan");
    const inferred = await freshet(["plan", "infer", "--data", data, "--out", plan]);
    expect(inferred.code).toBe(0);
    expect(JSON.parse(readFileSync(`${plan}/cart-viewed.json`, "utf8"))).toEqual({
      event: "Cart Viewed",
      version: 1,
      schema: {
        type: "object",
        required: ["cart_id", "products"],
        properties: {
          cart_id: { type: "string" },
          coupon: { type: "null" },
          products: {
            type: "array",
            items: {
              type: "object",
              required: ["price", "sku"],
              properties: { price: { type: "number" }, sku: { type: "string" } },
            },
          },
        },
      },
    });
    expect(JSON.parse(readFileSync(`${plan}/traits.json`, "utf8"))).toMatchObject({
      schema: { properties: { email: { type: "string", format: "email" } } },
    });
    const fits = await freshet(["plan", "check", "--data", data, "--plan", plan, "--max-failing", "0"]);
    expect(fits.stdout).toContain("7 events, none of which breaks the plan");
    expect(fits.code).toBe(0);
    writeFileSync(
      `${plan}/cart-viewed.json`,
      JSON.stringify({ event: "Cart Viewed", schema: { required: ["coupon"] }, mode: "block" }),
    );
    const tightened = await freshet(["plan", "check", "--data", data, "--plan", plan, "--max-failing", "4"]);
    expect(tightened.code).toBe(4);
    expect(tightened.stdout).toContain(
      "5 break the plan: 0 would be kept and counted, 0 held back, 5 refused",
    );
    expect(tightened.stdout).toContain("coupon: required");
    const types = await freshet(["plan", "types", "--plan", plan]);
    expect(types.stdout).toContain('"Cart Viewed"');
  }
});
