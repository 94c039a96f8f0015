import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { run } from "../../../src/cli/program.ts";
import type { Summary } from "../../../src/cli/simulate/summary.ts";
import { cleanEnvironment, freshet, program } from "../../support/command.ts";
import { startServer, type TestServer } from "../../support/server.ts";
import { testContext } from "../../support/testContext.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

function args(...more: readonly string[]): readonly string[] {
  return ["simulate", "--url", server.origin, "--write-key", server.writeKey, "--json", ...more];
}

async function simulate(...more: readonly string[]): Promise<{ code: number; summary: Summary }> {
  const context = testContext();
  const code = await run(args(...more), context);
  return { code, summary: JSON.parse(context.stdout) as Summary };
}

/** Events in the journal. */
async function kept(): Promise<number> {
  const exported = await freshet(["export", "--what", "events", "--data", server.data]);
  return exported.stdout.split("\n").filter((line) => line !== "").length;
}

describe("against a server", () => {
  test("counts what the journal holds afterwards; the same seed again adds nothing", async () => {
    const before = await kept();
    const first = await simulate("--seed", "11", "--count", "600", "--rate", "5000");
    expect(first.code).toBe(0);
    expect(first.summary).toMatchObject({ seed: 11, sent: 600, rejected: 0, unanswered: 0 });
    expect(first.summary.accepted + first.summary.repeated).toBe(600);
    expect(first.summary.repeated).toBeGreaterThan(0);
    expect(first.summary.late).toBeGreaterThan(0);
    expect(await kept()).toBe(before + first.summary.accepted);
    await simulate("--seed", "11", "--count", "600", "--rate", "5000");
    expect(await kept()).toBe(before + first.summary.accepted);
  });

  test("measures every answer", async () => {
    const { summary } = await simulate("--seed", "12", "--count", "50", "--rate", "1000");
    const { p50, p95, p99, max } = summary.latencyMs;
    const all = [p50, p95, p99, max].map(Number);
    expect(all).toEqual(all.toSorted((left, right) => left - right));
    expect(Number(p50)).toBeGreaterThan(0);
    expect(summary.requests).toBeGreaterThan(0);
  });

  test("ends after its time", async () => {
    const { code, summary } = await simulate("--duration", "300ms", "--rate", "200");
    expect(code).toBe(0);
    expect(summary.sent).toBeGreaterThan(0);
    expect(summary.sent).toBeLessThanOrEqual(60);
  });

  test("ends at SIGINT with the summary and exit 0", async () => {
    const before = await kept();
    const child = Bun.spawn([...program, ...args("--rate", "100")], {
      env: cleanEnvironment(),
      stdout: "pipe",
      stderr: "ignore",
    });
    while ((await kept()) === before) await Bun.sleep(20);
    child.kill("SIGINT");
    const summary = JSON.parse(await new Response(child.stdout).text()) as Summary;
    expect(await child.exited).toBe(0);
    expect(summary.sent).toBe(summary.accepted + summary.repeated);
    expect(await kept()).toBe(before + summary.accepted);
  });

  test("makes a test profile that is found by what it says", async () => {
    const context = testContext({ FRESHET_WRITE_KEY: server.writeKey });
    expect(await run(["simulate", "--url", server.origin, "--profile", "loyal-customer"], context)).toBe(0);
    const [path] = /\/v1\/profiles\/\S+/.exec(context.stdout) ?? [""];
    expect(context.stdout).toContain(`curl -H 'Authorization: Bearer sk_…' ${server.origin}${path}\n`);
    const id = encodeURIComponent(path.slice("/v1/profiles/".length));
    expect(context.stdout).toContain(`${server.origin}/admin#/profiles/${id}\n`);
    const profile = (await (await server.get(path)).json()) as { traits: Record<string, unknown> };
    expect(profile.traits).toMatchObject({ firstName: "Leo", email: "loyal-customer@example.com" });
  });

  test("refuses a wrong key at once, with exit 1", async () => {
    const context = testContext();
    const wrong = ["simulate", "--url", server.origin, "--write-key", "wk_not_known_here_01", "--count", "5"];
    expect(await run(wrong, context)).toBe(1);
    expect(context.stderr).toContain("refuses the write key");
    expect(context.stdout).toBe("");
  });
});

describe("retries", () => {
  test("are few where nobody has ever answered, and it says so", async () => {
    const context = testContext();
    const nowhere = ["simulate", "--url", "http://127.0.0.1:1", "--write-key", server.writeKey];
    expect(await run(nowhere, context)).toBe(1);
    expect(context.stderr).toContain("the server can't be reached (ECONNREFUSED); is it running");
    expect(context.stdout).toBe("");
  });

  test("wait as long as Retry-After says and keep every messageId", async () => {
    const bodies: string[] = [];
    using busy = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        bodies.push(await request.text());
        return bodies.length === 1
          ? new Response("{}", { status: 429, headers: { "Retry-After": "1" } })
          : Response.json({ success: true });
      },
    });
    const context = testContext();
    const origin = `http://127.0.0.1:${busy.port}`;
    const argv = ["simulate", "--url", origin, "--write-key", server.writeKey, "--count", "1", "--json"];
    expect(await run(argv, context)).toBe(0);
    expect(JSON.parse(context.stdout)).toMatchObject({ sent: 1, accepted: 1, retries: 1, requests: 2 });
    expect(bodies).toHaveLength(2);
    expect(bodies[1]).toBe(bodies[0] ?? "");
  });
});

describe("usage", () => {
  test.each([
    [["--profile", "loyal-costumer"], "loyal-customer"],
    [["--rate", "0"], "--rate"],
    [["--duration", "soon"], "30s"],
    [["--url", "ftp://x"], "--url"],
    [["--write-key", "sk_not_a_write_key_1"], "wk_"],
  ])("%p is refused with exit 2", async (flags, hint) => {
    const context = testContext();
    expect(await run(["simulate", "--write-key", "wk_for_tests_only_0001", ...flags], context)).toBe(2);
    expect(context.stderr).toContain(hint);
  });

  test("without a write key it says how to get one", async () => {
    const context = testContext();
    expect(await run(["simulate"], context)).toBe(2);
    expect(context.stderr).toContain("FRESHET_WRITE_KEY");
  });
});
