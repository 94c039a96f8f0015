/** From the lines of a file to events. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { ndjsonRows } from "../../src/cli/importRows.ts";
import { tempFolder } from "../support/tempFolder.ts";

async function eventsOf(path: string): Promise<Record<string, unknown>[]> {
  const events: Record<string, unknown>[] = [];
  for await (const row of ndjsonRows(path))
    if (row.kind === "event") events.push(JSON.parse(row.json) as Record<string, unknown>);
  return events;
}

test.each(["", ',"messageId":null', ',"messageId":""'])(
  "an event without a messageId (%s) gets the same one each time",
  async (none) => {
    using folder = tempFolder();
    const path = folder.at("events.ndjson");
    const line = `{"type":"track","event":"Seen","userId":"42"${none}}`;
    writeFileSync(path, `${line}\n${line}\n`);
    const [first, second] = await eventsOf(path);
    expect(first).toEqual({
      type: "track",
      event: "Seen",
      userId: "42",
      messageId: expect.stringMatching(/^import-[0-9a-f]{32}$/),
    });
    expect(second?.["messageId"]).not.toBe(first?.["messageId"]);
    expect((await eventsOf(path))[0]).toEqual(first ?? {});
  },
);

test("an event with a messageId is taken as it stands", async () => {
  using folder = tempFolder();
  const path = folder.at("events.ndjson");
  const line = '{"messageId":"m-1","n":9007199254740993}';
  writeFileSync(path, line);
  for await (const row of ndjsonRows(path)) expect(row).toEqual({ kind: "event", row: 1, json: line });
  expect.assertions(1);
});
