/** `freshet identity`: why identifiers are one profile, what events to come would join, and how to undo a join. */
import { existsSync, statSync } from "node:fs";
import type { Command } from "commander";
import type { UndoReport } from "../admin/operation.ts";
import type { Edge } from "../model/edge.ts";
import type { ExplainedIdentity, NearMiss } from "../model/explainIdentity.ts";
import type { Identifier } from "../model/identifier.ts";
import type { JoinPlan, PlannedLink } from "../model/joinPlan.ts";
import { dataFolder, parseIdentifier, withData, withNamespace } from "./arguments.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";
import { HeaderError, ndjsonRows } from "./importRows.ts";
import { outletFor, withOperations } from "./session.ts";

interface Flags {
  readonly data?: string;
  readonly test: boolean;
  readonly json: boolean;
}

/** Joins named one by one. */
const shownJoins = 10;
const shownIdentifiers = 6;
/** Links that one plan takes. */
const maxLinks = 50_000;

export function addIdentity(program: Command, context: CliContext): void {
  const identity = program
    .command("identity")
    .description("who is who: why, what would be, and how to undo it");
  addExplain(identity, context);
  addPlan(identity, context);
  addUndo(identity, context);
}

function addExplain(identity: Command, context: CliContext): void {
  const command = identity
    .command("explain <identifier> <identifier>")
    .description("say why two identifiers are one profile, or why not: the events, their times and sources")
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action(async (first: string, second: string, flags: Flags) => {
    const { namespace, ...a } = parseIdentifier(first, flags.test);
    const { type, value } = parseIdentifier(second, flags.test);
    using outlet = outletFor(context, null);
    const found = await withOperations(
      context,
      { folder: dataFolder(flags, context), access: "read" },
      (call) => call("identity.explain", { namespace, a, b: { type, value } }, outlet),
    );
    await context.print(
      flags.json ? `${JSON.stringify(found, null, 2)}\n` : explanationText(found, a, { type, value }),
    );
    if (found.explanation.kind === "missing") throw new Exit(exitCodes.failed);
  });
}

function addPlan(identity: Command, context: CliContext): void {
  const command = identity
    .command("plan [file]")
    .description(
      "dry run: which profiles the events of an .ndjson file, or one alias, would join; writes nothing",
    )
    .option("--alias <identifiers...>", "two userIds that an alias would join: user_id:42 user_id:77")
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action(
    async (file: string | undefined, flags: Flags & { readonly alias?: readonly string[] }) => {
      const links = flags.alias === undefined ? await linksOf(file) : [aliasOf(flags.alias, flags.test)];
      using outlet = outletFor(context, null);
      const namespace = flags.test ? "test" : "live";
      const plan = await withOperations(
        context,
        { folder: dataFolder(flags, context), access: "read" },
        (call) => call("identity.plan", { namespace, links: [...links] }, outlet),
      );
      await context.print(flags.json ? `${JSON.stringify(plan, null, 2)}\n` : planText(plan, links.length));
    },
  );
}

function addUndo(identity: Command, context: CliContext): void {
  const command = identity
    .command("undo <identifier> <identifier>")
    .description(
      "take apart what an alias or a link joined, and keep the two apart; with --lift they join again",
    )
    .option("--lift", "let what ties the two count again", false)
    .option("--json", "print JSON", false);
  withNamespace(withData(command)).action(
    async (first: string, second: string, flags: Flags & { readonly lift: boolean }) => {
      const { namespace, ...a } = parseIdentifier(first, flags.test);
      const { type, value } = parseIdentifier(second, flags.test);
      const { lift } = flags;
      using outlet = outletFor(context, null);
      const done = await withOperations(
        context,
        { folder: dataFolder(flags, context), access: "write" },
        (call) => call("identity.undo", { namespace, a, b: { type, value }, lift }, outlet),
      );
      await context.print(
        flags.json ? `${JSON.stringify(done)}\n` : undoText(done, lift, [a, { type, value }]),
      );
      if (done.kind !== "done") throw new Exit(exitCodes.failed);
    },
  );
}

const refusals: Readonly<Record<Exclude<UndoReport["kind"], "done">, string>> = {
  notTied: "no event ties the two directly; `freshet identity explain` shows the chain between them",
  undoneBefore: "the two are apart already; --lift joins them again",
  notUndone: "the two were not taken apart",
};

/** What an undo did, in words. */
function undoText(done: UndoReport, isLifting: boolean, pair: readonly Identifier[]): string {
  if (done.kind !== "done") return `${refusals[done.kind]}\n`;
  const lines = [`${done.ties} events tie the two: they count ${isLifting ? "again" : "no more"}`];
  for (const [at, identifier] of pair.entries())
    lines.push(`  ${nameOf(identifier)}: ${done.profileIds[at] ?? "no profile"}`);
  return `${lines.join("\n")}\n`;
}

function aliasOf(given: readonly string[], isTest: boolean): PlannedLink {
  const [first, second, third] = given;
  if (first === undefined || second === undefined || third !== undefined)
    throw new UsageError("--alias: expected two identifiers, user_id:42 user_id:77");
  const user = parseIdentifier(first, isTest);
  const previous = parseIdentifier(second, isTest);
  const allowed = ["user_id", "anonymous_id"];
  if (user.type !== "user_id" || !allowed.includes(previous.type))
    throw new UsageError("--alias: expected a user_id, then a user_id or an anonymous_id");
  if (previous.type === "anonymous_id")
    return { userId: user.value, anonymousId: previous.value, previousId: null };
  return { userId: user.value, anonymousId: null, previousId: previous.value };
}

async function linksOf(file: string | undefined): Promise<readonly PlannedLink[]> {
  if (file === undefined) throw new UsageError("expected a file or --alias");
  if (!existsSync(file) || !statSync(file).isFile()) throw new UsageError("there is no such file");
  const links: PlannedLink[] = [];
  try {
    for await (const row of ndjsonRows(file)) {
      const link = row.kind === "event" ? linkIn(row.json) : null;
      if (link !== null) links.push(link);
      if (links.length > maxLinks)
        throw new UsageError(`a plan takes at most ${maxLinks} links; split the file`);
    }
  } catch (error) {
    throw error instanceof HeaderError ? new UsageError(error.message) : error;
  }
  return links;
}

/** The part of an event that says who is who; null where it ties nothing. */
function linkIn(text: string): PlannedLink | null {
  const value: unknown = JSON.parse(text);
  if (typeof value !== "object" || value === null) return null;
  const { type, userId, anonymousId, previousId } = value as Record<string, unknown>;
  const user = idIn(userId);
  const device = idIn(anonymousId);
  const previous = type === "alias" ? idIn(previousId) : null;
  return user === null || (device === null && previous === null)
    ? null
    : { userId: user, anonymousId: device, previousId: previous };
}

function idIn(value: unknown): string | null {
  if (typeof value === "number") return String(value);
  return typeof value === "string" && value !== "" ? value : null;
}

/** An explanation in words. */
function explanationText({ explanation, isWhole }: ExplainedIdentity, a: Identifier, b: Identifier): string {
  const lines: string[] = [];
  if (explanation.kind === "missing")
    for (const missing of explanation.missing) lines.push(`no profile has ${nameOf(missing)}`);
  else if (explanation.kind === "same") {
    lines.push(`${nameOf(a)} and ${nameOf(b)} are one profile, ${explanation.profileId}:`);
    for (const edge of explanation.chain) lines.push(`  ${edgeText(edge)}`);
    if (explanation.chain.length === 0) lines.push("  the events that joined them are not there any more");
  } else {
    lines.push(`${nameOf(a)} and ${nameOf(b)} are two profiles.`);
    for (const near of explanation.near)
      lines.push(`  ${missText(near)}`, ...near.edges.map((edge) => `    ${edgeText(edge)}`));
    if (explanation.near.length === 0) lines.push("  no event ties them");
  }
  if (!isWhole) lines.push("(only the newest events were looked at)");
  return `${lines.join("\n")}\n`;
}

const missTexts: Readonly<Record<NearMiss["why"], string>> = {
  shared: "belongs to whoever it was tied to last; it joins nobody",
  untrusted: "an alias of a browser source does not join two userIds",
  blocked: "the value names nobody",
  limit: "the profile had as many identifiers as it may",
  undone: "it was undone (freshet identity undo)",
};

function missText({ why, identifier }: NearMiss): string {
  return `${nameOf(identifier)}: ${missTexts[why]}`;
}

function edgeText({ from, to, type, source, messageId, timestampMs }: Edge): string {
  return `${nameOf(from)} — ${nameOf(to)}  ${type} from ${source}, ${new Date(timestampMs).toISOString()}, ${messageId}`;
}

/** A plan in words. */
function planText(plan: JoinPlan, links: number): string {
  const lines = [
    `${links} links: would join ${plan.profiles} profiles into ${plan.joins.length}; nothing was written`,
  ];
  for (const { profileIds, identifiers } of plan.joins.slice(0, shownJoins)) {
    const names = identifiers.slice(0, shownIdentifiers).map(nameOf).join(", ");
    const more =
      identifiers.length > shownIdentifiers ? ` and ${identifiers.length - shownIdentifiers} more` : "";
    lines.push(`  ${profileIds.length} profiles: ${names}${more}`);
  }
  if (plan.joins.length > shownJoins) lines.push(`  and ${plan.joins.length - shownJoins} more`);
  if (plan.shared > 0) lines.push(`${plan.shared} are of a device that is somebody's already: no join`);
  if (plan.blocked > 0) lines.push(`${plan.blocked} name nobody: no join`);
  if (plan.overLimit > 0) lines.push(`${plan.overLimit} would give a profile too many identifiers: no join`);
  return `${lines.join("\n")}\n`;
}

function nameOf({ type, value }: Identifier): string {
  return `${type}:${value}`;
}
