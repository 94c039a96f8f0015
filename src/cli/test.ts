/** `freshet test`: renders the cases of content blocks and holds them against what is expected. Needs no server. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import type { Command } from "commander";
import { loadSettings } from "./loadSettings.ts";
import { parseCase, runCase } from "../esp/content/blockCase.ts";
import type { Block } from "../esp/content/block.ts";
import { BlockProblem } from "../esp/content/frontMatter.ts";
import { Shelf } from "../esp/content/shelf.ts";
import { systemClock } from "../lib/clock.ts";
import { Exit, exitCodes, UsageError, type CliContext } from "./context.ts";

interface Flags {
  readonly config?: string;
  readonly content?: string;
  readonly update: boolean;
}

export function addTest(program: Command, context: CliContext): void {
  program
    .command("test")
    .description("render the cases of content blocks (tests/<block>/<case>.yaml) and compare what comes out")
    .argument("[blocks...]", "only the cases of these blocks")
    .option("--config <file>", "configuration file that names the content folder (default: ./freshet.yaml)")
    .option("--content <folder>", "content folder, where none is configured")
    .option("--update", "write what comes out as what is expected", false)
    .action((blocks: readonly string[], flags: Flags) => run(blocks, flags, context));
}

async function run(only: readonly string[], flags: Flags, context: CliContext): Promise<void> {
  const settings =
    flags.content === undefined
      ? loadSettings(flags.config === undefined ? {} : { config: flags.config }, context.environment).content
      : { folder: flags.content, linkHosts: null };
  if (settings === null)
    throw new UsageError(
      "no content is configured: name its folder with --content <folder>, or in freshet.yaml",
    );
  if (!existsSync(settings.folder)) throw new UsageError(`there is no folder ${settings.folder}`);
  const { folder } = settings;
  const problems: string[] = [];
  const shelf = await Shelf.open({ ...settings, notice: (_level, sentence) => problems.push(sentence) });
  for (const problem of problems) await context.print(`FAILED ${problem}\n`);
  const cases = casesIn(folder, only);
  let failed = problems.length;
  for (const { block: name, file } of cases) {
    const block = shelf.get(name);
    const faults =
      block === null ? [`there is no block ${name} that can be used`] : faultsOf(block, file, flags.update);
    if (faults.length > 0) failed += 1;
    const title = `${name} › ${basename(file, ".yaml")}`;
    await context.print(faults.length === 0 ? `ok     ${title}\n` : `FAILED ${title}\n`);
    for (const fault of faults) await context.print(`  ${fault}\n`);
  }
  if (cases.length === 0 && failed === 0)
    throw new UsageError(
      `there are no cases: put one into ${join(folder, "tests", "<block>", "<case>.yaml")}`,
    );
  await context.print(`\n${cases.length + problems.length - failed} passed, ${failed} failed\n`);
  if (failed > 0) throw new Exit(exitCodes.failed);
}

function casesIn(
  folder: string,
  only: readonly string[],
): { readonly block: string; readonly file: string }[] {
  const tests = join(folder, "tests");
  if (!existsSync(tests)) return [];
  return readdirSync(tests, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && (only.length === 0 || only.includes(entry.name)))
    .flatMap(({ name }) =>
      readdirSync(join(tests, name))
        .filter((file) => file.endsWith(".yaml"))
        .map((file) => ({ block: name, file: join(tests, name, file) })),
    )
    .sort((left, right) => (left.file < right.file ? -1 : 1));
}

function faultsOf(block: Block, file: string, update: boolean): readonly string[] {
  const htmlFile = file.replace(/\.yaml$/, ".html");
  try {
    const one = parseCase(readFileSync(file, "utf8"));
    const html = existsSync(htmlFile) && !update ? readFileSync(htmlFile, "utf8") : null;
    const { rendered, faults } = runCase(block, one, html, systemClock.nowMs());
    if (update) writeFileSync(htmlFile, `${rendered.html}\n`);
    return faults;
  } catch (error) {
    if (error instanceof BlockProblem) return [error.message];
    throw error;
  }
}
