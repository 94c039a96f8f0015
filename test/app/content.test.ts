/** Content blocks from the folder to the answer, against a whole server. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const cartBlock = `---
needs:
  firstName: { default: there }
  cart: { maxAge: 1h }
fallback: <p>See what is new at <a href="https://shop.example/">our shop</a>.</p>
text: "Hi {{ firstName }}, {{ cart.items.size }} waiting"
cache: 5m
---
<p>Hi {{ firstName }},</p>
{% for item in cart.items %}<p><a href="https://shop.example/p/{{ item.product_id }}">{{ item.name }}</a> {{ item.price | money: cart.currency, "en" }}</p>
{% endfor %}{% render "footer" %}`;

function setUp(folder: TempFolder): { data: string; args: string[]; content: string } {
  const [data, config, content] = [folder.at("data"), folder.at("freshet.yaml"), folder.at("content")];
  mkdirSync(data);
  mkdirSync(folder.at("content/partials"), { recursive: true });
  writeFileSync(folder.at("content/partials/footer.liquid"), "<p>Bye</p>");
  writeFileSync(folder.at("content/cart-reminder.liquid"), cartBlock);
  writeFileSync(
    config,
    "version: 1\nuse: [{ ecommerce: { currency: EUR } }]\ncontent: { folder: ./content, linkHosts: [shop.example] }\n",
  );
  return { data, args: ["--config", config], content };
}

async function fillCart(server: TestServer, name = "Trail shoe"): Promise<void> {
  await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann & Bo" } });
  const properties = { product_id: "P7", name, price: 84, quantity: 1, currency: "EUR" };
  await server.post("/v1/track", { userId: "42", event: "Product Added", properties });
}

interface Answer {
  readonly html: string;
  readonly text: string;
  readonly servedFrom: string | null;
  readonly reason: string | null;
  readonly version: string;
}

async function read(server: TestServer, path: string): Promise<Answer> {
  const answer = await server.get(path);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Answer;
}

describe("a block", () => {
  test("is rendered for whom it is asked, in each form, and not sent again when it is the same", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await fillCart(server);
    const path = "/v1/content/cart-reminder";
    const full = await read(server, `${path}?id=user_id:42`);
    expect(full).toMatchObject({ servedFrom: "live", reason: null, text: "Hi Ann & Bo, 1 waiting" });
    expect(full.html).toBe(
      '<p>Hi Ann &amp; Bo,</p>\n<p><a href="https://shop.example/p/P7">Trail shoe</a> €84.00</p>\n<p>Bye</p>',
    );
    const html = await server.get(`${path}.html?id=user_id:42`);
    expect([html.headers.get("content-type"), await html.text()]).toEqual([
      "text/html; charset=utf-8",
      full.html,
    ]);
    expect(await (await server.get(`${path}.txt?id=user_id:42`)).text()).toBe("Hi Ann & Bo, 1 waiting");
    const etag = html.headers.get("etag") ?? "";
    const key = { Authorization: `Bearer ${server.secretKey}` };
    const again = await server.get(`${path}.html?id=user_id:42`, { ...key, "If-None-Match": etag });
    expect(again.status).toBe(304);
    expect(again.headers.get("cache-control")).toBe("private, max-age=300");
    const many = await server.post(path, { ids: ["user_id:42", "user_id:nobody", "nonsense"] }, key);
    const { results } = (await many.json()) as { results: readonly (Answer & { id: string })[] };
    expect(results.map(({ id, servedFrom, reason }) => [id, servedFrom, reason])).toEqual([
      ["user_id:42", "live", null],
      ["user_id:nobody", "default", "profile_not_found"],
      ["nonsense", "default", "profile_not_found"],
    ]);
    const shown = await freshet(["preview", "cart-reminder", "--as", "user_id:42", "--data", data]);
    expect(shown.stdout).toBe(`${full.html}\n`);
  });

  test("is given to the others of a request in which one makes no sense; tags are compared weakly", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await fillCart(server);
    const secret = { Authorization: `Bearer ${server.secretKey}` };
    const ids = ["user_id:42", "", null, 7, ":", "nope:1", `user_id:${"y".repeat(5_000)}`, "user_id:42"];
    const many = await server.post("/v1/content/cart-reminder", { ids }, secret);
    expect(many.status).toBe(200);
    const { results } = (await many.json()) as { results: (Answer & { id: unknown })[] };
    expect(results.map(({ id }) => id)).toEqual(ids);
    const known = [0, 7];
    expect(results.flatMap(({ reason }, at) => (reason === null ? [at] : []))).toEqual(known);
    const path = "/v1/content/cart-reminder?id=user_id:42";
    const etag = (await server.get(path)).headers.get("etag") ?? "";
    for (const tag of [etag, `W/${etag}`, `"other", ${etag}`, "*"])
      expect([tag, (await server.get(path, { ...secret, "If-None-Match": tag })).status]).toEqual([tag, 304]);
    expect((await server.get(path, { ...secret, "If-None-Match": '"other"' })).status).toBe(200);
  });

  test("gives its fallback for whom it has nothing, and codes only for who may not ask", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { userId: "7", traits: { firstName: "Cy" } });
    const path = "/v1/content/cart-reminder?id=user_id:7";
    const fallback = await read(server, path);
    expect(fallback).toMatchObject({ servedFrom: "default", reason: "trait_missing" });
    expect(fallback.html).toContain("See what is new");
    expect((await server.get("/v1/content/none?id=user_id:7")).status).toBe(404);
    expect((await server.get(path, { Authorization: "Bearer sk_nobody_knows_this_one" })).status).toBe(401);
    expect((await server.get(path, { Authorization: `Bearer ${server.writeKey}` })).status).toBe(403);
  });

  test("that is broken in mid-campaign goes on as it was, and that is said with its line", async () => {
    using folder = tempFolder();
    const { data, args, content } = setUp(folder);
    await using server = await startServer({ data, args });
    await fillCart(server);
    const path = "/v1/content/cart-reminder?id=user_id:42";
    const good = await read(server, path);
    writeFileSync(`${content}/cart-reminder.liquid`, cartBlock.replace("{% endfor %}", "{% endfr %}"));
    await until("it is said", () => server.stderr.includes("the one before goes on serving"));
    expect(server.stderr).toMatch(/cart-reminder can't be used.*line \d+/);
    expect((await read(server, path)).version).toBe(good.version);
    writeFileSync(
      `${content}/cart-reminder.liquid`,
      cartBlock.replace("Hi {{ firstName }},</p>", "Dear {{ firstName }}</p>"),
    );
    await until("the mended one serves", async () => (await read(server, path)).html.startsWith("<p>Dear"));
    expect((await read(server, path)).version).not.toBe(good.version);
    rmSync(`${content}/cart-reminder.liquid`);
    await until("it is said", () => server.stderr.includes("its file is gone"));
    expect((await read(server, path)).html).toStartWith("<p>Dear");
    writeFileSync(`${content}/cart-reminder.liquid`, cartBlock);
    await until("the file serves again", async () => (await read(server, path)).html.startsWith("<p>Hi"));
  });
});
