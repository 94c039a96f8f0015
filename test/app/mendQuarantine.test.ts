/** Refused events mended and sent again, against a whole server. */
import { expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

const plan = {
  event: "Order Completed",
  schema: {
    required: ["total", "currency"],
    properties: { total: { type: "number" }, currency: { enum: ["EUR", "USD"] } },
  },
};

test("a rehearsal tells what a mapping does, the replay does it, once, with the same messageIds", async () => {
  using folder = tempFolder();
  const [data, config, map] = [folder.at("data"), folder.at("freshet.yaml"), folder.at("map.yaml")];
  mkdirSync(folder.at("plan"));
  mkdirSync(data);
  writeFileSync(folder.at("plan/order.json"), JSON.stringify(plan));
  writeFileSync(config, "version: 1\ntrackingPlan: { folder: ./plan, mode: quarantine }\n");
  writeFileSync(
    map,
    `rename: { properties.total_price: properties.total }
cast: { properties.total: number }
default: { properties.currency: EUR }
expression: "$merge([$, {'properties': $merge([properties, {'mended': true}])}])"
`,
  );
  await using server = await startServer({ data, args: ["--config", config] });
  const batch = ["84.5", "12", "much"].map((total_price, at) => ({
    type: "track",
    userId: "42",
    event: "Order Completed",
    messageId: `o${at}`,
    properties: { total_price },
  }));
  expect((await server.post("/v1/batch", { batch })).status).toBe(400);
  const run = (...words: string[]) => freshet(["quarantine", ...words, "--data", data]);
  expect((await run("list")).stdout).toContain("3  plan_violation from default");
  const group = ["--code", "plan_violation", "--source", "default", "--map", map];
  const rehearsed = await run("replay", ...group, "--dry-run");
  expect(rehearsed.code).toBe(4);
  expect(rehearsed.stdout).toContain("3 pieces: 2 would be accepted, 1 would be refused");
  expect(rehearsed.stdout).toContain('"total":12,');
  expect((await server.get("/v1/events/o0")).status).toBe(404);
  const done = await run("replay", ...group);
  expect(done.stdout).toContain("3 pieces: 2 accepted, 1 refused");
  expect(done.stdout).toContain("plan_violation");
  const [first] = (
    (await (await server.get("/v1/profiles/user_id:42/events")).json()) as {
      events: { messageId: string; properties?: unknown }[];
    }
  ).events;
  expect(JSON.stringify(first)).toContain('"mended":true');
  expect((await run("list")).stdout).toContain("1  plan_violation from default");
  // What was sent again is there: a client's repeat is a repeat, and so is another replay.
  expect(
    await (await server.post("/v1/track", { ...batch[0], properties: { total: 1, currency: "EUR" } })).json(),
  ).toEqual({
    success: true,
  });
  const again = await run("replay", "qrn_1", "qrn_2", "--map", map, "--json");
  expect((JSON.parse(again.stdout) as { pieces: number }).pieces).toBe(0);
  const events = (
    (await (await server.get("/v1/profiles/user_id:42/events")).json()) as { events: unknown[] }
  ).events;
  expect(events).toHaveLength(2);
});

test("a mapping can't give an event another messageId, and a wrong mapping file is refused", async () => {
  using folder = tempFolder();
  const [data, map] = [folder.at("data"), folder.at("map.yaml")];
  await using server = await startServer({ data });
  await server.post("/v1/track", { userId: "42", messageId: "m1", properties: {} });
  writeFileSync(map, "default: { event: Viewed }\nrename: { messageId: was }\n");
  const changed = await freshet(["quarantine", "replay", "qrn_1", "--map", map, "--data", data]);
  expect(changed.stdout).toContain("The mapping changes the messageId.");
  writeFileSync(map, "default: { event: Viewed }\n");
  const mended = await freshet(["quarantine", "replay", "qrn_1", "--map", map, "--data", data]);
  expect(mended.code).toBe(0);
  expect((await server.get("/v1/events/m1")).status).toBe(200);
  writeFileSync(map, "cast: { a: money }\n");
  const wrong = await freshet(["quarantine", "replay", "qrn_1", "--map", map, "--data", data]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("expected rename, cast");
});

test("killed in the middle of a replay, each piece has entered once when it is run again", async () => {
  using folder = tempFolder();
  const [data, map] = [folder.at("data"), folder.at("map.yaml")];
  writeFileSync(map, "default: { event: Viewed }\n");
  const count = 40;
  const replay = ["quarantine", "replay", "--code", "invalid_event", "--source", "default", "--map", map];
  {
    await using server = await startServer({ data });
    // Half of them without a messageId, which nothing else would know again.
    for (let at = 0; at < count; at += 1) {
      const own = at % 2 === 0 ? {} : { messageId: `m${at}` };
      expect((await server.post("/v1/track", { ...own, userId: "42", properties: { at } })).status).toBe(400);
    }
  }
  for (const visit of [7, 16]) {
    // After the event is on disk, and before its piece is marked.
    await using server = await startServer({ data, env: { FRESHET_CRASH_AT: `beforeAnswer:${visit}` } });
    expect((await freshet([...replay, "--data", data])).code).not.toBe(0);
    expect(await server.exited).toBe(128 + 9);
  }
  await using server = await startServer({ data });
  expect((await freshet([...replay, "--data", data])).code).toBe(0);
  const { events } = (await (await server.get("/v1/profiles/user_id:42/events?limit=1000")).json()) as {
    events: { event: { properties: { at: number } } }[];
  };
  const taken = events.map(({ event }) => event.properties.at).sort((left, right) => left - right);
  expect(taken).toEqual(Array.from({ length: count }, (_, at) => at));
  expect((await freshet(["verify", "--data", data])).code).toBe(0);
});

test("an expression that breaks its bounds costs one piece, not the server", async () => {
  using folder = tempFolder();
  const [data, map] = [folder.at("data"), folder.at("map.yaml")];
  const kinds = {
    pattern: "$match(properties.text, /^(a+)+$/)",
    memory: "$length($join([1..400].($pad('x', 4000000))))",
    size: "$merge([$, {'properties': {'text': $pad('x', 2000000)}}])",
    depth: "($f := function($n) { $f($n + 1) + 1 }; $f(1))",
  };
  const cases = Object.entries(kinds).map(([kind, work]) => `properties.kind = '${kind}' ? ${work} : `);
  const expression = `${cases.join("")}$merge([$, {'event': 'Viewed'}])`;
  writeFileSync(map, JSON.stringify({ expression }));
  await using server = await startServer({ data });
  for (const kind of [...Object.keys(kinds), "good"]) {
    const properties = { kind, text: `${"a".repeat(40)}!` };
    const body = { userId: "42", messageId: kind, properties };
    expect((await server.post("/v1/track", body)).status).toBe(400);
  }
  const replay = ["quarantine", "replay", "--code", "invalid_event", "--source", "default", "--map", map];
  const running = freshet([...replay, "--json", "--data", data]);
  let answered = 0;
  const done = running.finally(() => (answered = -answered));
  while (answered >= 0 && answered < 5) {
    expect((await server.get("/healthz")).status).toBe(200);
    answered += 1;
  }
  const { stdout } = await done;
  const report = JSON.parse(stdout) as { accepted: number; refused: { message: string; count: number }[] };
  expect(report.accepted).toBe(1);
  const said = report.refused.map(({ message }) => message).join("\n");
  expect(said).toContain("longer than");
  expect(report.refused.reduce((sum, { count }) => sum + count, 0)).toBe(4);
  expect((await server.get("/v1/events/good")).status).toBe(200);
}, 120_000);
