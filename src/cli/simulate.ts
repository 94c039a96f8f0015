/** `freshet simulate`: shoppers of a shop that does not exist, sent to any Freshet. */
import { InvalidArgumentError, type Command } from "commander";
import { isWriteKey } from "../config/keyText.ts";
import { systemClock } from "../lib/clock.ts";
import { parseDuration } from "../lib/duration.ts";
import { systemIds } from "../lib/id.ts";
import { nearest } from "../lib/nearest.ts";
import { parseCount } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { startCounting } from "./simulate/counting.ts";
import { pace } from "./simulate/pace.ts";
import { Sender, SendFailed } from "./simulate/sender.ts";
import { summaryOf, summaryText } from "./simulate/summary.ts";
import { testProfileEvents, testProfiles } from "./simulate/testProfiles.ts";
import { Traffic, type Outgoing } from "./simulate/traffic.ts";

interface Flags {
  readonly url: string;
  readonly writeKey?: string;
  readonly rate: string;
  readonly count?: string;
  readonly duration?: string;
  readonly seed?: string;
  readonly shoppers: string;
  readonly profile?: string;
  readonly json: boolean;
}

/** What is unanswered so long after Ctrl-C is given up. */
const graceMs = 3_000;
const maxSeed = 2 ** 32 - 1;

const profileList = testProfiles.map(({ name, sentence }) => `  ${name.padEnd(15)} ${sentence}`).join("\n");

export function addSimulate(program: Command, context: CliContext): void {
  program
    .command("simulate")
    .description("send what the shoppers of a simulated shop do to a Freshet, until Ctrl-C or for so long")
    .option("--url <url>", "address of the Freshet", "http://127.0.0.1:8787")
    .option("--write-key <key>", "its write key (env: FRESHET_WRITE_KEY)")
    .option("--rate <events>", "events a second", "20")
    .option("--count <events>", "end after so many events")
    .option("--duration <time>", "end after this time, such as 30s or 5m", durationArgument)
    .option("--shoppers <number>", "people who visit the shop", "200")
    .option("--seed <number>", "the same seed makes the same events (default: another one each time)")
    .option("--profile <name>", "make one test profile instead, see below")
    .option("--json", "print the summary as JSON", false)
    .addHelpText("after", `\nTest profiles:\n${profileList}`)
    .action(async (flags: Flags) => {
      const job = jobOf(flags, context);
      throw new Exit(flags.profile === undefined ? await stream(job, context) : await one(job, context));
    });
}

interface Job {
  readonly origin: string;
  readonly writeKey: string;
  readonly eventsPerSecond: number;
  readonly maxEvents: number | null;
  readonly maxDurationMs: number | null;
  readonly seed: number;
  readonly shoppers: number;
  readonly profile: string | null;
  readonly json: boolean;
}

function jobOf(flags: Flags, context: CliContext): Job {
  return {
    origin: originOf(flags.url),
    writeKey: writeKeyOf(flags, context),
    eventsPerSecond: parseCount(flags.rate, "--rate", 100_000),
    maxEvents: flags.count === undefined ? null : parseCount(flags.count, "--count", 1e12),
    maxDurationMs: flags.duration === undefined ? null : parseDuration(flags.duration),
    seed:
      flags.seed === undefined
        ? Math.floor(systemIds.random() * maxSeed) + 1
        : parseCount(flags.seed, "--seed", maxSeed),
    shoppers: parseCount(flags.shoppers, "--shoppers", 100_000),
    profile: flags.profile ?? null,
    json: flags.json,
  };
}

function originOf(text: string): string {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.pathname !== "/" || url.search !== "")
    throw new UsageError("--url: expected an address such as http://127.0.0.1:8787, without a path");
  return url.origin;
}

function writeKeyOf(flags: Flags, context: CliContext): string {
  const text = flags.writeKey ?? context.environment["FRESHET_WRITE_KEY"] ?? "";
  if (text === "")
    throw new UsageError(
      "which write key? give --write-key or set FRESHET_WRITE_KEY; `freshet keys create` makes one",
    );
  if (!isWriteKey(text))
    throw new UsageError("--write-key: expected a write key: wk_ or wk_test_, at least 16 characters in all");
  return text;
}

function durationArgument(text: string): string {
  if ((parseDuration(text) ?? 0) <= 0) throw new InvalidArgumentError("Expected a time such as 30s or 5m.");
  return text;
}

/** Shoppers until the end; the exit code. */
async function stream(job: Job, context: CliContext): Promise<number> {
  const traffic = new Traffic({ ...job, nowMs: () => systemClock.nowMs() });
  return send(job, context, () => traffic.next(), job);
}

/** One test profile, as fast as it goes; the exit code. */
async function one(job: Job, context: CliContext): Promise<number> {
  const profile = testProfiles.find(({ name }) => name === job.profile);
  if (profile === undefined) throw new UsageError(unknownProfile(job.profile ?? ""));
  const { events, identifier } = testProfileEvents(profile, { ...job, nowMs: systemClock.nowMs() });
  const left = events.values();
  const next = (): Outgoing | null => left.next().value ?? null;
  const all = { eventsPerSecond: 10_000, maxEvents: events.length, maxDurationMs: null };
  const code = await send(job, context, next, all);
  if (code === exitCodes.ok && !job.json)
    await context.print(`${profile.name}: ${profile.sentence}\n${whereToRead(job, identifier, context)}`);
  return code;
}

/** Where a test profile is seen: a person's way and a program's, which takes a secret key. */
function whereToRead({ origin }: Job, identifier: string, { environment }: CliContext): string {
  const isSet = (environment["FRESHET_SECRET_KEY"] ?? "") !== "";
  const key = isSet ? '"Authorization: Bearer $FRESHET_SECRET_KEY"' : "'Authorization: Bearer sk_…'";
  return [
    `  to see it:   ${origin}/admin#/profiles/${encodeURIComponent(identifier)}`,
    `  to read it:  curl -H ${key} ${origin}/v1/profiles/${identifier}`,
    ...(isSet ? [] : ["               (sk_… is a secret key; the start of the server names one)"]),
    "",
  ].join("\n");
}

function unknownProfile(name: string): string {
  const names = testProfiles.map((profile) => profile.name);
  const meant = nearest(name, names);
  return `--profile: there is no such test profile; ${meant === null ? `there are ${names.join(", ")}` : `did you mean ${meant}?`}`;
}

async function send(
  job: Job,
  context: CliContext,
  next: () => Outgoing | null,
  limits: Pick<Job, "eventsPerSecond" | "maxEvents" | "maxDurationMs">,
): Promise<number> {
  const giveUp = new AbortController();
  const onInterrupt = () => void setTimeout(() => giveUp.abort(), graceMs).unref();
  context.interrupted.addEventListener("abort", onInterrupt, { once: true });
  const sender = new Sender({ ...job, clock: systemClock, signal: giveUp.signal });
  const startedMs = systemClock.monotonicMs();
  try {
    using counting = startCounting(context, sender, limits);
    await pace({
      ...limits,
      next,
      send: (events) => sender.send(events),
      clock: systemClock,
      stop: context.interrupted,
      onTick: (elapsedMs) => counting.update(elapsedMs),
    });
  } catch (error) {
    if (!(error instanceof SendFailed)) throw error;
    context.tell(`freshet: ${error.message}`);
    if (sender.tally.accepted === 0) return exitCodes.failed;
    await tell(job, context, sender, startedMs);
    return exitCodes.failed;
  }
  await tell(job, context, sender, startedMs);
  return sender.tally.rejected > 0 ? exitCodes.failed : exitCodes.ok;
}

async function tell(job: Job, context: CliContext, sender: Sender, startedMs: number): Promise<void> {
  const summary = summaryOf(sender, job.seed, systemClock.monotonicMs() - startedMs);
  await context.print(job.json ? `${JSON.stringify(summary)}\n` : summaryText(summary));
}
