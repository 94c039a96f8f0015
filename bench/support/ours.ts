/** Starts Freshet as anyone would, `serve` in a process of its own, and knows its keys. */
import { connect } from "node:net";
import type { Bench } from "./bench.ts";
import type { Child } from "./processes.ts";

export const writeKey = "wk_bench_0123456789abcdef";
export const secretKey = "sk_bench_0123456789abcdef";
const readyWithinMs = 120_000;

/** Authorization of events: Basic, as the clients send it. */
export const writeAuthorization = `Basic ${btoa(`${writeKey}:`)}`;
/** Authorization of reads and feeds. */
export const readAuthorization = `Bearer ${secretKey}`;

export interface Ours {
  readonly port: number;
  readonly folder: string;
  readonly child: Child;
  /** From spawning the process to the first 200 of /readyz, milliseconds. */
  readonly startMs: number;
}

/** Runs the server on a folder (a fresh one by default), with further flags, and waits for /readyz. */
export async function startOurs(
  bench: Bench,
  folder = bench.processes.folder(),
  flags: readonly string[] = [],
): Promise<Ours> {
  const port = freePort();
  const startedMs = Bun.nanoseconds() / 1e6;
  const child = bench.processes.start(
    "src/main.ts",
    [
      "serve",
      "--data",
      folder,
      "--port",
      String(port),
      "--log-level",
      "warn",
      "--log-format",
      "json",
      ...flags,
    ],
    { FRESHET_WRITE_KEY: writeKey, FRESHET_SECRET_KEY: secretKey },
  );
  while (!(await isReady(port))) {
    if (Bun.nanoseconds() / 1e6 - startedMs > readyWithinMs)
      throw new Error("the server did not become ready");
    // Nothing matches, so this throws with what the server said last.
    if (child.hasEnded()) await child.line(/^$./);
    await Bun.sleep(1);
  }
  return { port, folder, child, startMs: Bun.nanoseconds() / 1e6 - startedMs };
}

function freePort(): number {
  const probe = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => {} } });
  const { port } = probe;
  probe.stop(true);
  return port;
}

/** Asks /readyz once, on a connection of its own. */
function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () =>
      socket.write("GET /readyz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"),
    );
    socket.on("error", () => resolve(false));
    socket.on("data", (chunk) => {
      resolve(chunk.toString("latin1").startsWith("HTTP/1.1 200"));
      socket.destroy();
    });
    socket.on("close", () => resolve(false));
  });
}
