/** Processes and folders of one run: each ends, and is removed, with the run, also when it is interrupted. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "..", "..");
const stopWithinMs = 20_000;

/** A process that this run started. */
export interface Child {
  readonly pid: number;
  readonly hasEnded: () => boolean;
  /** Resolves to the first line of stdout that matches; throws when the process ends before. */
  readonly line: (pattern: RegExp) => Promise<string>;
  /** SIGTERM, then SIGKILL when it takes too long. */
  readonly stop: () => Promise<void>;
}

export class Processes implements AsyncDisposable {
  readonly #children = new Set<Child>();
  readonly #folders = new Set<string>();

  /** A fresh folder on the disk that this tree lies on, since a temp folder is often in memory. */
  folder(): string {
    const parent = join(root, ".cache", "bench");
    mkdirSync(parent, { recursive: true });
    const folder = mkdtempSync(join(parent, "run-"));
    this.#folders.add(folder);
    return folder;
  }

  removeFolder(folder: string): void {
    rmSync(folder, { recursive: true, force: true });
    this.#folders.delete(folder);
  }

  /** Starts a script of this tree under the running Bun. */
  start(script: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    return this.startProgram([process.execPath, "--no-env-file", join(root, script), ...args], env);
  }

  /** Starts any program with this tree as its working folder. */
  startProgram(command: readonly string[], env: Readonly<Record<string, string>> = {}): Child {
    const spawned = Bun.spawn([...command], {
      cwd: root,
      env: { ...process.env, ...env },
      stdout: "pipe",
      stderr: "pipe",
    });
    const errors = tailOf(spawned.stderr);
    const reader = spawned.stdout.getReader();
    const decoder = new TextDecoder();
    let text = "";
    const child: Child = {
      pid: spawned.pid,
      hasEnded: () => spawned.exitCode !== null || spawned.signalCode !== null,
      line: async (pattern) => {
        for (;;) {
          const complete = text.slice(0, text.lastIndexOf("\n") + 1);
          const found = complete.split("\n").find((candidate) => pattern.test(candidate));
          if (found !== undefined) return found;
          const { value, done } = await reader.read();
          if (done) throw new Error(`${command.join(" ")} ended: ${(await errors).slice(-2_000)}`);
          text += decoder.decode(value, { stream: true });
        }
      },
      stop: async () => {
        this.#children.delete(child);
        spawned.kill("SIGTERM");
        const late = setTimeout(() => spawned.kill("SIGKILL"), stopWithinMs);
        await spawned.exited;
        clearTimeout(late);
        await reader.cancel();
      },
    };
    this.#children.add(child);
    return child;
  }

  /** Runs a script to its end and returns the JSON of its last line. */
  async result(
    script: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<unknown> {
    const child = this.start(script, args, env);
    try {
      return JSON.parse(await child.line(/^\{/));
    } finally {
      await child.stop();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
    for (const folder of this.#folders) this.removeFolder(folder);
  }
}

/** The end of what a stream said, read all along so that the process never waits for us. */
async function tailOf(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) text = (text + decoder.decode(chunk, { stream: true })).slice(-8_192);
  return text;
}
