/** A destination is told when only time changed what it is given, against a whole server. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

interface Sent {
  readonly rows?: readonly { readonly set?: Readonly<Record<string, unknown>> }[];
}

interface Told {
  readonly changes: readonly { readonly cause: string; readonly traits: unknown }[];
}

test("an event that leaves a window takes the new value to the destination that is given it", async () => {
  const got: Readonly<Record<string, unknown>>[] = [];
  using sink = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const sent = request.method === "POST" ? ((await request.json()) as Sent) : {};
      for (const { set } of sent.rows ?? []) if (set !== undefined) got.push(set);
      return Response.json({});
    },
  });
  using folder = tempFolder();
  const [data, path] = [folder.at("data"), folder.at("freshet.yaml")];
  mkdirSync(data);
  writeFileSync(
    path,
    `version: 1
computedTraits:
  views3s: { aggregate: count, event: Product Viewed, window: 3s }
  views1h: { aggregate: count, event: Product Viewed, window: 1h }
destinations:
  sink: { type: http, url: "http://127.0.0.1:${sink.port}/", privateNetwork: true, map: { looks: views3s } }
`,
  );
  await using server = await startServer({ data, args: ["--config", path] });
  await server.post("/v1/track", { userId: "ann", event: "Product Viewed" });
  const told = await until("the change log tells it", async () => {
    const answer = await server.get("/v1/changes?cursor=earliest");
    return ((await answer.json()) as Told).changes.find(({ cause }) => cause === "time");
  });
  expect(told.traits).toEqual({ views3s: { old: 1, new: 0 } });
  await until("the destination has it", () => got.at(-1)?.["looks"] === 0, 30_000);
});
