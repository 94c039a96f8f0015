/** Reads of the past through a running server and a command on a folder of its own. */
import { expect, test } from "bun:test";
import { freshet } from "../support/command.ts";
import { startServer, testKeys } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";

test("?at= and --at tell what was known then", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  const times: string[] = [];
  {
    await using server = await startServer({ data });
    const read = (query: string) =>
      fetch(`${server.origin}/v1/profiles/user_id:42${query}`, {
        headers: { authorization: `Bearer ${testKeys.secretKey}` },
      });
    for (const plan of ["free", "pro"]) {
      await server.post("/v1/identify", { userId: "42", traits: { plan } });
      times.push(new Date().toISOString());
      await Bun.sleep(5);
    }
    const then = await read(`?at=${times[0]}`);
    expect([then.status, then.headers.get("etag")]).toEqual([200, null]);
    expect(await then.json()).toMatchObject({ traits: { plan: "free" } });
    expect(await (await read(`?verbose=true&at=${times[1]}`)).json()).toMatchObject({
      asOf: times[1],
      traits: { plan: { value: "pro", servedFrom: "live" } },
    });
    const refusals = await Promise.all(["2020-01-01", "soon", "2999-01-01"].map((at) => read(`?at=${at}`)));
    expect(refusals.map(({ status }) => status)).toEqual([410, 400, 400]);
    const served = await freshet(["profile", "user_id:42", "--at", times[0] ?? "", "--data", data]);
    expect(served.stdout).toContain('plan  "free"');
    expect(await server.stop()).toBe(0);
  }
  const alone = await freshet(["profile", "user_id:42", "--json", "--at", times[0] ?? "", "--data", data]);
  expect(JSON.parse(alone.stdout)).toMatchObject({ traits: { plan: "free" } });
  const early = await freshet(["profile", "user_id:42", "--at", "2020-01-01", "--data", data]);
  expect([early.code, early.stderr]).toEqual([
    1,
    expect.stringContaining("the journal begins later than that"),
  ]);
});
