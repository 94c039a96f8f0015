/**
 * Runs one job of the load client.
 *
 * Closed loop: every connection sends its next request on the answer, and an answer's latency counts from its send.
 * Open loop: requests fall due at a fixed rate whatever the server does, and latency counts from the due time, so
 * waiting for a free connection is part of it (no coordinated omission). The timer of this process has ticks of one
 * millisecond: up to one millisecond of its own lateness is not counted.
 */
import { LoadConnection, type LoadAnswer } from "./connection.ts";
import { readFeed } from "./feedReader.ts";
import type { LoadJob, LoadReport } from "./job.ts";
import { Latencies } from "./latencies.ts";
import { collectEtags, makeSenders, profileRequests, type Sender } from "./sender.ts";

/** Due requests that may wait for a free connection before the run is given up. */
const maxBacklog = 100_000;
const tickMs = 1;
/** A run in which no answer comes for so long is given up. */
const silenceMs = 20_000;

const nowMs = () => Bun.nanoseconds() / 1e6;

interface Line {
  connection: LoadConnection;
  readonly sender: Sender;
  dueMs: number;
}

class Run {
  readonly #job: LoadJob;
  readonly #latencies = new Latencies();
  readonly #failed = Promise.withResolvers<never>();
  readonly #enough = Promise.withResolvers<void>();
  readonly #lines = new Map<LoadConnection, Line>();
  readonly #free: Line[] = [];
  /** Due times of requests that no connection was free for; `#firstWaiting` is the next one. */
  #waiting: number[] = [];
  #firstWaiting = 0;
  readonly #dueOf = new Map<string, number>();
  #measuring = false;
  #stopped = false;
  #answers = 0;
  #lastAnswerMs = nowMs();

  constructor(job: LoadJob) {
    this.#job = job;
  }

  async run(): Promise<LoadReport> {
    const job = this.#job;
    const feed =
      job.feed === null
        ? null
        : await readFeed(
            job.port,
            job.feed.path,
            job.feed.authorization,
            (id) => this.#onFrame(id),
            (why) => this.#fail(why),
          );
    const senders = makeSenders(job, await this.#etags());
    for (const sender of senders) {
      const connection = await this.#open();
      this.#lines.set(connection, { connection, sender, dueMs: 0 });
    }
    const watch = setInterval(() => {
      if (nowMs() - this.#lastAnswerMs > silenceMs) this.#fail("the server answers no more");
    }, 1_000);
    const report = await Promise.race([this.#failed.promise, this.#measure()]);
    clearInterval(watch);
    feed?.close();
    for (const connection of this.#lines.keys()) connection.close();
    return report;
  }

  async #open(): Promise<LoadConnection> {
    let opened: LoadConnection | null = null;
    opened = await LoadConnection.open(
      this.#job.port,
      (same, answer) => this.#onAnswer(same, answer),
      (why) => {
        if (opened === null || this.#lines.has(opened)) this.#fail(why);
      },
    );
    return opened;
  }

  /** A refused request's connection is closed by the server; its line goes on with another one. */
  async #replace(line: Line): Promise<void> {
    this.#lines.delete(line.connection);
    line.connection.close();
    line.connection = await this.#open();
    this.#lines.set(line.connection, line);
    this.#next(line);
  }

  async #measure(): Promise<LoadReport> {
    const job = this.#job;
    if (job.ratePerSecond === null) for (const line of this.#lines.values()) this.#send(line, nowMs());
    else this.#free.push(...this.#lines.values());
    const pacing = job.ratePerSecond === null ? Promise.resolve() : this.#pace(job.ratePerSecond);
    if (job.warmupSeconds > 0) await Bun.sleep(job.warmupSeconds * 1_000);
    this.#latencies.clear();
    this.#answers = 0;
    this.#measuring = true;
    const startMs = nowMs();
    const cpu = process.cpuUsage();
    await (job.answers === null ? Bun.sleep(job.seconds * 1_000) : this.#enough.promise);
    this.#measuring = false;
    const elapsedMs = nowMs() - startMs;
    const used = process.cpuUsage(cpu);
    const answers = this.#answers;
    this.#stopped = true;
    await pacing;
    return {
      answers,
      perSecond: (answers / elapsedMs) * 1_000,
      latency: this.#latencies.summary(),
      cpuShare: (used.user + used.system) / 1_000 / elapsedMs,
    };
  }

  async #etags(): Promise<readonly string[]> {
    const { request, authorization, port } = this.#job;
    if (request.kind !== "profile" || !request.conditional) return [];
    const auth = authorization === null ? "" : `\r\nAuthorization: ${authorization}`;
    const open = (onHead: (connection: LoadConnection, head: string) => void) =>
      LoadConnection.open(
        port,
        (connection, answer) => onHead(connection, answer.head()),
        (why) => this.#fail(why),
      );
    return collectEtags(open, profileRequests(this.#job, auth, []));
  }

  async #pace(ratePerSecond: number): Promise<void> {
    const startMs = nowMs();
    for (let sent = 0; !this.#stopped; await Bun.sleep(tickMs)) {
      const tickAtMs = nowMs();
      for (; ; sent += 1) {
        const plannedMs = startMs + (sent * 1_000) / ratePerSecond;
        if (plannedMs > tickAtMs) break;
        this.#due(Math.min(tickAtMs, plannedMs + tickMs));
      }
    }
  }

  #due(dueMs: number): void {
    const line = this.#free.pop();
    if (line !== undefined) return this.#send(line, dueMs);
    this.#waiting.push(dueMs);
    if (this.#waiting.length - this.#firstWaiting > maxBacklog)
      this.#fail("the server does not keep up with the rate");
  }

  #send(line: Line, dueMs: number): void {
    line.dueMs = dueMs;
    const bytes = line.sender.next();
    if (this.#job.feed !== null) this.#dueOf.set(line.sender.messageId(), dueMs);
    line.connection.send(bytes);
  }

  #onAnswer(connection: LoadConnection, answer: LoadAnswer): void {
    const line = this.#lines.get(connection);
    if (line === undefined) return;
    const { request } = this.#job;
    const wanted = request.kind === "profile" && request.conditional ? 304 : 200;
    const isRefused = answer.status === 429 && this.#job.mayBeRefused === true;
    if (answer.status !== wanted && !isRefused)
      return this.#fail(`an answer ${answer.status} instead of ${wanted}`);
    this.#lastAnswerMs = nowMs();
    if (this.#measuring && !isRefused) {
      this.#answers += 1;
      if (this.#answers === this.#job.answers) this.#enough.resolve();
      if (this.#job.feed === null) this.#latencies.note(this.#lastAnswerMs - line.dueMs);
    }
    if (isRefused && /\r\nconnection: close/i.test(answer.head()))
      this.#replace(line).catch((error: unknown) => this.#fail(String(error)));
    else this.#next(line);
  }

  #next(line: Line): void {
    if (this.#stopped) return;
    if (this.#job.ratePerSecond === null) return this.#send(line, nowMs());
    const dueMs = this.#waiting[this.#firstWaiting];
    if (dueMs === undefined) {
      this.#free.push(line);
      return;
    }
    this.#firstWaiting += 1;
    if (this.#firstWaiting === this.#waiting.length) {
      this.#waiting = [];
      this.#firstWaiting = 0;
    }
    this.#send(line, dueMs);
  }

  #onFrame(messageId: string): void {
    const dueMs = this.#dueOf.get(messageId);
    if (dueMs === undefined) return;
    this.#dueOf.delete(messageId);
    if (this.#measuring) this.#latencies.note(nowMs() - dueMs);
  }

  #fail(why: string): void {
    if (!this.#stopped) this.#failed.reject(new Error(why));
  }
}

/** Does the job; throws when the server loses a connection, answers anything but success, or can't keep up. */
export async function runLoad(job: LoadJob): Promise<LoadReport> {
  return new Run(job).run();
}
