/** JSONata expressions, bounded in time and depth: they come from operators, what they read comes from strangers. */
import jsonata from "jsonata";

/** An expression that can't be used, or that failed on an input; the sentence says why. */
export class ExpressionProblem extends Error {}

export type Evaluate = (input: unknown) => Promise<unknown>;

const maxLength = 10_000;
const maxMs = 100;
const maxDepth = 200;

/** Compiles an expression. Throws ExpressionProblem. `nowMs` is what its time is measured by. */
export function compileExpression(text: string, nowMs: () => number): Evaluate {
  if (text.length > maxLength) throw new ExpressionProblem(`longer than ${maxLength} characters`);
  const expression = parse(text);
  return async (input) => {
    const endMs = nowMs() + maxMs;
    let depth = 0;
    const check = (): void => {
      if (depth > maxDepth) throw new ExpressionProblem(`deeper than ${maxDepth} calls`);
      if (nowMs() > endMs) throw new ExpressionProblem(`longer than ${maxMs} ms`);
    };
    // JSONata calls these around every step; it knows no limits of its own.
    expression.assign(Symbol.for("jsonata.__evaluate_entry") as unknown as string, () => {
      depth += 1;
      check();
    });
    expression.assign(Symbol.for("jsonata.__evaluate_exit") as unknown as string, () => {
      depth -= 1;
      check();
    });
    try {
      return (await expression.evaluate(input)) as unknown;
    } catch (error) {
      throw new ExpressionProblem(reasonOf(error));
    }
  };
}

function parse(text: string): ReturnType<typeof jsonata> {
  try {
    return jsonata(text);
  } catch (error) {
    throw new ExpressionProblem(reasonOf(error));
  }
}

/** JSONata throws plain objects. */
function reasonOf(error: unknown): string {
  if (typeof error === "object" && error !== null && "message" in error) return String(error.message);
  return String(error);
}
