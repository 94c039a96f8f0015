/** `freshet destinations`: where profiles go, how that stands, and what did not arrive. */
import type { Command } from "commander";
import type { CallOperation, Outlet } from "../admin/operation.ts";
import { folderPaths } from "../store/folder.ts";
import { dataFolder, parseCount, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { deadLetterLines, destinationLines, explanationLines } from "./destinationText.ts";
import { servedElsewhere } from "./folderWords.ts";
import { outletFor } from "./session.ts";
import { connectSocket } from "./socketClient.ts";

interface Flags {
  readonly data?: string;
  readonly test?: boolean;
  readonly json?: boolean;
}

export function addDestinations(program: Command, context: CliContext): void {
  const destinations = program
    .command("destinations")
    .description("where profiles go: how it stands, what would be sent, what did not arrive");
  addList(destinations, context);
  addTest(destinations, context);
  addPreview(destinations, context);
  addExplain(destinations, context);
  addDeadLetters(destinations, context);
  addReplay(destinations, context);
  addPause(destinations, context);
  addDrift(destinations, context);
  addForget(destinations, context);
}

function addDrift(destinations: Command, context: CliContext): void {
  const command = destinations
    .command("drift <name>")
    .description("read some profiles back from a destination and compare them with what it acknowledged")
    .option("--sample <number>", "so many profiles", "50")
    .option("--repair", "send what differs again")
    .option("--json", "as JSON");
  type DriftFlags = Flags & { readonly sample: string; readonly repair?: boolean };
  withData(command).action(async (name: string, flags: DriftFlags) => {
    const sample = parseCount(flags.sample, "--sample", 1_000);
    const params = { name, sample, repair: flags.repair === true };
    const report = await asked(flags, context, (call, outlet) => call("destinations.drift", params, outlet));
    if (report === null) throw new UsageError(`${name} can't be read back`);
    if (flags.json === true) return context.print(`${JSON.stringify(report, null, 2)}\n`);
    for (const { profileId, field, theirs, ours } of report.found)
      await context.print(
        field === null
          ? `${profileId}: not there\n`
          : `${profileId}: ${field}: there ${JSON.stringify(theirs)}, here ${JSON.stringify(ours)}\n`,
      );
    const again = report.repaired === 0 ? "" : `; ${report.repaired} are sent again`;
    await context.print(`${report.drifted} of ${report.sampled} profiles differ${again}\n`);
    if (report.drifted > 0 && report.repaired === 0) throw new Exit(exitCodes.failed);
  });
}

function addList(destinations: Command, context: CliContext): void {
  const command = destinations
    .command("list")
    .description("print every destination with its state, lag and queue")
    .option("--json", "as JSON");
  withData(command).action(async (flags: Flags) => {
    const list = await asked(flags, context, (call, outlet) => call("destinations.list", {}, outlet));
    if (flags.json === true) return context.print(`${JSON.stringify(list, null, 2)}\n`);
    if (list.length === 0) context.tell("freshet.yaml names no destinations");
    for (const one of list) await context.print(`${destinationLines(one).join("\n")}\n`);
  });
}

function addTest(destinations: Command, context: CliContext): void {
  const command = destinations
    .command("test <name>")
    .description("try a destination's credentials with a request that changes nothing");
  withData(command).action(async (name: string, flags: Flags) => {
    const { isGood, sentence } = await asked(flags, context, (call, outlet) =>
      call("destinations.test", { name }, outlet),
    );
    await context.print(`${name}: ${sentence}\n`);
    if (isGood === false) throw new Exit(exitCodes.failed);
  });
}

function addPreview(destinations: Command, context: CliContext): void {
  const command = destinations
    .command("preview <name> <identifier>")
    .description("print the exact requests for a profile, such as user_id:42, without sending them")
    .option("--json", "as JSON");
  withNamespace(withData(command)).action(async (name: string, text: string, flags: Flags) => {
    const id = parseIdentifier(text, flags.test === true);
    const shown = await asked(flags, context, (call, outlet) =>
      call("destinations.preview", { ...id, name }, outlet),
    );
    if (flags.json === true) return context.print(`${JSON.stringify(shown, null, 2)}\n`);
    if (shown.reason !== null) return context.print(`nothing would be sent: ${shown.reason}\n`);
    if (!shown.isDifference)
      context.tell("nothing of it is there by what we know, or all is: the whole profile");
    for (const { operation, text: request } of shown.requests)
      await context.print(`# ${operation}\n${request}\n`);
    for (const { field, why } of shown.refused) context.tell(`left out: ${field}: ${why}`);
  });
}

function addExplain(destinations: Command, context: CliContext): void {
  const command = destinations
    .command("explain <identifier>")
    .description("print what of a profile was sent to each destination, what was not, and why")
    .option("--json", "as JSON");
  withNamespace(withData(command)).action(async (text: string, flags: Flags) => {
    const id = parseIdentifier(text, flags.test === true);
    const found = await asked(flags, context, (call, outlet) => call("destinations.explain", id, outlet));
    if (flags.json === true) return context.print(`${JSON.stringify(found, null, 2)}\n`);
    for (const one of found) await context.print(`${explanationLines(one).join("\n")}\n`);
  });
}

function addDeadLetters(destinations: Command, context: CliContext): void {
  const command = destinations
    .command("dead-letters <name>")
    .description("print what a destination did not take, the newest first, with request and answer")
    .option("--limit <number>", "so many", "20")
    .option("--json", "as JSON");
  withData(command).action(async (name: string, flags: Flags & { readonly limit: string }) => {
    const limit = parseCount(flags.limit, "--limit", 1_000);
    const letters = await asked(flags, context, (call, outlet) =>
      call("destinations.deadLetters", { name, beforeId: null, limit }, outlet),
    );
    if (flags.json === true) return context.print(`${JSON.stringify(letters, null, 2)}\n`);
    if (letters.length === 0) context.tell("there are none");
    for (const letter of letters) await context.print(`${deadLetterLines(letter).join("\n")}\n`);
  });
}

function addReplay(destinations: Command, context: CliContext): void {
  const replay = destinations
    .command("replay <name> [ids...]")
    .description("send dead letters again: those of these ids, or with --all every one")
    .option("--all", "all, but for messages of which nobody knows whether they went out");
  withData(replay).action(
    async (name: string, given: string[], flags: Flags & { readonly all?: boolean }) => {
      if ((given.length === 0) !== (flags.all === true))
        throw new UsageError("name ids (freshet destinations dead-letters), or --all");
      const ids = flags.all === true ? null : idsOf(given);
      const { count } = await asked(flags, context, (call, outlet) =>
        call("destinations.replay", { name, ids }, outlet),
      );
      await context.print(`${count} go out again\n`);
    },
  );
  const discard = destinations.command("discard <name> <ids...>").description("throw dead letters away");
  withData(discard).action(async (name: string, given: string[], flags: Flags) => {
    const { count } = await asked(flags, context, (call, outlet) =>
      call("destinations.discard", { name, ids: idsOf(given) }, outlet),
    );
    await context.print(`${count} thrown away\n`);
  });
}

function addPause(destinations: Command, context: CliContext): void {
  const pause = destinations
    .command("pause <name>")
    .description("send nothing to a destination until it is resumed; nothing is lost");
  withData(pause).action((name: string, flags: Flags) => setPaused(name, true, flags, context));
  const resume = destinations
    .command("resume <name>")
    .description("send again to a destination that was paused, or that stopped by itself");
  withData(resume).action((name: string, flags: Flags) => setPaused(name, false, flags, context));
  const refill = destinations
    .command("refill <name>")
    .description("look at every profile again, and send what differs from what was acknowledged");
  withData(refill).action(async (name: string, flags: Flags) => {
    await asked(flags, context, (call, outlet) => call("destinations.refill", { name }, outlet));
    await context.print(`${name}: every profile is looked at again (freshet destinations list)\n`);
  });
}

function addForget(destinations: Command, context: CliContext): void {
  const forget = destinations
    .command("forget <name>")
    .description("throw away what waits for a destination that freshet.yaml names no more");
  withData(forget).action(async (name: string, flags: Flags) => {
    const { count } = await asked(flags, context, (call, outlet) =>
      call("destinations.forget", { name }, outlet),
    );
    await context.print(`${name}: forgotten, with ${count} that waited\n`);
  });
}

async function setPaused(name: string, isPaused: boolean, flags: Flags, context: CliContext): Promise<void> {
  await asked(flags, context, (call, outlet) => call("destinations.pause", { name, isPaused }, outlet));
  await context.print(`${name}: ${isPaused ? "paused" : "sends again"}\n`);
}

function idsOf(given: readonly string[]): number[] {
  return given.map((text) => parseCount(text, "id", Number.MAX_SAFE_INTEGER));
}

/** Asks the running server. Throws UsageError if there is none. */
async function asked<T>(
  flags: Flags,
  context: CliContext,
  work: (call: CallOperation, outlet: Outlet) => Promise<T>,
): Promise<T> {
  const folder = dataFolder(flags, context);
  const call = await connectSocket(folderPaths(folder).socket);
  if (call === null)
    throw new UsageError(
      `no Freshet is running on ${folder}, and nothing is sent without one.${await servedElsewhere(folder)}`,
    );
  using outlet = outletFor(context, null);
  return await work(call, outlet);
}
