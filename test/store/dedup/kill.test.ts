import { expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { seededIds, systemIds } from "../../../src/lib/id.ts";
import { openMessageIds } from "../../../src/store/dedup/openMessageIds.ts";
import { Journal } from "../../../src/store/journal.ts";
import { tempFolder } from "../../support/tempFolder.ts";

const seed = Number(process.env["FRESHET_TEST_SEED"] ?? Date.now() % 1_000_000_007);
const killedWriter = Bun.fileURLToPath(new URL("./killedWriter.ts", import.meta.url));
const cycles = 12;
const partSize = 64;

/** Starts a writer on the folder and kills it after a random while. */
async function liveAndDie(folder: string, afterMs: number): Promise<void> {
  const writer = Bun.spawn([process.execPath, killedWriter, folder, String(partSize)], {
    stdout: "pipe",
    stderr: "inherit",
  });
  const reader = writer.stdout.getReader();
  expect(new TextDecoder().decode((await reader.read()).value)).toBe("open\n");
  await Bun.sleep(afterMs);
  writer.kill("SIGKILL");
  await writer.exited;
  await reader.cancel();
}

test(`killed at any moment, nothing is taken twice (FRESHET_TEST_SEED=${seed})`, async () => {
  using folder = tempFolder();
  const ids = seededIds(seed);
  let sealed = 0;
  for (let cycle = 0; cycle < cycles; cycle += 1) {
    await liveAndDie(folder.path, 10 + ids.random() * 150);
    sealed = Math.max(sealed, readdirSync(folder.at("ids")).length);
  }
  using journal = new Journal(folder.at("journal.db"), systemIds);
  const index = openMessageIds(folder.at("ids"), journal, () => {}, { partSize, fanout: 3 });
  const rows = journal.database
    .query<{ seq: number; id: string }, []>("SELECT seq, message_id AS id FROM journal")
    .all();
  expect(sealed).toBeGreaterThan(0);
  expect(rows.length).toBeGreaterThan(partSize);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  for (const { seq, id } of rows) expect(index.find(1, id)).toBe(seq);
  index.close();
});
