/** Opens the port. */
import type { Server, WebSocketHandler } from "bun";

export interface ListenOptions<SocketData> {
  readonly host: string;
  readonly port: number;
  readonly idleTimeoutMs: number;
  readonly answer: (request: Request) => Response | undefined | Promise<Response | undefined>;
  readonly webSocket: WebSocketHandler<SocketData>;
  /** Answers what even the front door did not catch. */
  readonly onError: (error: unknown) => Response;
}

/** Bun's own limit answers without a word; ours are checked by the front door and by who reads the body. */
const unreachableBytes = 1024 ** 4;

/** The address can't be listened on; the command line answers exit code 2. */
export class CannotListen extends Error {
  /** A port to take instead, where that would help. */
  readonly freePort: number | null;

  constructor(message: string, freePort: number | null = null) {
    super(message);
    this.freePort = freePort;
  }
}

/** Listens. Throws CannotListen, with a free port to take instead where the port is taken. */
export function listen<SocketData>(options: ListenOptions<SocketData>): Server<SocketData> {
  const { host, port } = options;
  try {
    return Bun.serve<SocketData>({
      hostname: host,
      port,
      reusePort: false,
      development: false,
      idleTimeout: Math.ceil(options.idleTimeoutMs / 1_000),
      maxRequestBodySize: unreachableBytes,
      fetch(request) {
        return options.answer(request);
      },
      error: (error) => options.onError(error),
      websocket: options.webSocket,
    });
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    if (code === "EADDRINUSE") {
      const free = portNear(host, port);
      const hint = free === null ? "--port 0 takes a free one" : `--port ${free} is free`;
      throw new CannotListen(
        `port ${port} on ${host} is taken; stop what uses it or choose another: ${hint}`,
        free ?? 0,
      );
    }
    if (code === "EACCES")
      throw new CannotListen(`port ${port} needs more rights than this process has; choose one above 1023`);
    throw new CannotListen(
      `can't listen on ${host}:${port}${code === "" ? "" : ` (${code})`}; is --host an address of this machine?`,
    );
  }
}

const portsTried = 50;

function portNear(host: string, taken: number): number | null {
  for (let port = taken + 1; port <= Math.min(65_535, taken + portsTried); port += 1) {
    if (isFree(host, port)) return port;
  }
  return null;
}

function isFree(hostname: string, port: number): boolean {
  try {
    Bun.listen({ hostname, port, exclusive: true, socket: { data: () => {} } }).stop(true);
    return true;
  } catch {
    return false;
  }
}
