/** Max ages and defaults over HTTP, at instants that the test chooses. */
import { describe, expect, test } from "bun:test";
import type { DeclaredTrait } from "../../src/model/declared.ts";
import { compileRules, noRules } from "../../src/model/rules.ts";
import type { SegmentDefinition } from "../../src/model/segmentRule.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { MemoryStore } from "../support/memoryStore.ts";
import { OutServer } from "./outServer.ts";

const minuteMs = 60_000;
const path = "/v1/profiles/user_id:42";

const traits: DeclaredTrait[] = [
  {
    name: "firstName",
    type: "string",
    default: "there",
    defaultBySegment: [["gold", "friend"]],
  },
  { name: "weather", type: "string", maxAgeMs: 10 * minuteMs, maxStaleMs: 20 * minuteMs, default: "fine" },
  { name: "mood", type: "string", maxAgeMs: minuteMs, maxStaleMs: minuteMs },
];
const gold: SegmentDefinition = {
  name: "gold",
  rule: { kind: "trait", path: ["level"], test: { condition: { is: "gold" } } },
};
const definitions = compileRules({ ...noRules, traits, segments: [gold] });

function server(): OutServer {
  return new OutServer({ store: new MemoryStore(new FakeClock(), definitions) });
}

async function traitsOf(out: OutServer, query = ""): Promise<Record<string, unknown>> {
  return (await out.json(`${path}${query}`))["traits"] as Record<string, unknown>;
}

/** servedFrom and value by name. */
async function levels(out: OutServer, query = ""): Promise<Record<string, unknown>> {
  const verbose = await traitsOf(out, `?verbose=true${query}`);
  return Object.fromEntries(
    Object.entries(verbose).map(([name, view]) => {
      const { servedFrom, value } = view as Record<string, unknown>;
      return [name, [servedFrom, value]];
    }),
  );
}

describe("defaults", () => {
  test("stand in for what is missing, by segment first, in the plain and the verbose form", async () => {
    await using out = server();
    out.store.send({ userId: "42", traits: { city: "Ulm" } });
    expect(await traitsOf(out)).toEqual({ city: "Ulm", firstName: "there", weather: "fine" });
    expect((await levels(out))["firstName"]).toEqual(["default", "there"]);
    out.store.send({ userId: "42", traits: { level: "gold" } });
    expect((await traitsOf(out))["firstName"]).toBe("friend");
    expect((await levels(out))["firstName"]).toEqual(["segmentDefault", "friend"]);
    out.store.send({ userId: "42", traits: { firstName: "Ann" } });
    expect((await levels(out))["firstName"]).toEqual(["live", "Ann"]);
    out.store.send({ userId: "42", traits: { firstName: null } });
    expect((await levels(out))["firstName"]).toEqual(["segmentDefault", "friend"]);
  });

  test("are seen only by who may read the trait, and asks for it", async () => {
    await using out = server();
    out.store.send({ userId: "42", traits: { city: "Ulm" } });
    const seen = (await out.json(path, { key: "sk_names_only_000" }))["traits"];
    expect(seen).toEqual({ firstName: "there" });
    expect(await traitsOf(out, "?traits=weather")).toEqual({ weather: "fine" });
  });
});

describe("an age", () => {
  test("turns a value into the last known, then into the default; the ETag changes with the value alone", async () => {
    await using out = server();
    out.store.send({ userId: "42", traits: { weather: "rain" } });
    const tags: (string | null)[] = [];
    const values: unknown[] = [];
    for (const minutes of [0, 10, 10, 10, 0]) {
      out.store.clock.advance(minutes * minuteMs + (values.length === 4 ? 1 : 0));
      const answer = await out.fetch(path);
      tags.push(answer.headers.get("etag"));
      values.push((await levels(out))["weather"]);
    }
    expect(values).toEqual([
      ["live", "rain"],
      ["live", "rain"],
      ["lastKnown", "rain"],
      ["lastKnown", "rain"],
      ["default", "fine"],
    ]);
    expect(new Set(tags.slice(0, 4)).size).toBe(1);
    expect(tags[4]).not.toBe(tags[0]);
  });

  test("is weighed against what the reader asks for, of every trait", async () => {
    await using out = server();
    out.store.send({ userId: "42", traits: { city: "Ulm", mood: "good" } });
    out.store.clock.advance(5 * minuteMs);
    expect(await levels(out, "&maxAge=1h")).toMatchObject({ city: ["live", "Ulm"], mood: ["live", "good"] });
    expect(await levels(out, "&maxAge=5m")).toMatchObject({ city: ["live", "Ulm"] });
    expect(await levels(out, "&maxAge=4m")).toMatchObject({
      city: ["lastKnown", "Ulm"],
      mood: ["lastKnown", "good"],
    });
    expect((await levels(out))["mood"]).toEqual([null, null]);
    expect(await traitsOf(out, "?traits=mood")).toEqual({});
    expect(await traitsOf(out, "?traits=mood&maxAge=5m")).toEqual({ mood: "good" });
    expect((await out.fetch(`${path}?maxAge=soon`)).status).toBe(400);
  });

  test("limits how long a cache may help itself", async () => {
    await using out = server();
    out.store.send({ userId: "42", traits: { weather: "rain" } });
    const { headers } = await out.fetch(`${path}?traits=weather`);
    expect(headers.get("cache-control")).toBe("private, max-age=0, stale-if-error=1800");
  });
});

test("an object that several events wrote tells where each leaf is from", async () => {
  await using out = server();
  out.store.send({ userId: "42", messageId: "a-1", traits: { address: { city: "Ulm", "a/b": 1 } } });
  const one = (await traitsOf(out, "?verbose=true&traits=address"))["address"];
  expect(one).not.toHaveProperty("parts");
  out.store.clock.advance(minuteMs);
  out.store.send({ userId: "42", messageId: "a-2", traits: { address: { city: "Bonn" } } });
  const { parts, eventMessageId } = (await traitsOf(out, "?verbose=true&traits=address"))["address"] as {
    parts: Record<string, Record<string, unknown>>;
    eventMessageId: string;
  };
  expect(eventMessageId).toBe("a-2");
  expect(parts["/city"]?.["eventMessageId"]).toBe("a-2");
  expect(parts["/a~1b"]).toEqual({
    updatedAt: "2026-11-24T09:00:00.000Z",
    receivedAt: "2026-11-24T09:00:00.000Z",
    source: "web",
    eventMessageId: "a-1",
  });
});
