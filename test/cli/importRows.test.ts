/** From the lines of a file to events. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { byteLines, utf8Text } from "../../src/cli/byteLines.ts";
import { csvRows, HeaderError, ndjsonRows, type ImportRow } from "../../src/cli/importRows.ts";
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

async function rowsOf(rows: AsyncGenerator<ImportRow>): Promise<[row: number, what: unknown][]> {
  const all: [number, unknown][] = [];
  for await (const row of rows)
    all.push([row.row, row.kind === "bad" ? row.why : (JSON.parse(row.json) as unknown)]);
  return all;
}

/** Text, and bytes that are not UTF-8: ü as Windows writes it. */
const latin1 = (text: string) => Buffer.from(text, "latin1");

test("a line that is not UTF-8 is refused by its number, and no letter of the others is changed", async () => {
  using folder = tempFolder();
  const path = folder.at("events.ndjson");
  const good = '{"messageId":"m-1","userId":"Jürgen 🥾"}';
  writeFileSync(
    path,
    Buffer.concat([
      Buffer.from(`\ufeff${good}\r\n`),
      latin1('{"userId":"Jürgen"}\n'),
      Buffer.from(`\n${good}\n`),
      Buffer.from(`{"a":"${"ü".repeat(40_000)}"}\n${good}`),
    ]),
  );
  expect(await rowsOf(ndjsonRows(path))).toEqual([
    [1, JSON.parse(good)],
    [2, expect.stringMatching(/^the line is not UTF-8: /)],
    [4, JSON.parse(good)],
    [5, "the line is too long"],
    [6, JSON.parse(good)],
  ]);
});

test("so is a row of a CSV file, and one whose header is not", async () => {
  using folder = tempFolder();
  const path = folder.at("people.csv");
  const header = '\ufeff"type",userId,traits.größe,traits.name\n';
  const good = 'identify,7,40½,"Jürgen\n🥾"\n';
  writeFileSync(path, Buffer.concat([Buffer.from(header + good), latin1(good), Buffer.from(good)]));
  const event = { type: "identify", userId: "7", traits: { größe: "40½", name: "Jürgen\n🥾" } };
  expect(await rowsOf(csvRows(path, new Set()))).toEqual([
    [1, expect.objectContaining(event)],
    [2, expect.stringMatching(/^the row is not UTF-8: /)],
    [3, expect.objectContaining(event)],
  ]);
  writeFileSync(path, latin1("type,userId,traits.größe\nidentify,7,40\n"));
  const failure = await rowsOf(csvRows(path, new Set())).catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(HeaderError);
});

test("lines are the same however the file comes in pieces", async () => {
  const text = '{}\n\n{"a":1}\r\nüü\nend';
  for (const size of [1, 2, 3, 7, 100]) {
    const bytes = Buffer.from(text);
    const stream = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let at = 0; at < bytes.length; at += size) controller.enqueue(bytes.subarray(at, at + size));
        controller.close();
      },
    });
    const lines: (string | null)[] = [];
    for await (const line of byteLines(stream, 100)) lines.push(line === null ? null : utf8Text(line));
    expect(lines).toEqual(text.split("\n"));
  }
});
