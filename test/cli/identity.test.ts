/** `freshet identity`, through the socket of a server and on a folder that nobody serves. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { freshet } from "../support/command.ts";
import { startServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

test("explains and plans, and writes nothing", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  const server = await startServer({ data });
  await server.post("/v1/track", { userId: "42", anonymousId: "a-1", messageId: "m-1", event: "Seen" });
  await server.post("/v1/track", { userId: "77", anonymousId: "a-1", messageId: "m-2", event: "Seen" });
  const run = (...args: readonly string[]) => freshet(["identity", ...args, "--data", data]);
  const same = await run("explain", "user_id:77", "anonymous_id:a-1");
  expect(same.stdout).toMatch(
    /^user_id:77 and anonymous_id:a-1 are one profile, prf_\w+:\n {2}user_id:77 — anonymous_id:a-1 {2}track from \w+, \S+, m-2\n$/,
  );
  const file = folder.at("aliases.ndjson");
  writeFileSync(
    file,
    `${JSON.stringify({ type: "alias", userId: "42", previousId: "77" })}\n${JSON.stringify({ type: "track", event: "x", userId: "42" })}\n`,
  );
  const plan = await run("plan", file);
  expect(plan.stdout).toStartWith(
    "1 links: would join 2 profiles into 1; nothing was written\n  2 profiles: user_id:42",
  );
  expect(await server.stop()).toBe(0);
  const two = await run("explain", "user_id:42", "user_id:77", "--json");
  expect(JSON.parse(two.stdout)).toMatchObject({
    explanation: { kind: "different", near: [{ why: "shared" }] },
  });
  expect((await run("plan", "--alias", "user_id:42", "user_id:77")).stdout).toContain(
    "would join 2 profiles into 1",
  );
  const notTied = await run("undo", "user_id:42", "user_id:77");
  expect([notTied.code, notTied.stdout]).toEqual([1, expect.stringContaining("no event ties the two")]);
  const undone = await run("undo", "anonymous_id:a-1", "user_id:77");
  expect(undone.stdout).toMatch(
    /^1 events tie the two: they count no more\n {2}anonymous_id:a-1: prf_\w+\n {2}user_id:77: prf_/,
  );
  const apart = await run("explain", "user_id:77", "anonymous_id:a-1");
  expect(apart.stdout).toContain("anonymous_id:a-1: it was undone");
  expect((await run("undo", "--lift", "user_id:77", "anonymous_id:a-1")).stdout).toContain(
    "they count again",
  );
  expect((await run("undo", "--lift", "user_id:77", "anonymous_id:a-1")).code).toBe(1);
  expect((await run("undo", "email:a@b.example", "user_id:77")).code).toBe(1);
  expect((await run("explain", "user_id:42", "user_id:9")).code).toBe(1);
  expect((await run("plan")).code).toBe(2);
}, 60_000);
