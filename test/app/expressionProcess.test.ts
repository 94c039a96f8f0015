/** Expressions in a process of their own: what breaks a bound is killed, and the next input is taken all the same. */
import { expect, test } from "bun:test";
import { openExpression, openExpressionWithin } from "../../src/expressionProcess.ts";
import { ExpressionProblem } from "../../src/lib/expression.ts";

const testMs = 60_000;
/** Half a second in the middle of one step, where the expression's own bounds are not looked at. */
const pattern = "hard ? $match(text, /^(a+)+$/) : {'seen': text}";
const hard = { hard: true, text: `${"a".repeat(40)}!` };

async function problemOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => null,
    (caught: unknown) => caught,
  );
  if (!(error instanceof ExpressionProblem)) throw error;
  return error.message;
}

test(
  "time and memory are bounded from outside, input by input",
  async () => {
    await using slow = await openExpressionWithin(pattern, { maxMs: 100, maxBytes: 2 ** 32 });
    expect(await problemOf(slow.evaluate(hard))).toBe("longer than 0.1 s");
    await using large = await openExpressionWithin(pattern, { maxMs: 30_000, maxBytes: 2 ** 32 });
    expect(await large.evaluate({ text: "a" })).toEqual({ seen: "a" });
    expect(await problemOf(large.evaluate(hard))).toBe("longer than 100 ms");
    expect(await large.evaluate({ text: "b" })).toEqual({ seen: "b" });
  },
  testMs,
);

test(
  "a process that needs too much is killed, and another one takes its place",
  async () => {
    const text = "big ? $count([1..9999999]) : 'small'";
    await using expression = await openExpressionWithin(text, { maxMs: 30_000, maxBytes: 150 * 1024 * 1024 });
    expect(await problemOf(expression.evaluate({ big: true }))).toMatch(
      /^more than 150 MB$|^longer than 100 ms$/,
    );
    expect(await expression.evaluate({})).toBe("small");
  },
  testMs,
);

test("an expression that can't be read is told at once", async () => {
  expect(await problemOf(openExpression("$merge(["))).not.toBe("");
});
