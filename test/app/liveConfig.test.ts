/** A configuration that changes under a running server: by command, by signal, by its file alone. */
import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rulesCrashPoints } from "../../src/lib/crashPoint.ts";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

/** Many commands, each a process of its own. */
const testMs = 120_000;
const head = "version: 1\n";
const views = `${head}computedTraits:\n  views: { aggregate: count, event: Product Viewed }\n`;
const newest = `${head}computedTraits:\n  newest: { aggregate: last, event: Product Viewed, property: product_id }\n`;

function setUp(folder: TempFolder, text: string): { data: string; config: string; args: string[] } {
  const [data, config] = [folder.at("data"), folder.at("etc/freshet.yaml")];
  mkdirSync(folder.at("etc"));
  mkdirSync(data);
  writeFileSync(config, text);
  return { data, config, args: ["--config", config] };
}

async function look(server: TestServer, product: string): Promise<void> {
  const properties = { product_id: product };
  const answer = await server.post("/v1/track", { userId: "42", event: "Product Viewed", properties });
  expect(answer.status).toBe(200);
}

async function traits(server: TestServer): Promise<unknown> {
  return ((await (await server.get("/v1/profiles/user_id:42")).json()) as { traits: unknown }).traits;
}

test(
  "plan, apply, history and rollback, each by the command",
  async () => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    await using server = await startServer({ data, args: [...args, "--watch-config", "false"] });
    await look(server, "a");
    await look(server, "b");
    const run = (...words: string[]) => freshet(["config", ...words, "--data", data]);
    expect((await run("diff")).stdout).toContain("nothing is another");
    writeFileSync(config, newest);
    expect((await run("diff")).stdout).toBe("+ computed.newest\n- computed.views\n");
    expect((await run("plan")).stdout).toContain("1 of 1 profiles would change\n  newest: 1\n  views: 1\n");
    expect(await traits(server)).toEqual({ views: 2 });
    expect((await run("apply")).stdout).toContain("1 profiles have other values now");
    expect(await traits(server)).toEqual({ newest: "b" });
    writeFileSync(config, `${head}computedTraits:\n  views: { aggregat: count }\n`);
    const refused = await run("apply");
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("aggregate");
    expect(refused.stderr).toContain("line 3");
    await look(server, "c");
    expect(await traits(server)).toEqual({ newest: "c" });
    const listed = (await run("history")).stdout;
    expect(listed).toContain("by start");
    expect(listed).toMatch(/by command of \S+ {2}\+ computed\.newest, - computed\.views/);
    const back = await run("rollback", "1");
    expect(back.code).toBe(0);
    expect(readFileSync(config, "utf8")).toBe(views);
    expect(readFileSync(`${config}.before`, "utf8")).toContain("aggregat:");
    expect(await traits(server)).toEqual({ views: 3 });
    expect((await freshet(["verify", "--data", data])).code).toBe(0);
  },
  testMs,
);

test(
  "a saved file and a signal are enough; what needs a start is said",
  async () => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    await using server = await startServer({ data, args });
    await look(server, "a");
    writeFileSync(config, newest);
    await until(
      "the file is taken into use",
      async () => JSON.stringify(await traits(server)) === '{"newest":"a"}',
    );
    writeFileSync(config, `${head}alerts: { latency: nonsense }\n`);
    await until("the wrong file is refused in the log", () => server.stderr.includes("was not applied"));
    expect(await traits(server)).toEqual({ newest: "a" });
    writeFileSync(
      config,
      `${newest}audits: { nulls: 20, traits: { email: { coverage: 60 } } }\nfreshness: { within: 5s }\n`,
    );
    const watching = "~ audits.nulls, ~ audits.traits, ~ freshness.within";
    const history = () => freshet(["config", "history", "--data", data]);
    await until("how data is watched follows", async () => (await history()).stdout.includes(watching));
    const board = await server.get("/admin/api/freshness");
    expect(((await board.json()) as { target: { withinMs: number } }).target.withinMs).toBe(5_000);
    writeFileSync(config, `${views}alerts: { latency: 5s }\n`);
    server.signal("SIGHUP");
    await until("the signal is heard", async () => JSON.stringify(await traits(server)) === '{"views":1}');
    await until("what waits for a start is said", () => server.stderr.includes('"why":"alerts"'));
  },
  testMs,
);

test(
  "who is who is refused at work and named in the plan, with what the rest would do",
  async () => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    await using server = await startServer({ data, args });
    await look(server, "a");
    const run = (...words: string[]) => freshet(["config", ...words, "--data", data]);
    writeFileSync(config, `${newest}identity:\n  phone: { limit: 3, priority: 4 }\n`);
    const planned = await run("plan");
    expect(planned.code).toBe(0);
    expect(planned.stdout).toContain("+ computed.newest\n- computed.views\n");
    expect(planned.stdout).toMatch(/refused at work: .*identity.*needs rebuild/);
    expect(planned.stdout).toContain("1 of 1 profiles would change\n  newest: 1\n  views: 1\n");
    const applied = await run("apply");
    expect(applied.code).toBe(1);
    expect(applied.stderr).toContain("needs rebuild");
    expect(await traits(server)).toEqual({ views: 1 });
    const wrong = `${head}segments:\n  a: { trait: x, atLeast: 1 }\n  c:\n    all: [{ segment: b }]\n`;
    writeFileSync(config, wrong);
    expect((await run("diff")).stderr).toContain(
      "segments.c: there is no segment b; did you mean a? (line 4, column 3)",
    );
  },
  testMs,
);

test(
  "what changed while the server was off is told on the feed, old to new",
  async () => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    {
      await using server = await startServer({ data, args });
      await look(server, "a");
    }
    writeFileSync(config, newest);
    await using server = await startServer({ data, args });
    expect(await traits(server)).toEqual({ newest: "a" });
    const { changes } = (await (await server.get("/v1/changes?cursor=1.1")).json()) as {
      changes: { cause: string; traits: unknown }[];
    };
    expect(changes.map(({ cause, traits: told }) => [cause, told])).toEqual([
      ["definition", { newest: { old: null, new: "a" }, views: { old: 1, new: null } }],
    ]);
    expect((await freshet(["config", "history", "--data", data])).stdout).toMatch(
      /2 {2}\S+ {2}by start {2}\+ computed/,
    );
  },
  testMs,
);

test(
  "a list and a plan that are named later are watched from then on",
  async () => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    await using server = await startServer({ data, args });
    await look(server, "a");
    const inStaff = async () =>
      ((await (await server.get("/v1/profiles/user_id:42")).json()) as { segments: unknown[] }).segments
        .length;
    mkdirSync(folder.at("etc/lists"));
    writeFileSync(folder.at("etc/lists/staff.csv"), "user_id\n7\n");
    writeFileSync(config, `${views}segments:\n  staff: { list: ./lists/staff.csv, match: user_id }\n`);
    await until("the segment is there", async () =>
      (await freshet(["config", "diff", "--data", data])).stdout.includes("nothing"),
    );
    expect(await inStaff()).toBe(0);
    writeFileSync(folder.at("etc/lists/staff.csv"), "user_id\n42\n");
    await until("the saved list is taken into use", async () => (await inStaff()) === 1);
  },
  testMs,
);

test(
  "ingest goes on and reads never mix old and new while rules change",
  async () => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    await using server = await startServer({ data, args: [...args, "--watch-config", "false"] });
    await look(server, "a");
    const others = Array.from({ length: 300 }, (_, at) => `user_id:o${at}`);
    const batch = others.map((id) => ({
      type: "track",
      userId: id.slice("user_id:".length),
      event: "Product Viewed",
      properties: { product_id: "a" },
    }));
    expect((await server.post("/v1/batch", { batch })).status).toBe(200);
    const done = new AbortController();
    let sent = 1;
    const seen = new Set<string>();
    /** All profiles of one answer have the same definitions. */
    const readMany = async () => {
      while (!done.signal.aborted) {
        const headers = { Authorization: `Bearer ${server.secretKey}` };
        const answer = await server.post("/v1/profiles/batch", { ids: others }, headers);
        const { profiles } = (await answer.json()) as { profiles: { traits: object }[] };
        expect(profiles).toHaveLength(others.length);
        expect(new Set(profiles.map((one) => Object.keys(one.traits).join(","))).size).toBe(1);
      }
    };
    const load = (async () => {
      while (!done.signal.aborted) {
        await look(server, "a");
        sent += 1;
        const now = (await traits(server)) as Record<string, unknown>;
        seen.add(Object.keys(now).sort().join(","));
        if ("views" in now) expect(now["views"]).toBe(sent);
      }
    })();
    const many = readMany();
    for (const text of [newest, views]) {
      writeFileSync(config, text);
      expect((await freshet(["config", "apply", "--data", data])).code).toBe(0);
    }
    done.abort();
    await Promise.all([load, many]);
    expect([...seen].sort()).toEqual(["newest", "views"]);
    expect(await traits(server)).toEqual({ views: sent });
    expect((await freshet(["verify", "--data", data])).code).toBe(0);
  },
  testMs,
);

test.each(rulesCrashPoints)(
  "killed at %s, either rules are whole after the next start",
  async (point) => {
    using folder = tempFolder();
    const { data, config, args } = setUp(folder, views);
    {
      await using server = await startServer({ data, args, env: { FRESHET_CRASH_AT: point } });
      await look(server, "a");
      writeFileSync(config, newest);
      await server.exited;
    }
    await using server = await startServer({ data, args });
    expect(await traits(server)).toEqual({ newest: "a" });
    await look(server, "b");
    expect(await traits(server)).toEqual({ newest: "b" });
    expect((await freshet(["verify", "--data", data])).code).toBe(0);
  },
  testMs,
);
