/** What a send would be, before it is sent: over HTTP and from the command line. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";

const block = `---
needs:
  firstName: { default: there }
  city: { maxAge: 1h, maxStale: 30d }
fallback: <p>Hello.</p>
---
<p>Hi {{ firstName }} in {{ city }}</p>`;

function setUp(folder: TempFolder): { data: string; args: string[] } {
  mkdirSync(folder.at("content"));
  writeFileSync(folder.at("content/hello.liquid"), block);
  writeFileSync(
    folder.at("freshet.yaml"),
    "version: 1\ncontent: { folder: ./content }\nsegments:\n  pros: { trait: plan, is: pro }\n",
  );
  return { data: folder.at("data"), args: ["--config", folder.at("freshet.yaml")] };
}

/** Four are whole, one has an old city, three have none; half of them are pros. */
async function fill(server: TestServer): Promise<void> {
  const hourMs = 3_600_000;
  const at = (ageMs: number) => new Date(Date.now() - ageMs).toISOString();
  const batch = Array.from({ length: 8 }, (_, index) => ({
    type: "identify",
    userId: `u${index}`,
    timestamp: at(index === 4 ? 50 * hourMs : 1_000),
    traits: {
      plan: index % 2 === 0 ? "pro" : "free",
      ...(index < 5 ? { city: "Bonn" } : {}),
      ...(index === 0 ? { firstName: "Ann" } : {}),
    },
  }));
  const answer = await server.post("/v1/batch", { batch }, { Authorization: `Bearer ${server.secretKey}` });
  expect(answer.status).toBe(200);
}

interface Report {
  readonly recipients: number;
  readonly coverage: number;
  readonly levels: Readonly<Record<string, number>>;
  readonly reasons: Readonly<Record<string, number>>;
  readonly needs: Readonly<Record<string, { levels: Record<string, number>; ages: number[] }>>;
  readonly worst: readonly { who: string; reason: string | null }[];
  readonly samples: readonly { html: string }[];
}

async function ask(server: TestServer, body: object, accept = "application/json"): Promise<Response> {
  return server.post("/v1/content/hello/preflight", body, {
    Authorization: `Bearer ${server.secretKey}`,
    Accept: accept,
  });
}

describe("a preflight", () => {
  test("counts what everybody would get, for all, a segment and named ones", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await fill(server);
    const all = (await (await ask(server, { all: true })).json()) as Report;
    expect(all).toMatchObject({
      recipients: 8,
      coverage: 5 / 8,
      levels: { default: 4, live: 1, fallback: 3 },
      reasons: { none: 1, trait_missing: 7 },
      needs: {
        city: { levels: { live: 4, lastKnown: 1, missing: 3 }, ages: [4, 0, 0, 1, 0, 0, 0] },
        firstName: { levels: { live: 1, default: 7 } },
      },
    });
    expect(all.worst.slice(0, 3).map(({ reason }) => reason)).toEqual(Array(3).fill("trait_missing"));
    expect(all.samples.map(({ html }) => html)).toContain("<p>Hi Ann in Bonn</p>");
    const pros = (await (await ask(server, { segment: "pros" })).json()) as Report;
    expect([pros.recipients, pros.coverage]).toEqual([4, 3 / 4]);
    const lines = await (
      await ask(server, { ids: ["user_id:u0", "user_id:nobody", "nonsense"] }, "application/x-ndjson")
    ).text();
    const last = JSON.parse(lines.trim().split("\n").at(-1) ?? "") as { result: Report };
    expect(last.result).toMatchObject({ recipients: 3, reasons: { none: 1, profile_not_found: 2 } });
    const receipts = (await (await server.get("/v1/receipts")).json()) as { receipts: unknown[] };
    expect(receipts.receipts).toEqual([]);
    expect((await ask(server, { segment: "none" })).status).toBe(400);
    expect((await ask(server, { ids: [] })).status).toBe(400);
  });

  test("holds a send back by its exit code", async () => {
    using folder = tempFolder();
    const { data, args } = setUp(folder);
    await using server = await startServer({ data, args });
    await fill(server);
    const run = (...flags: string[]) => freshet(["preflight", "hello", ...flags, "--data", data]);
    const good = await run("--all", "--min-coverage", "60%");
    expect([good.code, good.stdout.split("\n")[0]?.replace(/ [0-9a-f]{12}/, "")]).toEqual([
      0,
      "hello: 8 recipients, 62.5 % get the block itself",
    ]);
    // People read words; codes are for programs.
    expect(good.stdout).toContain("reasons  trait missing 7, all live 1");
    expect(good.stdout).toContain("trait missing, gets the fallback");
    expect(good.stdout).toMatch(/samples .*\n(?: {4}profile_id:\S+ {2}[a-z ]+, [a-z ]+\n)+/);
    expect(good.stdout).not.toContain("trait_missing");
    expect((await run("--all", "--json")).stdout).toContain('"trait_missing": 7');
    const short = await run("--segment", "pros", "--min-coverage", "80%");
    expect([short.code, short.stderr]).toEqual([4, expect.stringContaining("at least 80.0 % must")]);
    writeFileSync(folder.at("ids.txt"), "user_id:u0\n\nuser_id:u7\n");
    expect((await run("--ids", folder.at("ids.txt"))).stdout).toContain("2 recipients, 50.0 %");
    expect((await run()).code).toBe(2);
    expect((await run("--segment", "none")).stderr).toContain("known: pros");
    expect((await run("--all", "--min-coverage", "lots")).code).toBe(2);
  });
});
