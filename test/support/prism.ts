/** A vendor's own description of its API, enforced: prism as a process of its own, which refuses what does not fit. */
import { join } from "node:path";
import { cleanEnvironment } from "./command.ts";
import { until } from "./until.ts";

/** A request as it stood on the wire. */
export interface WireRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Judgement =
  | { readonly kind: "fits" }
  /** The description has no such operation. */
  | { readonly kind: "unknown" }
  | { readonly kind: "refused"; readonly why: string };

export interface Prism extends AsyncDisposable {
  judge(request: WireRequest): Promise<Judgement>;
}

const program = join(import.meta.dir, "../../node_modules/@stoplight/prism-cli/dist/index.js");
const startMs = 20_000;
const answerMs = 10_000;
const unknown = /#NO_(PATH|METHOD)_MATCHED_ERROR$/;
/** What a client says of the connection, not of the call. */
const ofConnection: ReadonlySet<string> = new Set([
  "host",
  "connection",
  "content-length",
  "accept-encoding",
]);

/** `base`: what every path begins with besides what the description says, such as `/3.0`. */
export async function startPrism(description: string, base = ""): Promise<Prism> {
  const child = Bun.spawn(
    [process.execPath, "--no-env-file", "--no-install", program, "mock", "--errors"].concat([
      "--host",
      "127.0.0.1",
      "--port",
      "0",
      description,
    ]),
    { env: cleanEnvironment({ NO_COLOR: "1" }), stdin: "ignore", stdout: "pipe", stderr: "pipe" },
  );
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    gather(stream, (text) => {
      said += text;
    });
  const stop = async () => {
    child.kill("SIGKILL");
    await child.exited;
  };
  const listening = () => /listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(said)?.[1];
  try {
    await until("prism listens", () => child.exitCode !== null || listening(), startMs);
  } catch {
    // Told of below.
  }
  const origin = listening();
  if (origin === undefined) {
    await stop();
    throw new Error(`prism did not start with ${description}\n${said}`);
  }
  return {
    judge: async ({ method, target, headers, body }) => {
      if (!target.startsWith(`${base}/`)) return { kind: "unknown" };
      const answer = await fetch(`${origin}${target.slice(base.length)}`, {
        method,
        headers: Object.entries(headers).filter(([name]) => !ofConnection.has(name)),
        ...(body === "" ? {} : { body }),
        redirect: "manual",
        signal: AbortSignal.timeout(answerMs),
      });
      const text = await answer.text();
      if (answer.status < 300 && answer.headers.get("sl-violations") === null) return { kind: "fits" };
      return unknown.test(typeOf(text))
        ? { kind: "unknown" }
        : { kind: "refused", why: `${answer.status} ${answer.headers.get("sl-violations") ?? text}` };
    },
    [Symbol.asyncDispose]: stop,
  };
}

function typeOf(problem: string): string {
  try {
    return (JSON.parse(problem) as { readonly type?: string } | null)?.type ?? "";
  } catch {
    return "";
  }
}

function gather(stream: ReadableStream<Uint8Array>, onText: (text: string) => void): void {
  const decoder = new TextDecoder();
  const read = async () => {
    for await (const chunk of stream) onText(decoder.decode(chunk, { stream: true }));
  };
  read().catch(() => {});
}
