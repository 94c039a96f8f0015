import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import type { AuditAct } from "../../../src/store/ops/audit.ts";
import { auditOver } from "../../../src/store/ops/auditOver.ts";
import { OpsDesk, OpsFailed, type OpsAnswer, type OpsCall } from "../../../src/store/ops/opsDesk.ts";
import { opsEraseRules } from "../../../src/store/ops/opsMigrations.ts";
import { tempFolder, type TempFolder } from "../../support/tempFolder.ts";

const act: AuditAct = {
  atMs: 1_000,
  actor: "key_1",
  address: "127.0.0.1",
  action: "key.create",
  target: null,
  detail: null,
};

function openDesk(folder: TempFolder) {
  let started = 0;
  const desk = new OpsDesk({
    path: folder.at("ops.db"),
    start: () => {
      started += 1;
      return new Worker(new URL("../../../src/workers/ops.ts", import.meta.url));
    },
    onDiskFailed: () => {},
  });
  return { desk, audit: auditOver(desk), started: () => started };
}

test("an act stands in the file when it was written, and its end when it ended", async () => {
  using folder = tempFolder();
  const { desk, audit } = openDesk(folder);
  const id = await audit.write(act, "begun");
  const [begun] = await audit.page(null, 10, null);
  expect(begun).toEqual({ ...act, id, outcome: "begun" });
  await audit.end(id, "done", { keyId: "key_2" });
  await desk.close();

  const { desk: second, audit: secondAudit } = openDesk(folder);
  const [done] = await secondAudit.page(null, 10, null);
  expect(done).toEqual({ ...act, id, outcome: "done", detail: { keyId: "key_2" } });
  await second.close();
});

test("pages go newest first, of all actions or of one", async () => {
  using folder = tempFolder();
  const { desk, audit } = openDesk(folder);
  for (let index = 0; index < 5; index += 1) {
    const action = index % 2 === 0 ? "backup" : "verify";
    await audit.write({ ...act, action, atMs: index }, "done");
  }
  const first = await audit.page(null, 2, null);
  expect(first.map(({ atMs }) => atMs)).toEqual([4, 3]);
  const next = await audit.page(first[1]?.id ?? 0, 10, null);
  expect(next.map(({ atMs }) => atMs)).toEqual([2, 1, 0]);
  expect((await audit.page(null, 10, "verify")).map(({ atMs }) => atMs)).toEqual([3, 1]);
  await desk.close();
});

test("strangers can't push the operators' acts out", async () => {
  using folder = tempFolder();
  const { desk, audit } = openDesk(folder);
  await audit.write(act, "done");
  await desk.close();
  const database = new Database(folder.at("ops.db"));
  database.run(`
    WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < 12999)
    INSERT INTO audit (id, at_ms, action, outcome) SELECT i, i, 'sign_in_refused', 'done' FROM n`);
  database.close();
  const { desk: second, audit: secondAudit } = openDesk(folder);
  await secondAudit.write({ ...act, actor: null, action: "sign_in_refused" }, "done");
  expect(await secondAudit.page(null, 10, "key.create")).toHaveLength(1);
  const newest = await secondAudit.page(null, 1, "sign_in_refused");
  expect(newest[0]?.id).toBe(13_000);
  await second.close();
  using kept = new Database(folder.at("ops.db"));
  expect(kept.query("SELECT count(*) AS rows FROM audit").get()).toEqual({ rows: 10_001 });
});

test("every table says how a person's data leaves it", async () => {
  using folder = tempFolder();
  const { desk, audit } = openDesk(folder);
  await audit.write(act, "done");
  await desk.close();
  using database = new Database(folder.at("ops.db"));
  const tables = database
    .query<{ name: string }, []>("SELECT name FROM sqlite_schema WHERE type = 'table'")
    .all();
  expect(tables.map(({ name }) => name).sort()).toEqual(Object.keys(opsEraseRules).sort());
});

test("nothing is started or written before it is needed", async () => {
  using folder = tempFolder();
  const { desk, started } = openDesk(folder);
  await desk.close();
  expect(started()).toBe(0);
  expect(await Bun.file(folder.at("ops.db")).exists()).toBe(false);
});

test("a file that can't be opened is told to whoever asks", async () => {
  using folder = tempFolder();
  await Bun.write(
    folder.at("ops.db"),
    "not a database at all, but long enough to be read as a header".repeat(20),
  );
  const { desk, audit } = openDesk(folder);
  expect(await audit.write(act, "begun").catch((error: unknown) => error)).toBeInstanceOf(OpsFailed);
  await desk.close();
});

/** A thread that answers as a test says. */
function fakeThread(answer: (call: OpsCall) => OpsAnswer | "lost") {
  const thread = {
    onmessage: (_event: { data: OpsAnswer }) => {},
    onerror: (_event: { message: string }) => {},
    postMessage: (call: OpsCall) => {
      const said = answer(call);
      setImmediate(() =>
        said === "lost" ? thread.onerror({ message: "the thread ended" }) : thread.onmessage({ data: said }),
      );
    },
    terminate: () => {},
  };
  return thread as unknown as Worker;
}

test.each([
  ["io", 1],
  ["full", 0],
  ["other", 0],
] as const)("of a failure of kind %s the process hears: %d", async (failure, ends) => {
  const ended: string[] = [];
  const desk = new OpsDesk({
    path: "",
    start: () => fakeThread(({ id }) => ({ kind: "failed", id, failure, message: "fsync failed" })),
    onDiskFailed: (sentence) => ended.push(sentence),
  });
  expect(
    await auditOver(desk)
      .write(act, "begun")
      .catch((error: unknown) => error),
  ).toMatchObject({ failure });
  // The answer to `open`, which nobody waits for, counts like any other.
  expect(ended.length > 0 ? 1 : 0).toBe(ends);
});

test("a thread that is lost rejects who waits, and the next request starts another", async () => {
  let started = 0;
  const desk = new OpsDesk({
    path: "",
    start: () => {
      started += 1;
      const isFirst = started === 1;
      return fakeThread(({ id }) => (isFirst ? "lost" : { kind: "done", id, value: 7 }));
    },
    onDiskFailed: () => {},
  });
  expect(
    await auditOver(desk)
      .write(act, "begun")
      .catch((error: unknown) => error),
  ).toBeInstanceOf(OpsFailed);
  expect(await auditOver(desk).write(act, "begun")).toBe(7);
  await desk.close();
  expect(started).toBe(2);
});

test("a call that a room does not have is refused", async () => {
  using folder = tempFolder();
  const { desk } = openDesk(folder);
  const asked = desk.ask("audit", "drop" as "page", 1, 1, null);
  expect(await asked.catch((error: unknown) => error)).toBeInstanceOf(OpsFailed);
  await desk.close();
});
