/** Files of changes and profiles: whole, once, and harmless in a spreadsheet. */
import { expect, test } from "bun:test";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { describeChangesOut, type ChangesFake } from "../../conformance/changesOut.ts";
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

/** Reads files of changes as they are put. */
class ChangesStorage implements ChangesFake {
  readonly ids: string[] = [];

  answer(_request: Request, body: string): Response {
    const lines = body.trim().split("\n");
    this.ids.push(...lines.map((line) => (JSON.parse(line) as { cursor: string }).cursor));
    return new Response(null, { status: 200 });
  }
}

describeChangesOut({
  name: "export",
  setting: (endpoint) => ({
    type: "export",
    own: own({
      what: "changes",
      s3: { endpoint, bucket: "b", prefix: "", accessKeyId: "i", secretAccessKey: "s" },
    }),
  }),
  fake: () => new ChangesStorage(),
  stops: [401, 403, 404, 410, 413, 422],
});

interface Storage extends AsyncDisposable {
  readonly s3: object;
  readonly stored: ReadonlyMap<string, string>;
  /** What the next requests are answered. */
  readonly refusals: { status: number; code: string }[];
  seen: number;
}

/** Storage that checks what anybody can check of a signed request without the secret. */
function storage(): Storage {
  const stored = new Map<string, string>();
  const refusals: { status: number; code: string }[] = [];
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: async (request) => {
      here.seen += 1;
      const { pathname, searchParams } = new URL(request.url);
      const refusal = refusals.shift();
      if (refusal !== undefined)
        return new Response(`<Error><Code>${refusal.code}</Code></Error>`, { status: refusal.status });
      const isSigned = searchParams.get("X-Amz-Credential")?.startsWith("id/");
      if (isSigned !== true || !/^[0-9a-f]{64}$/.test(searchParams.get("X-Amz-Signature") ?? ""))
        return new Response("", { status: 403 });
      if (request.method === "PUT") stored.set(pathname, await request.text());
      return new Response(null, { status: 200 });
    },
  });
  const here = {
    stored,
    refusals,
    seen: 0,
    s3: {
      endpoint: `http://127.0.0.1:${server.port}`,
      bucket: "b",
      prefix: "in/",
      accessKeyId: "id",
      secretAccessKey: "a-long-secret-of-ours",
    },
    [Symbol.asyncDispose]: () => server.stop(true),
  };
  return here;
}

test("storage that speaks S3 gets the same files, also after it failed for a while", async () => {
  await using there = storage();
  there.refusals.push({ status: 503, code: "SlowDown" }, { status: 500, code: "InternalError" });
  await using rig = await deliveryRig();
  await rig.use({ type: "export", own: own({ s3: there.s3 }) });
  await rig.test.send("identify", { userId: "1", traits: { a: 1 } });
  await rig.settled();
  const [[path, text] = ["", ""]] = [...there.stored];
  expect(path).toMatch(/^\/b\/in\/profiles-\d{12}-[\w-]{16}\.ndjson$/);
  expect(JSON.parse(text)).toMatchObject({ version: 1, fields: { a: 1 } });
  expect(there.stored.size).toBe(1);
});

test("storage that refuses the keys stops the destination with its reason, and nothing is lost", async () => {
  await using there = storage();
  there.refusals.push({ status: 403, code: "InvalidAccessKeyId" });
  await using rig = await deliveryRig();
  await rig.use({ type: "export", own: own({ s3: there.s3 }) });
  await rig.test.send("identify", { userId: "1", traits: { a: 1 } });
  const running = rig.deliveries.running.get("out");
  await until("it stops", () => running?.gate.stopped !== null);
  expect(running?.gate.stopped).toBe("the storage answered 403 InvalidAccessKeyId");
  running?.pause(false);
  await rig.settled();
  expect(there.stored.size).toBe(1);
});

test("storage in a private network is not asked, unless the operator says so", async () => {
  await using there = storage();
  await using rig = await deliveryRig();
  await rig.use({ type: "export", own: own({ s3: there.s3 }), privateNetwork: false });
  await rig.test.send("identify", { userId: "1", traits: { a: 1 } });
  const running = rig.deliveries.running.get("out");
  await until("it was tried", () => running?.counts.lastError !== null);
  expect(running?.counts.lastError?.reason).toBe("the address is refused: it leads into a private network");
  expect(there.seen).toBe(0);
});
