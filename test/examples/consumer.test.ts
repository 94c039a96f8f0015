/** The example consumer and the server, each killed again and again, in the middle of everything. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";
import { Consumer, liveWithConsumer, program, root, send } from "./consumerLife.ts";

describe("the example consumer", () => {
  test.each([1, 2])(
    "misses nothing and takes nothing twice over random kills of both sides (seed %i)",
    async (seed) => {
      expect((await liveWithConsumer(seed, 3)).changes).toBeGreaterThan(90);
    },
    120_000,
  );

  test("drops a line that was cut off, and stops at another journal", async () => {
    using folder = tempFolder();
    await using server = await startServer({ data: folder.at("data") });
    await send(server.port, "m-1");
    const file = folder.at("changes.ndjson");
    writeFileSync(file, '{"cursor":"1.0"}\n{"profileId":"prf_');
    await using consumer = new Consumer(server.origin, file);
    await until("the change", () => consumer.changes.length === 1);
    await consumer.kill();
    writeFileSync(file, '{"cursor":"99.1"}\n');
    await consumer.restart();
    await until("it stops", () => consumer.hasEnded);
  });

  test("is what the docs show", async () => {
    const page = await Bun.file(join(root, "docs/protocol.md")).text();
    const [, shown = "no code"] = /consumer\.ts[^`]*```ts\n([\s\S]*?)```/.exec(page) ?? [];
    expect(await Bun.file(program).text()).toContain(shown);
  });
});
