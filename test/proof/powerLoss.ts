/**
 * Power loss without pulling a plug: a server's calls to the disk are recorded while clients write to it, then the
 * power goes at chosen moments of the recording, and a server is started on what a disk may have left.
 */
import { expect } from "bun:test";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freshet, program } from "../support/command.ts";
import { readDiskCalls, traceCommand, type DiskCall } from "../support/diskCalls.ts";
import { keptMessages } from "../support/keptMessages.ts";
import { LossyDisk } from "../support/lossyDisk.ts";
import type { Random } from "../support/random.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

export interface Recording extends Disposable {
  readonly data: string;
  readonly calls: readonly DiskCall[];
  /** When each messageId's 2xx was in the client's hands, microseconds since 1970. */
  readonly acknowledged: readonly { readonly messageId: string; readonly atUs: number }[];
}

export interface RecordOptions {
  /** Runs of the server, one after the other on the same folder: every third is killed, the others end in order. */
  readonly runs: number;
  readonly requestsPerLane: number;
  /** Length of a trait that every event carries. */
  readonly fillerLength: number;
}

const lanes = 8;
const sharedUsers = 11;

/** Records a server under load. */
export async function record(options: RecordOptions): Promise<Recording> {
  const folder = tempFolder();
  const data = folder.at("data");
  const acknowledged: { messageId: string; atUs: number }[] = [];
  const calls: DiskCall[] = [];
  for (let run = 0; run < options.runs; run += 1) {
    const output = folder.at(`trace-${run}`);
    const begun = calls.length;
    const server = await startServer({ data, program: [...traceCommand(output), ...program] });
    const pouring = Array.from({ length: lanes }, (_, lane) =>
      pour(server, { run, lane, ...options }, acknowledged),
    );
    await Promise.all(pouring);
    if (run % 3 === 2) await server.kill();
    else expect(await server.stop()).toBe(0);
    await until("the trace is whole", () => isWhole(output, server.pid));
    for (const call of readDiskCalls(readFileSync(output), data)) calls.push(call);
    rmSync(output);
    addMapped(data, calls, begun);
  }
  return { data, calls, acknowledged, [Symbol.dispose]: () => folder[Symbol.dispose]() };
}

function isWhole(output: string, pid: number): boolean {
  const tail = readFileSync(output).subarray(-400).toString("latin1");
  return new RegExp(`^${pid} +[0-9.]+ \\+\\+\\+ (exited|killed)`, "m").test(tail);
}

interface Lane extends RecordOptions {
  readonly run: number;
  readonly lane: number;
}

/** Writes one request after the other: mostly single events, some of them links, now and then a batch. */
async function pour(
  server: TestServer,
  { run, lane, requestsPerLane, fillerLength }: Lane,
  acknowledged: { messageId: string; atUs: number }[],
): Promise<void> {
  for (let at = 0; at < requestsPerLane; at += 1) {
    const events = Array.from({ length: at % 10 === 9 ? 25 : 1 }, (_, index) => ({
      type: at % 4 === 3 ? "track" : "identify",
      event: "Thing Happened",
      messageId: `r${run}-l${lane}-${at}-${index}`,
      userId: `u${(at + index) % sharedUsers}`,
      ...(at % 5 === 0 ? { anonymousId: `a${lane}-${at % 20}` } : {}),
      traits: { [`lane${lane}`]: `${run}.${at}`, filler: "x".repeat(fillerLength) },
    }));
    const answer = await server.post("/v1/batch", { batch: events });
    const atUs = (performance.timeOrigin + performance.now()) * 1_000;
    if (answer.status !== 200) throw new Error(`the server answered ${answer.status}`);
    for (const { messageId } of events) acknowledged.push({ messageId, atUs });
  }
}

/**
 * Compares the files with what the recording makes of them: one that missed a write would prove nothing. What LMDB
 * writes through memory no trace can see; any page of it may reach the disk at any time, so what the run left counts
 * as written, and not synced, from the moment its file was opened.
 */
function addMapped(data: string, calls: DiskCall[], begun: number): void {
  const recorded = filesAfter(data, calls);
  expect(recorded.has("journal.db")).toBe(true);
  const differing = [...recorded].filter(([name, bytes]) => !readFileSync(join(data, name)).equals(bytes));
  expect(differing.map(([name]) => name).filter((name) => !name.endsWith("data.mdb"))).toEqual([]);
  for (const [name] of differing) {
    const path = join(data, name);
    const opened = calls.findIndex((call, at) => at >= begun && call.kind === "open" && call.path === path);
    const { atUs } = calls[opened] ?? { atUs: 0 };
    const bytes = readFileSync(path);
    const seen = calls.splice(opened + 1).filter((call) => call.path !== path || call.kind !== "write");
    calls.push({ kind: "write", path, atUs, offset: 0, bytes });
    for (const call of seen) calls.push(call);
    calls.push({ kind: "truncate", path, atUs: seen.at(-1)?.atUs ?? atUs, size: bytes.length });
  }
}

function filesAfter(data: string, calls: readonly DiskCall[]): Map<string, Buffer> {
  const disk = new LossyDisk(data);
  for (const call of calls) disk.apply(call);
  return disk.whole();
}

/** Moments to lose power at, in order: half of them anywhere, half right before a sync has done its work. */
export function chooseMoments({ calls, acknowledged }: Recording, count: number, random: Random): number[] {
  const firstUs = acknowledged[0]?.atUs ?? 0;
  const from = calls.findIndex(({ atUs }) => atUs > firstUs);
  const syncs = calls.flatMap(({ kind }, at) => (kind === "syncEnd" && at > from ? [at] : []));
  const moments = Array.from({ length: count }, (_, nth) =>
    nth % 2 === 0 ? random.pick(syncs) : from + random.below(calls.length - from),
  );
  return moments.toSorted((a, b) => a - b);
}

/** What a loss showed. */
export interface Loss {
  /** Acknowledged before the power went, and gone. */
  readonly lost: readonly string[];
  readonly twice: readonly string[];
  readonly acknowledged: number;
}

export interface LoseOptions {
  readonly moments: readonly number[];
  readonly random: Random;
  /** A disk that forgets what it had synced: to see that a loss would be found. */
  readonly ignoreSyncs?: boolean;
}

/** Loses power at each moment in turn, and gives `look` the folder that is left. */
export async function losePower(
  recording: Recording,
  { moments, random, ignoreSyncs }: LoseOptions,
  look: (data: string, acknowledged: readonly string[]) => Promise<void>,
): Promise<void> {
  const disk = new LossyDisk(recording.data);
  let at = 0;
  for (const moment of moments) {
    for (; at < moment; at += 1) {
      const call = recording.calls[at];
      if (call !== undefined && !(ignoreSyncs === true && call.kind === "syncEnd")) disk.apply(call);
    }
    const lostAtUs = recording.calls[moment]?.atUs ?? 0;
    const acknowledged = recording.acknowledged.filter(({ atUs }) => atUs < lostAtUs);
    using left: TempFolder = tempFolder();
    disk.loseInto(left.at("data"), random);
    asOfAnotherBoot(left.at("data", "boot.json"));
    await look(
      left.at("data"),
      acknowledged.map(({ messageId }) => messageId),
    );
  }
}

/** The machine that starts on it is another start of the machine; the file may be gone or torn too. */
function asOfAnotherBoot(path: string): void {
  try {
    const held = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...held, bootId: "00000000-0000-4000-8000-000000000000" }));
  } catch {
    return;
  }
}

/** Starts a server on what is left, and looks for what is missing or doubled; sends everything once more, too. */
export async function inspect(data: string, acknowledged: readonly string[]): Promise<Loss> {
  const server = await startServer({ data });
  try {
    const kept = await keptMessages(server);
    for (let from = 0; from < acknowledged.length; from += 1_000) {
      const batch = acknowledged
        .slice(from, from + 1_000)
        .filter((messageId) => kept.has(messageId))
        .map((messageId) => ({ type: "track", event: "Again", userId: "again", messageId }));
      const answer = await server.post("/v1/batch", { batch });
      expect(answer.status).toBe(200);
    }
    const then = await keptMessages(server);
    expect(await server.stop()).toBe(0);
    const verified = await freshet(["verify", "--data", data]);
    expect(`${verified.stdout}${verified.stderr}`).not.toMatch(/damaged|differs/);
    expect(verified.code).toBe(0);
    return {
      lost: acknowledged.filter((messageId) => !kept.has(messageId)),
      twice: [...then].filter(([, count]) => count > 1).map(([messageId]) => messageId),
      acknowledged: acknowledged.length,
    };
  } finally {
    await server[Symbol.asyncDispose]();
  }
}
