/** What official clients sent when they were recorded, sent again byte for byte. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gzipped, startIngest } from "./ingestServer.ts";

interface Recorded {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Record<string, unknown> | "";
}

const folder = join(import.meta.dir, "..", "fixtures", "segment-wire");
const recordings = readdirSync(folder).sort();

/** Headers that belong to the connection, not to the request. */
const ofTheConnection = new Set(["host", "connection", "content-length", "accept-encoding"]);

function requestsIn(file: string): Recorded[] {
  const lines = readFileSync(join(folder, file), "utf8").trim().split("\n");
  return lines.map((line) => JSON.parse(line) as Recorded).filter(({ method }) => method === "POST");
}

function eventsIn({ body }: Recorded): Record<string, unknown>[] {
  if (body === "") return [];
  return Array.isArray(body["batch"]) ? (body["batch"] as Record<string, unknown>[]) : [body];
}

describe("a recorded client is understood", () => {
  test("there are four", () => expect(recordings).toHaveLength(4));

  test.each(recordings)("%s", async (file) => {
    await using server = startIngest();
    for (const recorded of requestsIn(file)) {
      const headers = Object.fromEntries(
        Object.entries(recorded.headers).filter(([name]) => !ofTheConnection.has(name)),
      );
      const text = JSON.stringify(recorded.body);
      const before = server.accept.events.length;
      const response = await server.post(
        recorded.url,
        headers["content-encoding"] === "gzip" ? gzipped(text) : text,
        headers,
      );
      expect(response.status).toBe(200);
      expect(await response.text()).toBe('{"success":true}');
      const made = server.accept.events.slice(before);
      expect(made.map(({ raw }) => JSON.parse(new TextDecoder().decode(raw)) as unknown)).toEqual(
        eventsIn(recorded),
      );
      expect(made.map(({ event }) => event.type as unknown)).toEqual(
        eventsIn(recorded).map(({ type }) => type),
      );
      expect(made.every(({ minted, event }) => !minted && event.source === "recorded")).toBe(true);
    }
    expect(server.accept.quarantined).toEqual([]);
  });
});

test("RudderStack's own times are understood: a given timestamp stays, another is corrected", async () => {
  await using server = startIngest();
  const [identify, track] = requestsIn("rudder-sdk-node.jsonl");
  for (const recorded of [identify, track])
    await server.post("/v1/batch", recorded?.body ?? "", { Authorization: "Basic V0s6" });
  const [first, second] = server.accept.events;
  expect(first?.event.timestampMs).toBe(server.clock.nowMs() - 2);
  expect(second?.event.timestampMs).toBe(Date.parse("2026-01-02T03:04:05.678Z"));
});
