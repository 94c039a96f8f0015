/**
 * The socket in the data folder: operations for whoever may open the file (mode 0600 is the authority).
 * `POST /<operation>` with the parameters as JSON; the answer is JSON lines: `{"item":…}`, `{"progress":0.4}`, and at
 * the end `{"result":…}` or `{"failed":"a sentence"}`.
 */
import { chmodSync, rmSync } from "node:fs";
import { relative } from "node:path";
import { describeError } from "../lib/describeError.ts";
import type { Log } from "../lib/log.ts";
import { ndjsonStream, type LineSink } from "./ndjsonStream.ts";
import {
  OperationFailed,
  operationParams,
  type CallOperation,
  type OperationName,
  type Outlet,
} from "./operation.ts";

/** The system takes no longer paths for sockets. */
const maxSocketPathBytes = 103;
/** A line at least this often: silent connections are closed after ten seconds. */
const beatMs = 4_000;

export interface SocketServer {
  /** Ends operations under way and removes the file. */
  close(): Promise<void>;
}

/** The form of the socket's path that fits the system's limit, or null if none does. */
export function usableSocketPath(path: string): string | null {
  const near = relative(".", path);
  const shortest = near !== "" && near.length < path.length ? near : path;
  return Buffer.byteLength(shortest) <= maxSocketPathBytes ? shortest : null;
}

/** Listens on the socket. The data folder's lock must be held: a socket left behind by a dead process is replaced. */
export function serveSocket(path: string, call: CallOperation, log: Log): SocketServer {
  rmSync(path, { force: true });
  const closing = new AbortController();
  const before = process.umask(0o177);
  const server = (() => {
    try {
      return Bun.serve({
        unix: path,
        fetch(request) {
          return answer(request, call, closing.signal, log);
        },
      });
    } finally {
      process.umask(before);
    }
  })();
  chmodSync(path, 0o600);
  return {
    close: async () => {
      closing.abort();
      await server.stop(true);
      rmSync(path, { force: true });
    },
  };
}

async function answer(
  request: Request,
  call: CallOperation,
  closing: AbortSignal,
  log: Log,
): Promise<Response> {
  const name = new URL(request.url).pathname.slice(1);
  if (request.method !== "POST" || !isOperation(name))
    return Response.json({ failed: "there is no such operation" }, { status: 404 });
  const params = operationParams[name].safeParse(await readJson(request));
  if (!params.success)
    return Response.json({ failed: `the parameters of ${name} are not understood` }, { status: 400 });
  const stop = new AbortController();
  const { body, sink } = ndjsonStream(() => stop.abort());
  const outlet: Outlet = {
    item: (item) => sink.write({ item }),
    progress: (progress) => sink.say({ progress }),
    signal: AbortSignal.any([stop.signal, closing]),
  };
  // The schema of that name made these parameters; run() tells every failure to the reader.
  run(() => call(name, params.data as never, outlet), sink, stop.signal, log).catch(() => {});
  return new Response(body, { headers: { "Content-Type": "application/x-ndjson" } });
}

async function run(work: () => Promise<unknown>, sink: LineSink, gone: AbortSignal, log: Log): Promise<void> {
  const beat = setInterval(() => sink.say({ beat: true }), beatMs);
  try {
    sink.say({ result: (await work()) ?? null });
  } catch (error) {
    if (!gone.aborted && !(error instanceof OperationFailed))
      log.error("an operation failed", describeError(error));
    // The socket's reader is the operator of this machine, who may see the reason as it is.
    sink.say({ failed: error instanceof Error ? error.message : "unknown" });
  } finally {
    clearInterval(beat);
    sink.end();
  }
}

async function readJson(request: Request): Promise<unknown> {
  try {
    return await request.json();
  } catch {
    return null;
  }
}

function isOperation(name: string): name is OperationName {
  return Object.hasOwn(operationParams, name);
}
