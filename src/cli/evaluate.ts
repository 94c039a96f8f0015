/**
 * A hidden command that the server runs as a process of its own (expressionProcess.ts): the first line of its input is
 * an expression, each further one an input for it, all as JSON; each is answered by a line with a value or a problem.
 */
import type { Command } from "commander";
import { cpuMs } from "../lib/cpuTime.ts";
import { compileExpression, ExpressionProblem, type Evaluate } from "../lib/expression.ts";
import type { CliContext } from "./context.ts";

/** Larger results are no events. */
const maxResultLength = 1024 * 1024;

export function addEvaluate(program: Command, context: CliContext): void {
  program
    .command("evaluate-expression", { hidden: true })
    .description("evaluate an expression over lines of input")
    .action(async () => {
      let evaluate: Evaluate | null = null;
      for await (const line of console) {
        const input = JSON.parse(line) as unknown;
        const given = await answerTo(async () => {
          if (evaluate !== null) return evaluate(input);
          evaluate = compileExpression(String(input), cpuMs);
          return null;
        });
        await context.print(`${given}\n`);
      }
    });
}

async function answerTo(work: () => Promise<unknown>): Promise<string> {
  try {
    const text = JSON.stringify({ value: (await work()) ?? null });
    return text.length > maxResultLength
      ? JSON.stringify({ problem: `it gives more than ${maxResultLength} characters` })
      : text;
  } catch (error) {
    if (error instanceof ExpressionProblem) return JSON.stringify({ problem: error.message });
    // What runs out of stack or memory in the middle of a step is the expression's doing as well.
    return JSON.stringify({ problem: error instanceof Error ? error.message : String(error) });
  }
}
