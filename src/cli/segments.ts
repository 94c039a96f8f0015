/** `freshet segments`: what segments there are, who is in them, and why. */
import type { Command } from "commander";
import type { SegmentExplanation } from "../admin/operation.ts";
import { dataFolder, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, type CliContext } from "./context.ts";
import { segmentLines } from "./segmentLines.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly json?: boolean;
}

export function addSegments(program: Command, context: CliContext): void {
  const segments = program
    .command("segments")
    .description("segments: which there are, why a profile is in one, how many are, and who");
  addList(segments, context);
  addExplain(segments, context);
  addSize(segments, context);
  addMembers(segments, context);
}

function addList(segments: Command, context: CliContext): void {
  const command = segments
    .command("list")
    .description("print the segments, each in words")
    .option("--json", "as JSON");
  withData(command).action(async (flags: Flags) => {
    using outlet = outletFor(context, null);
    const list = await withOperations(context, reading(flags, context), (call) =>
      call("segments.list", {}, outlet),
    );
    if (flags.json === true) return await context.print(`${JSON.stringify(list, null, 2)}\n`);
    if (list.length === 0) context.tell("freshet.yaml declares no segments");
    for (const { name, words } of list) await context.print(`${name}: ${words}\n`);
  });
}

function addExplain(segments: Command, context: CliContext): void {
  const command = segments
    .command("explain <segment> <identifier>")
    .description("print why a profile, such as user_id:42, is in a segment or is not: clause by clause")
    .option("--json", "as JSON");
  withNamespace(withData(command)).action(async (segment: string, text: string, flags: Flags) => {
    const id = parseIdentifier(text, flags.test);
    using outlet = outletFor(context, null);
    const why = await withOperations(context, reading(flags, context), (call) =>
      call("segments.explain", { ...id, segment }, outlet),
    );
    if (why === null) {
      context.tell("no profile has that identifier");
      throw new Exit(exitCodes.failed);
    }
    await context.print(flags.json === true ? `${JSON.stringify(why, null, 2)}\n` : explanation(text, why));
  });
}

function explanation(identifier: string, { segment, at, since, clause }: SegmentExplanation): string {
  const entered = since === null ? "" : `, since ${since}`;
  const heading = `${identifier} is ${clause.isTrue ? "" : "not "}in ${segment} at ${at}${entered}`;
  return `${[heading, ...segmentLines(clause)].join("\n")}\n`;
}

function addSize(segments: Command, context: CliContext): void {
  const command = segments
    .command("size [segment]")
    .description("print how many profiles are in a segment now, or in each")
    .option("--json", "as JSON");
  withNamespace(withData(command)).action(async (segment: string | undefined, flags: Flags) => {
    using outlet = outletFor(context, null);
    const counted = await withOperations(context, reading(flags, context), (call) =>
      call("segments.size", { namespace: namespaceOf(flags), segment: segment ?? null }, outlet),
    );
    if (flags.json === true) return await context.print(`${JSON.stringify(counted, null, 2)}\n`);
    for (const { name, size } of counted.sizes) await context.print(`${name}: ${size}\n`);
    context.tell(`of ${counted.profiles} profiles`);
  });
}

function addMembers(segments: Command, context: CliContext): void {
  const command = segments
    .command("export <segment>")
    .description("print the profiles that are in a segment now, as JSON lines");
  withNamespace(withData(command)).action(async (segment: string, flags: Flags) => {
    using outlet = outletFor(context, null, (item) => context.print(`${JSON.stringify(item)}\n`));
    const { count } = await withOperations(context, reading(flags, context), (call) =>
      call("segments.export", { namespace: namespaceOf(flags), segment }, outlet),
    );
    context.tell(`${count} profiles`);
  });
}

function reading(flags: Flags, context: CliContext): { readonly folder: string; readonly access: "read" } {
  return { folder: dataFolder(flags, context), access: "read" };
}

function namespaceOf({ test }: Flags): "live" | "test" {
  return test ? "test" : "live";
}
