/** A Freshet server as a process of its own, in a temporary folder, on a free port. */
import { cleanEnvironment, program } from "./command.ts";
import { tempFolder } from "./tempFolder.ts";
import { until } from "./until.ts";

/** Keys that every test server knows, unless a test asks for others. */
export const testKeys = { writeKey: "wk_for_tests_only_0001", secretKey: "sk_for_tests_only_0001" } as const;

export interface ServerOptions {
  /** Data folder; without one a temporary folder is used and removed at the end. */
  readonly data?: string;
  /** Further flags of `serve`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** The command line before the arguments, to test the binary or to run under another program. */
  readonly program?: readonly string[];
  readonly cwd?: string;
  /** Keys by environment; null lets the server make its own. */
  readonly keys?: { readonly writeKey: string; readonly secretKey: string } | null;
  /** Waits until /readyz says 200 (default), only until it listens, or not at all. */
  readonly waitFor?: "ready" | "listening" | "nothing";
}

export interface TestServer extends AsyncDisposable {
  readonly data: string;
  readonly pid: number;
  readonly writeKey: string;
  readonly secretKey: string;
  /** `http://127.0.0.1:<port>`; throws while it does not listen. */
  readonly origin: string;
  readonly port: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly exited: Promise<number>;
  /** POSTs JSON (or text as it is) with the write key, or with the given headers. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  /** GETs with the secret key, or with the given headers. */
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  signal(signal: NodeJS.Signals): void;
  /** SIGTERM, and the exit code. */
  stop(): Promise<number>;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
}

/** Starts a server; `await using` stops it and removes its temporary folder. */
export async function startServer(options: ServerOptions = {}): Promise<TestServer> {
  const folder = options.data === undefined ? tempFolder() : null;
  const server = new ServerProcess(options, options.data ?? folder?.at("data") ?? "", () =>
    folder?.[Symbol.dispose](),
  );
  try {
    await server.untilUp(options.waitFor ?? "ready");
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

class ServerProcess implements TestServer {
  readonly data: string;
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #removeFolder: () => void;
  readonly #keys: { readonly writeKey: string; readonly secretKey: string } | null;
  stdout = "";
  stderr = "";

  constructor(options: ServerOptions, data: string, removeFolder: () => void) {
    this.data = data;
    this.#removeFolder = removeFolder;
    this.#keys = options.keys === undefined ? testKeys : options.keys;
    const keys =
      this.#keys === null
        ? {}
        : { FRESHET_WRITE_KEY: this.#keys.writeKey, FRESHET_SECRET_KEY: this.#keys.secretKey };
    const args = ["serve", "--data", data, "--port", "0", "--log-format", "json", ...(options.args ?? [])];
    this.#child = Bun.spawn([...(options.program ?? program), ...args], {
      cwd: options.cwd ?? process.cwd(),
      env: cleanEnvironment({ ...keys, ...options.env }),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    gather(this.#child.stdout, (text) => {
      this.stdout += text;
    });
    gather(this.#child.stderr, (text) => {
      this.stderr += text;
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  get exited(): Promise<number> {
    return this.#child.exited;
  }

  get origin(): string {
    const found = /listens on (http:\/\/[^\s,]+)/.exec(this.stdout)?.[1];
    if (found === undefined) throw new Error(`the server does not listen\n${this.stdout}\n${this.stderr}`);
    return found;
  }

  get port(): number {
    return Number(new URL(this.origin).port);
  }

  get writeKey(): string {
    return this.#keys?.writeKey ?? /\bwk_\w+/.exec(this.stdout)?.[0] ?? "";
  }

  get secretKey(): string {
    return this.#keys?.secretKey ?? /\bsk_\w+/.exec(this.stdout)?.[0] ?? "";
  }

  async untilUp(waitFor: "ready" | "listening" | "nothing"): Promise<void> {
    if (waitFor === "nothing") return;
    await until("the server listens", () => /listens on /.test(this.stdout) || this.#hasEnded());
    if (waitFor === "ready")
      await until(
        "the server is ready",
        async () => (await fetch(`${this.origin}/readyz`)).status === 200 || this.#hasEnded(),
        60_000,
      );
    if (this.#hasEnded())
      throw new Error(`the server ended with code ${this.#child.exitCode}\n${this.stdout}\n${this.stderr}`);
  }

  post(
    path: string,
    body: unknown,
    headers: Record<string, string> = { "X-Write-Key": this.writeKey },
  ): Promise<Response> {
    return fetch(`${this.origin}${path}`, {
      method: "POST",
      body: typeof body === "string" ? body : JSON.stringify(body),
      headers: { "Content-Type": "application/json", ...headers },
    });
  }

  get(
    path: string,
    headers: Record<string, string> = { Authorization: `Bearer ${this.secretKey}` },
  ): Promise<Response> {
    return fetch(`${this.origin}${path}`, { headers, redirect: "manual" });
  }

  signal(signal: NodeJS.Signals): void {
    // The child's own kill() sends one signal only.
    if (!this.#hasEnded()) process.kill(this.#child.pid, signal);
  }

  async stop(): Promise<number> {
    this.#child.kill("SIGTERM");
    return this.#child.exited;
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    this.#removeFolder();
  }

  #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }
}

function gather(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): void {
  const decoder = new TextDecoder();
  const read = async () => {
    for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }));
  };
  read().catch(() => {});
}
