/** The demo as a process of its own, in a temporary folder, on a free port. */
import { cleanEnvironment, fromSource } from "./command.ts";
import { tempFolder } from "./tempFolder.ts";
import { until } from "./until.ts";

export interface TestDemo extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
  readonly pid: number;
  /** All that it printed. */
  readonly stdout: string;
  /** The folder that it was started in. */
  readonly folder: string;
  readonly writeKey: string;
  readonly secretKey: string;
  stop(): Promise<number>;
}

export interface DemoOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** To start in, and not to be removed. */
  readonly folder?: string;
}

/** Starts a demo; `await using` stops it. */
export async function startDemo(options: DemoOptions = {}): Promise<TestDemo> {
  const temporary = options.folder === undefined ? tempFolder() : null;
  const folder = options.folder ?? temporary?.path ?? "";
  const child = Bun.spawn([...fromSource, "demo", ...(options.args ?? ["--port", "0"])], {
    cwd: folder,
    env: cleanEnvironment(options.env),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  let stdout = "";
  const read = async () => {
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) stdout += chunk;
  };
  const reading = read();
  await until("the demo listens or has ended", () => /Try next/.test(stdout) || child.exitCode !== null);
  if (child.exitCode !== null) throw new Error(`the demo ended: ${await new Response(child.stderr).text()}`);
  return {
    folder,
    pid: child.pid,
    get stdout() {
      return stdout;
    },
    origin: /Open the demo: +(http:\/\/[^\s/]+)/.exec(stdout)?.[1] ?? "",
    writeKey: /\bwk_\w+/.exec(stdout)?.[0] ?? "",
    secretKey: /\bsk_\w+/.exec(stdout)?.[0] ?? "",
    stop: () => {
      child.kill("SIGTERM");
      return child.exited;
    },
    [Symbol.asyncDispose]: async () => {
      child.kill("SIGKILL");
      await child.exited;
      await reading;
      temporary?.[Symbol.dispose]();
    },
  };
}
