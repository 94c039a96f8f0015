/** Files of changes and profiles: whole, once, and harmless in a spreadsheet. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { deliveryRig } from "../../support/deliveryRig.ts";
import { tempFolder } from "../../support/tempFolder.ts";
import { until } from "../../support/until.ts";

function own(more: object) {
  return { what: "profiles", format: "ndjson", every: 0, maxRows: 1_000, ...more };
}

/** What a reader of the folder sees: a file that is being written has a name with a dot in front. */
function filesIn(folder: string): string[] {
  return existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => !name.startsWith("."))
        .sort()
    : [];
}

test("changes are written once each, in order, through restarts, and never half a file", async () => {
  using folder = tempFolder();
  await using rig = await deliveryRig();
  const out = folder.at("out");
  await rig.use({ type: "export", own: own({ what: "changes", folder: out }) });
  for (let at = 0; at < 3; at += 1) {
    await rig.test.send("track", { userId: `u${at}`, event: "Seen", messageId: `m${at}` });
    if (at === 1) await rig.restart();
  }
  const lines = () =>
    filesIn(out).flatMap((name) =>
      readFileSync(`${out}/${name}`, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { cursor: string; version: number }),
    );
  await until("all are there", () => lines().length === 3);
  expect(lines().map(({ version }) => version)).toEqual([1, 2, 3]);
  for (const name of filesIn(out)) expect(name).toMatch(/^changes-\d+\.\d+-\d+\.\d+\.ndjson$/);
});

test("profiles are written as CSV that no spreadsheet takes for formulas, and whom to take out is said", async () => {
  using folder = tempFolder();
  await using rig = await deliveryRig();
  const out = folder.at("out");
  const map = [
    { field: "name", from: { kind: "path", text: "firstName" }, type: null },
    { field: "cart", from: { kind: "path", text: "cart" }, type: null },
  ] as const;
  await rig.use({ type: "export", map, own: own({ format: "csv", folder: out }) });
  await rig.test.send("identify", {
    userId: "1",
    traits: { firstName: '=HYPERLINK("https://evil.example")', cart: { n: 1 } },
  });
  await rig.settled();
  const [name = ""] = filesIn(out);
  expect(name).toMatch(/^profiles-\d{12}-[\w-]{16}\.csv$/);
  const profileId = rig.test.find("user_id", "1")?.profileId ?? "";
  expect(readFileSync(`${out}/${name}`, "utf8")).toBe(
    `profileId,version,cart,name\r\n${profileId},1,"{""n"":1}","'=HYPERLINK(""https://evil.example"")"\r\n`,
  );
  await rig.test.store.admin.erase("live", "user_id", "1");
  await until("the erasure is told", () => filesIn(out).some((file) => file.startsWith("erased-")));
});

test("a folder that can't be written is tried again, and nothing is lost", async () => {
  using folder = tempFolder();
  await using rig = await deliveryRig();
  const out = folder.at("out");
  writeFileSync(out, "in the way");
  await rig.use({ type: "export", own: own({ folder: out }) });
  await rig.test.send("identify", { userId: "1", traits: { a: 1 } });
  await until("it was tried", () => rig.deliveries.running.get("out")?.setUp !== undefined);
  rmSync(out);
  mkdirSync(out);
  await until("it is there", () => filesIn(out).length === 1);
});

test("storage that speaks S3 gets the same files", async () => {
  const stored = new Map<string, string>();
  await using server = {
    bun: Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: async (request) => {
        expect(request.headers.get("authorization")).toStartWith("AWS4-HMAC-SHA256 Credential=id/");
        stored.set(new URL(request.url).pathname, await request.text());
        return new Response(null, { status: 200 });
      },
    }),
    async [Symbol.asyncDispose]() {
      await this.bun.stop(true);
    },
  };
  await using rig = await deliveryRig();
  const s3 = {
    endpoint: `http://127.0.0.1:${server.bun.port}`,
    bucket: "b",
    prefix: "in/",
    accessKeyId: "id",
    secretAccessKey: "secret",
  };
  await rig.use({ type: "export", own: own({ s3 }) });
  await rig.test.send("identify", { userId: "1", traits: { a: 1 } });
  await rig.settled();
  const [[path, text] = ["", ""]] = [...stored];
  expect(path).toMatch(/^\/b\/in\/profiles-\d{12}-[\w-]{16}\.ndjson$/);
  expect(JSON.parse(text)).toMatchObject({ version: 1, fields: { a: 1 } });
});
