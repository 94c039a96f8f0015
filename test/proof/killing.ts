/**
 * A data folder whose servers are killed again and again under a load that takes every path of the writer: new and
 * known users, devices that several share, late links that move events, aliases, batches, imports, repeats, erasures,
 * compactions and rebuilds, a segment that time alone ends. It remembers what was answered, and holds the next server
 * to it.
 */
import { expect } from "bun:test";
import { writeFileSync } from "node:fs";
import type { OperationName, OperationParams, OperationResults } from "../../src/admin/operation.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { connectSocket } from "../../src/cli/socketClient.ts";
import { keptMessages } from "../support/keptMessages.ts";
import type { Random } from "../support/random.ts";
import { startServer, type ServerOptions, type TestServer } from "../support/server.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

/** How long a server may take to come to a crash point. */
const patienceMs = 60_000;
/** What a process that SIGKILL ended is said to have exited with. */
const killedCode = 128 + 9;
const baseMs = Date.UTC(2026, 10, 24, 8);
/** Falls due a second after each look. */
const config = "version: 1\nsegments:\n  lookers: { event: Looked, within: 1s }\n";

interface Outgoing {
  readonly path: string;
  readonly body: unknown;
  readonly messageIds: readonly string[];
}

/** What was seen over all lives of the folder. */
export interface KillCounts {
  kills: number;
  answered: number;
  erased: number;
  checks: number;
}

export class KilledFolder implements Disposable {
  readonly counts: KillCounts = { kills: 0, answered: 0, erased: 0, checks: 0 };
  readonly #random: Random;
  readonly #folder: TempFolder = tempFolder();
  readonly #data = this.#folder.at("data");
  readonly #answered = new Set<string>();
  readonly #erased = new Set<string>();
  #sent = 0;

  constructor(random: Random) {
    this.#random = random;
    writeFileSync(this.#folder.at("freshet.yaml"), config);
  }

  #start(options: Pick<ServerOptions, "env" | "waitFor"> = {}): Promise<TestServer> {
    const args = ["--config", this.#folder.at("freshet.yaml")];
    return startServer({ data: this.#data, args, ...options });
  }

  /** A server that is killed at the `visit`th time it comes to the crash point. Throws if it never does. */
  async killAt(point: string, visit: number): Promise<void> {
    const env = { FRESHET_CRASH_AT: `${point}:${visit}` };
    const server = await this.#start({ env, waitFor: "nothing" });
    const ended = server.exited;
    const load = untilItListens(server).then((listens) => (listens ? this.#load(server, patienceMs) : null));
    const code = await Promise.race([ended, Bun.sleep(patienceMs).then(() => "nothing")]);
    await server.kill();
    await load;
    if (code !== killedCode)
      throw new Error(`${point}:${visit}: ended by ${code}\n${server.stdout}\n${server.stderr}`);
    this.counts.kills += 1;
  }

  /** A server that is killed some time after it began to listen, whatever it is doing. */
  async killAfter(delayMs: number): Promise<void> {
    const server = await this.#start({ waitFor: "listening" });
    const load = this.#load(server, patienceMs);
    await Bun.sleep(delayMs);
    await server.kill();
    await load;
    this.counts.kills += 1;
  }

  /** All that was answered is there, nothing is there twice, and the profiles are what the journal gives. */
  async check(): Promise<void> {
    await using server = await this.#start();
    const kept = await keptMessages(server);
    expect([...this.#answered].filter((messageId) => !kept.has(messageId))).toEqual([]);
    expect([...kept].filter(([, count]) => count > 1)).toEqual([]);
    const report = await operate(server, "verify", {});
    expect(report).toMatchObject({ problems: [] });
    for (const user of this.#erased)
      expect([user, (await server.get(`/v1/profiles/user_id:${user}`)).status]).toEqual([user, 404]);
    this.counts.answered = this.#answered.size;
    this.counts.erased = this.#erased.size;
    this.counts.checks += 1;
  }

  [Symbol.dispose](): void {
    this.#folder[Symbol.dispose]();
  }

  async #load(server: TestServer, forMs: number): Promise<void> {
    const endMs = performance.now() + forMs;
    await Promise.all([
      ...Array.from({ length: 6 }, () => this.#pour(server, endMs)),
      this.#operateOn(server, endMs),
    ]);
  }

  /** Posts without pause until the server is gone. */
  async #pour(server: TestServer, endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const { path, body, messageIds } = this.#next();
      const answer = await ifThere(server.post(path, body, secret(server)));
      if (answer === null) return;
      if (answer.status !== 200) continue;
      for (const messageId of messageIds) this.#answered.add(messageId);
    }
  }

  /** Erases someone, takes deleted text out of the files, rebuilds; over and over. */
  async #operateOn(server: TestServer, endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const user = `gone-${this.#take()}`;
      const body = { userId: user, messageId: `g-${user}`, event: "Came" };
      if ((await ifThere(server.post("/v1/track", body))) === null) return;
      const erased = await ifThere(
        operate(server, "erase", { namespace: "live", type: "user_id", value: user }),
      );
      if (erased !== null) this.#erased.add(user);
      await ifThere(operate(server, "compact", {}));
      if (this.#random.chance(0.3)) await ifThere(operate(server, "rebuild", {}));
      if ((await ifThere(server.get("/healthz"))) === null) return;
    }
  }

  #take(): number {
    this.#sent += 1;
    return this.#sent;
  }

  #next(): Outgoing {
    const random = this.#random;
    if (random.chance(0.7)) {
      const event = this.#event();
      return { path: `/v1/${event.type}`, body: event, messageIds: [event.messageId] };
    }
    const batch = Array.from({ length: 1 + random.below(20) }, () => this.#event());
    const path = random.chance(0.3) ? "/v1/import" : "/v1/batch";
    return { path, body: { batch }, messageIds: batch.map(({ messageId }) => messageId) };
  }

  /** One event; some are repeats of earlier ones, answered or not. */
  #event(): { readonly type: string; readonly messageId: string; readonly timestamp?: string | undefined } {
    const random = this.#random;
    const messageId = `m-${random.chance(0.1) ? random.below(this.#sent + 1) : this.#take()}`;
    const user = `u-${random.below(40)}`;
    const device = random.chance(0.5) ? `a-${random.below(30)}` : `a-${messageId}`;
    const timestamp = new Date(baseMs + random.below(3_600_000)).toISOString();
    const dice = random.below(100);
    // Without a timestamp: it happens now, and is past in a second.
    if (dice < 5) return { ...event("track", { userId: user, event: "Looked" }), timestamp: undefined };
    if (dice < 35) return event("track", { anonymousId: device, event: "Seen" });
    if (dice < 60) return event("track", { userId: user, event: "Bought" });
    if (dice < 70) return event("identify", { userId: user, anonymousId: device });
    if (dice < 71) return event("alias", { userId: user, previousId: `u-${random.below(40)}` });
    return event("identify", { userId: user, traits: { plan: messageId, email: `${user}@x.example` } });

    function event(type: string, fields: object) {
      return { type, messageId, timestamp, ...fields };
    }
  }
}

function secret(server: TestServer): Record<string, string> {
  return { Authorization: `Bearer ${server.secretKey}` };
}

/** Null once the server is gone. */
async function ifThere<T>(answer: Promise<T>): Promise<T | null> {
  try {
    return await answer;
  } catch {
    return null;
  }
}

/** True once it listens; false if it ended first. */
async function untilItListens(server: TestServer): Promise<boolean> {
  let ended = false;
  server.exited.then(
    () => (ended = true),
    () => {},
  );
  await until("the server listens or ends", () => ended || / listens on /.test(server.stdout), patienceMs);
  return !ended;
}

async function operate<Name extends OperationName>(
  server: TestServer,
  name: Name,
  params: OperationParams<Name>,
): Promise<OperationResults[Name]> {
  const call = await connectSocket(folderPaths(server.data).socket);
  if (call === null) throw new Error("nobody answers on the socket");
  const signal = AbortSignal.timeout(patienceMs);
  return call(name, params, { item: () => Promise.resolve(), progress: () => {}, signal });
}
