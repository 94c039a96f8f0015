import { expect } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, statfsSync } from "node:fs";
import { join } from "node:path";
import { freshet } from "../support/command.ts";
import { keptMessages } from "../support/keptMessages.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { ballast, onSmallDisk, smallDiskTest } from "../support/smallDisk.ts";
import { tracedTest, withFault } from "../support/strace.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const megabyte = 1024 ** 2;
const writes = "pwrite64,writev,pwritev,write";
const syncs = "fsync,fdatasync";

/** Ten events for ten new profiles, as one batch; adds their messageIds to `kept` if they were taken. */
async function sendTen(server: TestServer, at: number, kept: string[]): Promise<Response> {
  const batch = Array.from({ length: 10 }, (_, index) => ({
    type: "identify",
    userId: `u${at}-${index}`,
    messageId: `m${at}-${index}`,
    traits: { filler: "x".repeat(500) },
  }));
  const answer = await server.post("/v1/batch", { batch });
  if (answer.status === 200) kept.push(...batch.map(({ messageId }) => messageId));
  return answer;
}

async function expectKeptOnce(server: TestServer, answered: readonly string[]): Promise<void> {
  const kept = await keptMessages(server);
  expect(answered.filter((messageId) => !kept.has(messageId))).toEqual([]);
  expect([...kept].filter(([, count]) => count > 1)).toEqual([]);
}

/** Sends until an answer is not 200; throws if the disk never fills. */
async function sendUntilRefused(server: TestServer, answered: string[]): Promise<Response> {
  for (let at = 0; at < 10_000; at += 1) {
    const answer = await sendTen(server, at, answered);
    if (answer.status !== 200) return answer;
  }
  throw new Error("the disk never became full");
}

smallDiskTest(
  "a full disk refuses with 503 and Retry-After, keeps what it answered, and takes events again once there is room",
  async () => {
    using folder = tempFolder();
    const disk = folder.at("disk");
    mkdirSync(disk);
    const program = onSmallDisk(disk, 16 * megabyte);
    await using server = await startServer({ data: join(disk, "data"), program });
    const answered: string[] = [];
    {
      using _stone = ballast(server.pid, join(disk, "stone"), 8 * megabyte);
      const refused = await sendUntilRefused(server, answered);
      expect(refused.status).toBe(503);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await refused.json()).toMatchObject({ error: { code: "disk_full" } });
      for (let again = 0; again < 5; again += 1)
        expect((await sendTen(server, 50_000 + again, answered)).status).toBe(503);
      expect(server.stderr.match(/can't be stored/g)).toHaveLength(1);
      expect((await server.get("/healthz")).status).toBe(200);
    }
    expect((await sendTen(server, -1, answered)).status).toBe(200);
    await expectKeptOnce(server, answered);
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

smallDiskTest(
  "where only the profiles find no room, events are still taken, and the profiles come back by themselves",
  async () => {
    using folder = tempFolder();
    const disk = folder.at("disk");
    mkdirSync(disk);
    await using server = await startServer({
      data: join(disk, "data"),
      program: onSmallDisk(disk, 160 * megabyte),
    });
    const seen = `/proc/${server.pid}/root${disk}`;
    const answered: string[] = [];
    // After its first checkpoint the log's file is used again, so the journal goes on where nothing else can grow.
    for (let at = 0; statSync(join(seen, "data/journal.db")).size < 4 * megabyte; at += 1)
      expect((await sendTen(server, at, answered)).status).toBe(200);
    const room = statfsSync(seen);
    {
      using _stone = ballast(server.pid, join(disk, "stone"), room.bavail * room.bsize - 40_960);
      const isReady = async () => (await server.get("/readyz")).status === 200;
      let at = 100_000;
      for (; await isReady(); at += 1) expect((await sendTen(server, at, answered)).status).toBe(200);
      for (let more = 0; more < 20; more += 1)
        expect((await sendTen(server, at + more, answered)).status).toBe(200);
      expect((await server.get("/v1/profiles/user_id:u0-0")).status).toBe(503);
      await until("a rebuild found no room either", () => /the rebuild failed/.test(server.stderr));
    }
    await until("the profiles are back", async () => (await server.get("/readyz")).status === 200, 60_000);
    await expectKeptOnce(server, answered);
    expect((await freshet(["verify", "--data", join(seen, "data")])).code).toBe(0);
  },
  120_000,
);

smallDiskTest(
  "a backup that finds no room says so and leaves nothing behind, and the server goes on",
  async () => {
    using folder = tempFolder();
    const disk = folder.at("disk");
    mkdirSync(disk);
    const data = folder.at("data");
    await using server = await startServer({ data, program: onSmallDisk(disk, 65_536) });
    const answered: string[] = [];
    for (let at = 0; at < 20; at += 1) await sendTen(server, at, answered);
    const { code, stderr } = await freshet(["backup", join(disk, "backup"), "--data", data]);
    expect([code, stderr]).toEqual([1, "freshet: database or disk is full\n"]);
    expect(readdirSync(`/proc/${server.pid}/root${disk}/backup`)).toEqual([]);
    expect((await sendTen(server, 20, answered)).status).toBe(200);
    await expectKeptOnce(server, answered);
  },
  120_000,
);

smallDiskTest(
  "a start without room for the journal, or for the profiles, ends with exit 74 and a sentence",
  async () => {
    for (const sizeBytes of [4_096, 40_960, 122_880, 204_800]) {
      using folder = tempFolder();
      const disk = folder.at("disk");
      mkdirSync(disk);
      const program = onSmallDisk(disk, sizeBytes);
      await using server = await startServer({ data: join(disk, "data"), program, waitFor: "nothing" });
      expect(await server.exited).toBe(74);
      expect(server.stderr).toMatch(/^freshet: [^\n]*(?:disk|no space)[^\n]*\n$/);
    }
  },
  120_000,
);

tracedTest(
  "a start whose first write or sync fails ends with exit 74 and a sentence",
  async () => {
    for (const [name, calls] of [
      ["lock.db", writes],
      ["boot.json.new", syncs],
      ["journal.db", writes],
      ["journal.db-wal", syncs],
    ] as const) {
      using folder = tempFolder();
      const data = folder.at("data");
      const program = withFault(join(data, name), calls, "error=EIO", "1+");
      await using server = await startServer({ data, program, waitFor: "nothing" });
      expect(await server.exited).toBe(74);
      expect(server.stderr).toMatch(/^freshet: [^\n]*(?:I\/O|i\/o) error[^\n]*\n$/);
    }
  },
  120_000,
);

/** Faults that the journal can't outlive: the process ends, and the next start has what was answered. */
for (const [calls, fromNth] of [
  [syncs, 18],
  [syncs, 29],
  ["pwrite64", 90],
] as const) {
  tracedTest(
    `the journal's ${calls} fails from the ${fromNth}th on: exit 74, and the next start has all that was answered`,
    async () => {
      using folder = tempFolder();
      const data = folder.at("data");
      const program = withFault(join(data, "journal.db-wal"), calls, "error=EIO", `${fromNth}+`);
      const answered: string[] = [];
      {
        await using failing = await startServer({ data, program });
        for (let at = 0; at < 1_000; at += 1) {
          const answer = await sendTen(failing, at, answered).catch(() => null);
          if (answer === null) break;
          expect(answer.status).toBe(200);
        }
        expect(await failing.exited).toBe(74);
        expect(failing.stderr).toContain("the journal failed");
      }
      expect(answered.length).toBeGreaterThan(0);
      await using server = await startServer({ data });
      await expectKeptOnce(server, answered);
      expect(await server.stop()).toBe(0);
      expect((await freshet(["verify", "--data", data])).code).toBe(0);
    },
    120_000,
  );
}

tracedTest(
  "profiles that can't be written for an I/O error are rebuilt beside the service, which goes on",
  async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    const answered: string[] = [];
    {
      await using first = await startServer({ data });
      expect((await sendTen(first, 100_000, answered)).status).toBe(200);
      expect(await first.stop()).toBe(0);
    }
    const program = withFault(join(data, "profiles-1/data.mdb"), writes, "error=EIO", "1+");
    await using server = await startServer({ data, program });
    await until("a rebuild was needed", async () => {
      expect((await sendTen(server, answered.length, answered)).status).toBe(200);
      return /will be rebuilt/.test(server.stderr);
    });
    await until("the profiles are back", async () => (await server.get("/readyz")).status === 200);
    await expectKeptOnce(server, answered);
    expect((await server.get("/v1/profiles/user_id:u100000-0")).status).toBe(200);
    expect(await server.stop()).toBe(0);
  },
  120_000,
);

const readsWhileWaiting = 60;

tracedTest(
  `while the disk takes 4 s for one sync, at least ${readsWhileWaiting} reads and health checks are answered before that ingest is`,
  async () => {
    using folder = tempFolder();
    const data = folder.at("data");
    const trace = folder.at("trace");
    const slow = withFault(join(data, "journal.db-wal"), syncs, "delay_enter=4000000", 20, trace);
    await using server = await startServer({ data, program: slow });
    const answered: string[] = [];
    expect((await sendTen(server, 0, answered)).status).toBe(200);
    const isOver = () => readFileSync(trace, "utf8").includes("DELAYED");
    let reads = 0;
    for (let at = 1; !isOver(); at += 1) {
      expect(at).toBeLessThan(100);
      reads = Math.max(reads, await readsBefore(server, sendTen(server, at, answered)));
    }
    expect(reads).toBeGreaterThanOrEqual(readsWhileWaiting);
    await expectKeptOnce(server, answered);
  },
  120_000,
);

/** Reads one after the other until the ingest is answered; returns how many were. */
async function readsBefore(server: TestServer, ingest: Promise<Response>): Promise<number> {
  const waiting = new Set([ingest]);
  const ended = ingest.then(({ status }) => {
    waiting.clear();
    expect(status).toBe(200);
  });
  let reads = 0;
  for (; waiting.size > 0; reads += 1) {
    const path = reads % 2 === 0 ? "/healthz" : "/v1/profiles/user_id:u0-0";
    expect((await server.get(path)).status).toBe(200);
  }
  await ended;
  return reads;
}
