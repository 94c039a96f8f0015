/** What somebody got, and why: receipts of content through a whole server. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const block = `---
needs:
  firstName: { default: there }
  plan: { required: false }
fallback: <p>Hello.</p>
---
<p>Hi {{ firstName }}{% if plan %}, on {{ plan }}{% endif %}</p>`;

function setUp(folder: TempFolder): { data: string; args: string[]; file: string } {
  mkdirSync(folder.at("content"));
  const [data, file] = [folder.at("data"), folder.at("content/hello.liquid")];
  writeFileSync(file, block);
  writeFileSync(folder.at("freshet.yaml"), "version: 1\ncontent: { folder: ./content }\n");
  return { data, args: ["--config", folder.at("freshet.yaml")], file };
}

interface Receipt {
  readonly receipt: string;
  readonly profileId: string | null;
  readonly reason: string | null;
  readonly form: string;
  readonly notModified: boolean;
  readonly version: string;
  readonly caller: string;
  readonly traits: Readonly<Record<string, { servedFrom: string | null; ageMs: number | null }>>;
}

async function receiptsOf(server: TestServer, query: string): Promise<readonly Receipt[]> {
  const answer = await server.get(`/v1/receipts?${query}`);
  expect(answer.status).toBe(200);
  return ((await answer.json()) as { receipts: readonly Receipt[] }).receipts;
}

async function sent(server: TestServer, id: string): Promise<string> {
  const answer = await server.get(`/v1/content/hello?id=${id}`);
  return ((await answer.json()) as { receipt: string }).receipt;
}

describe("a receipt", () => {
  test("is left by every answer, found by person and block, and says what went in", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    const json = await sent(server, "user_id:42");
    expect(json).toMatch(/^rcp_[0-9A-Z]{11}$/);
    const html = await server.get("/v1/content/hello.html?id=user_id:42");
    const key = { Authorization: `Bearer ${server.secretKey}` };
    await server.get("/v1/content/hello.html?id=user_id:42", {
      ...key,
      "If-None-Match": html.headers.get("etag") ?? "",
    });
    await server.post("/v1/content/hello", { ids: ["user_id:42", "user_id:nobody"] }, key);
    await until("all are on disk", async () => (await receiptsOf(server, "block=hello")).length === 5);
    const found = await receiptsOf(server, "id=user_id:42");
    expect(found.map(({ form, notModified }) => [form, notModified])).toEqual([
      ["json", false],
      ["html", true],
      ["html", false],
      ["json", false],
    ]);
    expect(found.at(-1)).toMatchObject({ receipt: json, traits: { firstName: { servedFrom: "live" } } });
    const [nobody] = await receiptsOf(server, "limit=1");
    expect(nobody).toMatchObject({ profileId: null, reason: "profile_not_found" });
    expect(await receiptsOf(server, "block=other")).toEqual([]);
    expect((await server.get("/v1/receipts/rcp_00000000000")).status).toBe(404);
    expect((await server.get("/v1/receipts?id=user_id:none")).status).toBe(404);
    expect((await server.get("/v1/receipts?cursor=x")).status).toBe(400);
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toContain("freshet_content_receipts_total 5");
  });

  test("gives again what was sent, though person and block have changed since, also after kill -9", async () => {
    using folder = tempFolder();
    const { data, args, file } = setUp(folder);
    const receipt = await (async () => {
      await using server = await startServer({ data, args });
      await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann", plan: "free" } });
      const left = await sent(server, "user_id:42");
      await until("it is on disk", async () => (await receiptsOf(server, "id=user_id:42")).length === 1);
      writeFileSync(file, block.replace("Hi", "Dear"));
      await until("the other one serves", async () =>
        (await (await server.get("/v1/content/hello.html")).text()).includes("Dear"),
      );
      await server.post("/v1/identify", { userId: "42", traits: { firstName: "Bo", plan: "pro" } });
      await server.kill();
      return left;
    })();
    await using server = await startServer({ data, args });
    const answer = await server.get(`/v1/receipts/${receipt}?render=true`);
    expect((await answer.json()) as object).toMatchObject({
      receipt,
      again: { kind: "rendered", same: true, html: "<p>Hi Ann, on free</p>", data: { plan: "free" } },
    });
    const shown = await freshet(["receipts", "show", receipt, "--data", data]);
    expect(shown.stdout).toContain("<p>Hi Ann, on free</p>");
    expect(shown.stderr).toContain("the same as was sent");
    const listed = await freshet(["receipts", "list", "--for", "user_id:42", "--data", data]);
    expect(listed.stdout).toContain(receipt);
  });

  test("goes with the person it was for, also one that was left before anybody knew them", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await sent(server, "user_id:42");
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    await server.post("/v1/identify", { userId: "7", traits: { firstName: "Cy" } });
    await sent(server, "user_id:42");
    await sent(server, "user_id:7");
    await until("they are on disk", async () => (await receiptsOf(server, "block=hello")).length === 3);
    const erased = await freshet(["erase", "user_id:42", "--data", data]);
    expect(erased.code).toBe(0);
    const left = await receiptsOf(server, "block=hello");
    expect(left.map(({ traits }) => Object.keys(traits).length)).toEqual([2]);
  });

  test("of who became part of somebody is found under them, is made again as it was, and goes with them", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { anonymousId: "dev", traits: { firstName: "Anonymous" } });
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann" } });
    const before = await sent(server, "anonymous_id:dev");
    await until("it is on disk", async () => (await receiptsOf(server, "block=hello")).length === 1);
    await server.post("/v1/identify", { userId: "42", anonymousId: "dev" });
    await until("it is found under who they are now", async () => {
      await Bun.sleep(200);
      const found = await receiptsOf(server, "id=user_id:42");
      return found.some(({ receipt }) => receipt === before);
    });
    const answer = await server.get(`/v1/receipts/${before}?render=true`);
    const { again } = (await answer.json()) as { again: { same: boolean; html: string } };
    expect(again).toMatchObject({ same: true, html: expect.stringContaining("Anonymous") as string });
    expect((await freshet(["erase", "user_id:42", "--data", data])).code).toBe(0);
    expect(await receiptsOf(server, "block=hello")).toEqual([]);
  }, 30_000);

  test("of a key that may read few traits shows only those, and gives nothing again", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await server.post("/v1/identify", { userId: "42", traits: { firstName: "Ann", plan: "pro" } });
    const receipt = await sent(server, "user_id:42");
    await until("it is on disk", async () => (await receiptsOf(server, "block=hello")).length === 1);
    const made = await freshet([
      "keys",
      "create",
      "--kind",
      "secret",
      "--scopes",
      "read",
      "--traits",
      "plan",
      "--data",
      data,
    ]);
    const limited = { Authorization: `Bearer ${/sk_\S+/.exec(made.stdout)?.[0] ?? ""}` };
    const view = (await (await server.get(`/v1/receipts/${receipt}`, limited)).json()) as Receipt;
    expect(Object.keys(view.traits)).toEqual(["plan"]);
    expect((await server.get(`/v1/receipts/${receipt}?render=true`, limited)).status).toBe(403);
  });
});
