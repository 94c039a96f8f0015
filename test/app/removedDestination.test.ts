/** A destination that is taken out of freshet.yaml while something waits for it, as an operator sees it. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import type { OperationResults } from "../../src/admin/operation.ts";
import { adminClient } from "../admin/api/adminClient.ts";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

test("it is shown with what waits for it, and forgotten by name alone", async () => {
  using folder = tempFolder();
  const config = folder.at("freshet.yaml");
  const data = folder.at("data");
  const options = { data, args: ["--config", config] };
  const run = (...args: string[]) => freshet(["destinations", ...args, "--data", data]);
  const list = async () =>
    JSON.parse((await run("list", "--json")).stdout) as OperationResults["destinations.list"];
  writeFileSync(
    config,
    `version: 1\ndestinations: { crm: { type: http, url: "http://127.0.0.1:9/in", privateNetwork: true } }\n`,
  );
  {
    await using server = await startServer(options);
    await server.post("/v1/identify", { userId: "ann", traits: { firstName: "Ann" } });
    await until("it waits", async () => (await list())[0]?.queue.behavioural === 1);
    const ran = await run("forget", "crm");
    expect([ran.code, ran.stderr]).toEqual([1, expect.stringContaining("freshet.yaml names crm")]);
  }
  writeFileSync(config, "version: 1\n");
  await using server = await startServer(options);
  await until("it is shown", async () => (await list()).length === 1);
  expect((await list())[0]).toMatchObject({ name: "crm", state: "removed", queue: { behavioural: 1 } });
  expect((await run("list")).stdout).toContain("freshet.yaml names it no more");
  const admin = await adminClient(server);
  expect(await admin.get("destination?name=crm")).toMatchObject({
    destination: { state: "removed" },
    history: [],
  });
  expect(await admin.get("destination/letters?name=crm")).toEqual({ letters: [], nextCursor: null });
  const forgotten = await admin.post("destination/act", { act: "forget", name: "crm" });
  expect(forgotten).toEqual({ kind: "done", count: 1 });
  expect(await list()).toEqual([]);
  expect((await run("forget", "crm")).code).toBe(1);
}, 60_000);
