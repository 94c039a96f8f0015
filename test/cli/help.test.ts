import { describe, expect, test } from "bun:test";
import { buildProgram, run } from "../../src/cli/program.ts";
import { testContext } from "../support/testContext.ts";

const program = buildProgram(testContext(), () => {});

/** Every command that is listed, by its words: `keys create`. */
function commands(of = program, words: readonly string[] = []): (readonly string[])[] {
  return of.commands.flatMap((command) => {
    const mine = [...words, command.name()];
    return [mine, ...commands(command, mine)];
  });
}

describe("--help", () => {
  test("of the program", async () => {
    const context = testContext();
    expect(await run(["--help"], context)).toBe(0);
    expect(context.stdout).toMatchSnapshot();
  });

  test.each(commands().map((words) => [words.join(" "), words] as const))("of %s", async (_name, words) => {
    const context = testContext();
    expect(await run([...words, "--help"], context)).toBe(0);
    expect(context.stdout).toMatchSnapshot();
  });
});

describe("usage", () => {
  test.each([
    [["sevre"], "serve"],
    [["serve", "--prot", "1"], "--port"],
    [["keys", "crate"], "create"],
    [["serve", "--max-stream", "1"], "--max-streams"],
  ])("%p is refused with exit 2 and a suggestion", async (argv, suggestion) => {
    const context = testContext();
    expect(await run(argv, context)).toBe(2);
    expect(context.stderr).toContain(suggestion);
  });

  test.each([
    [["serve", "surplus"]],
    [["profile"]],
    [["profile", "42"]],
    [["profile", "User:42"]],
    [["keys", "create", "--kind", "golden"]],
    [["export", "--what", "everything"]],
    [["import", "nothing.txt"]],
    [["tail", "--limit", "0"]],
  ])("%p is refused with exit 2", async (argv) => {
    const context = testContext();
    expect(await run(argv, context)).toBe(2);
    expect(context.stderr).not.toBe("");
  });

  test("--version prints the version", async () => {
    const context = testContext();
    expect(await run(["--version"], context)).toBe(0);
    expect(context.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test("a bad variable is refused whatever the command", async () => {
    const context = testContext({ FRESHET_DAT: "x" });
    expect(await run(["keys", "list"], context)).toBe(2);
    expect(context.stderr).toContain("did you mean FRESHET_DATA?");
  });
});
