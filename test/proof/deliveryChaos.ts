/**
 * A server with a steady, a flaky and a dead destination and a mail server that fails, killed again and again, under a
 * clock that is moved, while people do things and triggers write to them.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CallOperation, OperationResults, Outlet } from "../../src/admin/operation.ts";
import { connectSocket } from "../../src/cli/socketClient.ts";
import type { Json, JsonObject } from "../../src/model/event.ts";
import { folderPaths } from "../../src/store/folder.ts";
import { fromSource } from "../support/command.ts";
import { brokenOff, faultServer, type Fault, type FaultServer } from "../support/faultServer.ts";
import { mailServer, type MailServer } from "../support/mailServer.ts";
import type { Random } from "../support/random.ts";
import { Receiver } from "../support/receiver.ts";
import { startServer, type TestServer } from "../support/server.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";
import { ChaosMails, emailOf, hasSaidNo, mailConfig } from "./chaosMails.ts";

const users = 30;
const failureShare = 0.3;
const hourMs = 3_600_000;
const movedClock = join(import.meta.dir, "../support/movedClock.ts");

const faults: readonly { readonly fault: Fault; readonly after: boolean }[] = [
  { fault: { kind: "status", status: 500 }, after: false },
  { fault: { kind: "status", status: 503 }, after: true },
  { fault: { kind: "status", status: 429, headers: { "Retry-After": "0" } }, after: false },
  { fault: { kind: "reset" }, after: true },
  {
    fault: { kind: "status", status: 200, headers: { "Content-Type": "text/html" }, body: "<html>" },
    after: true,
  },
];

export class DeliveryChaos implements AsyncDisposable {
  readonly #random: Random;
  readonly #folder = tempFolder();
  readonly #receivers = { steady: new Receiver(), flaky: new Receiver() };
  readonly #servers: { readonly steady: FaultServer; readonly flaky: FaultServer };
  #isHealed = false;
  #server: TestServer | null = null;
  #sent = 0;
  readonly #erased = new Set<string>();
  readonly #mailServer: MailServer;
  readonly #mails: ChaosMails;
  /** Whom the server knows, with address and consent. */
  readonly #known = new Set<string>();

  static async begin(random: Random): Promise<DeliveryChaos> {
    return new DeliveryChaos(random, await mailServer());
  }

  private constructor(random: Random, mails: MailServer) {
    this.#random = random;
    this.#mailServer = mails;
    this.#mails = new ChaosMails(mails, random, failureShare);
    const { steady, flaky } = this.#receivers;
    const flakyServer: FaultServer = faultServer((request, body) => {
      if (!this.#isHealed && random.chance(failureShare)) {
        const { fault, after } = random.pick(faults);
        if (after) flaky.answer(request, body);
        if (fault.kind === "status")
          return new Response(fault.body ?? "", { status: fault.status, headers: { ...fault.headers } });
        return brokenOff();
      }
      return flaky.answer(request, body);
    });
    this.#servers = {
      steady: faultServer((request, body) => steady.answer(request, body)),
      flaky: flakyServer,
    };
    const map = "map: { name: firstName, plan: plan, visits: visits }";
    mkdirSync(this.#folder.at("content"));
    writeFileSync(
      this.#folder.at("content/thanks.liquid"),
      "---\nneeds: { firstName: { default: there } }\nfallback: <p>Thanks.</p>\n---\n<p>Thanks, {{ firstName }}</p>",
    );
    const mail = mailConfig(mails.url, this.#folder.at("content"));
    const at = (url: string) => `{ type: http, url: "${url}", privateNetwork: true, ${map} }`;
    writeFileSync(
      this.#folder.at("freshet.yaml"),
      `version: 1
computedTraits: { visits: { aggregate: count, event: Visited } }
${mail.all}destinations:
  ${mail.destination}
  steady: ${at(`${this.#servers.steady.origin}/in`)}
  flaky: ${at(`${this.#servers.flaky.origin}/in`)}
  dead: ${at("http://127.0.0.1:9/in")}
`,
    );
  }

  /** Starts the server; with `crashAt`, to be killed at that point; `moved`: under a clock that is hours off, and leaps. */
  async start(crashAt: string | null = null, { moved = false } = {}): Promise<void> {
    const hours = () => this.#random.below(5) - 2;
    const clock = [hours() * hourMs, 1_000 + this.#random.below(2_000), hours() * hourMs].join(",");
    const [bun = "", ...rest] = fromSource;
    this.#server = await startServer({
      data: this.#folder.at("data"),
      args: ["--config", this.#folder.at("freshet.yaml")],
      env: {
        ...(crashAt === null ? {} : { FRESHET_CRASH_AT: crashAt }),
        ...(moved ? { MOVED_CLOCK: clock } : {}),
      },
      ...(moved ? { program: [bun, "--preload", movedClock, ...rest] } : {}),
      // What was left to be sent may bring it to its crash point before it listens.
      waitFor: crashAt === null ? "ready" : "nothing",
    });
  }

  /** Does so many things, one after the other; what the server does not live to answer is said again to the next. */
  async live(count: number): Promise<void> {
    for (let at = 0; at < count; at += 1) await this.#act();
  }

  /** Kills it, whatever it is doing. */
  async kill(): Promise<void> {
    await this.#server?.kill();
    this.#server = null;
  }

  /** Waits until it has died of its own crash point; makes it do things until it does. */
  async untilCrashed(): Promise<void> {
    const server = this.#need();
    const isDead = async (waitMs: number) =>
      (await Promise.race([server.exited, Bun.sleep(waitMs)])) !== undefined;
    await until(
      "it listens or is dead",
      async () => server.stdout.includes("listens on") || isDead(10),
      60_000,
    );
    for (let tries = 0; tries < 500; tries += 1) {
      if (await isDead(20)) return;
      await this.#change().catch(() => {});
    }
    throw new Error("it did not crash");
  }

  /** Lets the flaky one get well, and waits until it and the steady one have all there is. */
  async heal(): Promise<void> {
    this.#isHealed = true;
    this.#mails.heal();
    const { call, outlet } = await this.#connected();
    await until(
      "all is delivered",
      async () => {
        for (const name of ["flaky", "mail"])
          await call("destinations.pause", { name, isPaused: false }, outlet);
        const list = await call("destinations.list", {}, outlet);
        return list.filter(({ name }) => name !== "dead").every(isDone);
      },
      60_000,
    );
  }

  /** What each live receiver has of each person against what the server says; equal where all is well. */
  async compare(): Promise<{
    readonly wanted: Record<string, Json>;
    readonly got: Record<string, Record<string, Json>>;
  }> {
    const wanted: Record<string, Json> = {};
    const got: Record<string, Record<string, Json>> = { steady: {}, flaky: {} };
    for (let at = 0; at < users; at += 1) {
      const userId = `u${at}`;
      const answer = await this.#need().get(`/v1/profiles/user_id:${userId}`);
      if (answer.status === 404) continue;
      const { profileId, traits } = (await answer.json()) as {
        profileId: string;
        traits: Record<string, Json>;
      };
      const { firstName: name = null, plan = null, visits = null } = traits;
      wanted[userId] = withoutNulls({ name, plan, visits });
      for (const [of, receiver] of Object.entries(this.#receivers)) {
        const found = receiver.fields({ userId, email: "", profileId });
        (got[of] ??= {})[userId] = found === null ? null : withoutNulls(found);
      }
    }
    return { wanted, got };
  }

  /** What is wrong with what triggers sent; empty where all is well. */
  async wrongMails(): Promise<string[]> {
    const { call, outlet } = await this.#connected();
    const entriesOf = async (trigger: string) =>
      (await call("triggers.log", { namespace: "live", of: { trigger }, limit: 1_000 }, outlet)) ?? [];
    await until("each time that a trigger was set off is settled", async () =>
      [...(await entriesOf("bought")), ...(await entriesOf("pro"))].every(
        ({ outcome }) => outcome !== "queued",
      ),
    );
    const profileIds = new Map<string, string>();
    for (const userId of this.#mails.people) {
      const answer = await this.#need().get(`/v1/profiles/user_id:${userId}`);
      if (answer.status !== 200) continue;
      profileIds.set(userId, ((await answer.json()) as { profileId: string }).profileId);
    }
    return this.#mails.wrong([...(await entriesOf("bought")), ...(await entriesOf("pro"))], profileIds);
  }

  get mails(): number {
    return this.#mails.mails.length;
  }

  /** People who were erased and of whom a live receiver still has a profile; empty where all is well. */
  leftOver(): string[] {
    const person = (profileId: string) => ({ userId: "", email: "", profileId });
    return [...this.#erased].filter((profileId) =>
      Object.values(this.#receivers).some((receiver) => receiver.fields(person(profileId)) !== null),
    );
  }

  /** How often each was asked. */
  get requests(): { readonly steady: number; readonly flaky: number } {
    return { steady: this.#servers.steady.seen.length, flaky: this.#servers.flaky.seen.length };
  }

  get erasures(): number {
    return this.#erased.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.#mailServer[Symbol.asyncDispose]();
    this.#servers.steady[Symbol.dispose]();
    this.#servers.flaky[Symbol.dispose]();
    this.#folder[Symbol.dispose]();
  }

  async #act(): Promise<void> {
    const dice = this.#random.below(24);
    const userId = `u${this.#random.below(users)}`;
    if (dice < 12) await this.#change();
    else if (dice < 16) await this.#post("/v1/track", { userId, event: "Visited", messageId: this.#id() });
    else if (dice < 19) {
      const anonymousId = `a${this.#random.below(users)}`;
      const traits = { plan: this.#word() };
      await this.#post("/v1/identify", { anonymousId, traits, messageId: this.#id() });
      if (dice === 18)
        await this.#post("/v1/identify", { userId, anonymousId, traits: {}, messageId: this.#id() });
    } else if (dice === 19) await this.#erase(userId);
    else await this.#setOff(userId, dice === 20);
  }

  /** Does what a trigger waits for. */
  async #setOff(userId: string, becomesPro: boolean): Promise<void> {
    await this.#introduce(userId);
    const messageId = this.#id();
    if (becomesPro) {
      await this.#post("/v1/identify", { userId, traits: { tier: "pro" }, messageId });
      this.#mails.becamePro(userId);
    } else {
      await this.#post("/v1/track", { userId, event: "Bought", messageId });
      this.#mails.bought(userId);
    }
  }

  /** Says a person's address, or that there is to be no mail, before anything sets a trigger off. */
  async #introduce(userId: string): Promise<void> {
    if (this.#known.has(userId)) return;
    const traits = { email: emailOf(userId) };
    await this.#post("/v1/identify", { userId, traits, messageId: this.#id() });
    const properties = { channel: "email", topic: "marketing", status: "denied" };
    if (hasSaidNo(userId))
      await this.#post("/v1/track", { userId, event: "Consent Changed", properties, messageId: this.#id() });
    this.#known.add(userId);
  }

  async #change(): Promise<void> {
    const plan = this.#random.chance(0.2) ? null : this.#word();
    const traits = { firstName: this.#word(), plan };
    const userId = `u${this.#random.below(users)}`;
    await this.#post("/v1/identify", { userId, traits, messageId: this.#id() });
  }

  async #erase(userId: string): Promise<void> {
    const answer = await this.#need().get(`/v1/profiles/user_id:${userId}`);
    if (answer.status !== 200) return;
    const { profileId } = (await answer.json()) as { profileId: string };
    const { call, outlet } = await this.#connected();
    const erased = await call("erase", { namespace: "live", type: "user_id", value: userId }, outlet);
    if (erased === null) return;
    this.#erased.add(profileId);
    this.#known.delete(userId);
    this.#mails.erased(userId);
  }

  async #connected(): Promise<{ readonly call: CallOperation; readonly outlet: Outlet }> {
    const call = await connectSocket(folderPaths(this.#folder.at("data")).socket);
    if (call === null) throw new Error("no socket");
    const outlet = {
      item: () => Promise.resolve(),
      progress: () => {},
      signal: new AbortController().signal,
    };
    return { call, outlet };
  }

  async #post(path: string, body: JsonObject): Promise<void> {
    const secret = { Authorization: `Bearer ${this.#need().secretKey}` };
    const answer = await this.#need().post(path, body, secret);
    if (answer.status !== 200) throw new Error(`${path} answered ${answer.status}`);
  }

  #need(): TestServer {
    if (this.#server === null) throw new Error("no server");
    return this.#server;
  }

  #word(): string {
    return `w${this.#random.below(1_000)}`;
  }

  #id(): string {
    this.#sent += 1;
    return `m${this.#sent}`;
  }
}

function isDone({ lag, queue, backfill }: OperationResults["destinations.list"][number]): boolean {
  const waiting = queue.transactional + queue.behavioural + queue.batch;
  return lag.changes === 0 && waiting === 0 && (backfill === null || backfill.doneAtMs !== null);
}

function withoutNulls(values: Readonly<Record<string, Json>>): JsonObject {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}
