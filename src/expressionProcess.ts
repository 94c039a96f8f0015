/**
 * An operator's expression over what strangers sent, in a process of its own: it may take time, stack and memory, but
 * not the server's. What breaks a bound is killed, is told of that one input, and the next one begins afresh.
 */
import { readFileSync } from "node:fs";
import type { OpenExpression, RunningExpression } from "./admin/mendQuarantine.ts";
import { ExpressionProblem } from "./lib/expression.ts";
import { ownProgram } from "./ownProgram.ts";

/** The hidden command (cli/evaluate.ts). */
const command = "evaluate-expression";
/** Bounds that the process can't keep by itself, such as in the middle of a step; it keeps narrower ones where it can. */
export interface ExpressionBounds {
  readonly maxMs: number;
  readonly maxBytes: number;
}

const usual: ExpressionBounds = { maxMs: 5_000, maxBytes: 512 * 1024 * 1024 };
const startMs = 30_000;
const lookEveryMs = 25;
const pageBytes = 4_096;
/** Processes that one piece of work may use up. */
const maxStarts = 50;

interface Answer {
  readonly value?: unknown;
  readonly problem?: string;
}

/** Starts the process and has it read the expression. Throws ExpressionProblem. */
export const openExpression: OpenExpression = (text) => openExpressionWithin(text, usual);

/** The same within other bounds. */
export async function openExpressionWithin(
  text: string,
  bounds: ExpressionBounds,
): Promise<RunningExpression> {
  const running = new ExpressionProcess(text, bounds);
  await running.begin();
  return running;
}

class ExpressionProcess implements RunningExpression {
  readonly #text: string;
  readonly #bounds: ExpressionBounds;
  #child: Bun.Subprocess<"pipe", "pipe", "ignore"> | null = null;
  #lines: AsyncIterator<string> | null = null;
  #starts = 0;

  constructor(text: string, bounds: ExpressionBounds) {
    this.#text = text;
    this.#bounds = bounds;
  }

  async begin(): Promise<void> {
    this.#starts += 1;
    if (this.#starts > maxStarts) throw new ExpressionProblem("it broke its bounds too often");
    const child = Bun.spawn([...ownProgram(), command], {
      env: {},
      stdin: "pipe",
      stdout: "pipe",
      stderr: "ignore",
    });
    this.#child = child;
    this.#lines = linesOf(child.stdout);
    const { problem } = await this.#ask(this.#text, { ...this.#bounds, maxMs: startMs });
    if (problem !== undefined) throw new ExpressionProblem(problem);
  }

  async evaluate(input: unknown): Promise<unknown> {
    if (this.#child === null) await this.begin();
    const { value, problem } = await this.#ask(input, this.#bounds);
    if (problem !== undefined) throw new ExpressionProblem(problem);
    return value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }

  async #ask(line: unknown, { maxMs, maxBytes }: ExpressionBounds): Promise<Answer> {
    const child = this.#child;
    if (child === null || this.#lines === null) throw new Error("the process has not begun");
    let broken: string | null = null;
    const end = (why: string) => {
      broken = why;
      child.kill("SIGKILL");
    };
    const late = setTimeout(() => end(`longer than ${maxMs / 1_000} s`), maxMs);
    const look = setInterval(() => {
      if (memoryOf(child.pid) > maxBytes) end(`more than ${maxBytes / 1024 ** 2} MB`);
    }, lookEveryMs);
    try {
      await child.stdin.write(`${JSON.stringify(line)}\n`);
      await child.stdin.flush();
      const { value, done } = await this.#lines.next();
      // Each line is written by our own command.
      if (done !== true) return JSON.parse(value) as Answer;
    } catch (error) {
      if (broken === null) throw error;
    } finally {
      clearTimeout(late);
      clearInterval(look);
    }
    await this.#end();
    return { problem: broken ?? "its process ended" };
  }

  async #end(): Promise<void> {
    const child = this.#child;
    this.#child = null;
    this.#lines = null;
    child?.kill("SIGKILL");
    await child?.exited;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of stream) {
    held += decoder.decode(chunk, { stream: true });
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    yield* lines;
  }
}

/** Bytes in memory; 0 where the system does not tell. */
function memoryOf(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, "latin1").split(" ")[1] ?? 0) * pageBytes;
  } catch {
    return 0;
  }
}
