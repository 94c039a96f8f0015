/**
 * What every HTTP request passes before it is routed: is it for us (Host), is there room (requests, bytes,
 * connections), are we still open (drain). It also finds the path itself, so that no Host can shift it.
 */
import { Refusal, type ErrorCode } from "./errors.ts";
import type { ErrorAnswers } from "./errorAnswers.ts";
import type { HostRules } from "./hostRules.ts";

export interface FrontDoorOptions {
  readonly hosts: HostRules;
  /** Paths that any well-formed Host may use: ingest and the two probes. */
  readonly anyHostPaths: { readonly has: (path: string) => boolean };
  /** Paths whose bodies are read as they come and may be of any length. */
  readonly openEndedPaths: ReadonlySet<string>;
  /** The router behind the door. */
  readonly handle: (request: Request) => Response | undefined | Promise<Response | undefined>;
  readonly answers: ErrorAnswers;
  readonly maxRequests: number;
  readonly maxBytes: number;
  /** True while file descriptors or connections run short. */
  readonly crowded: () => boolean;
  /** True while new events must give way to content, whose askers can't come back. */
  readonly ingestYields: () => boolean;
}

/** `opening`: the port is taken, but keys or data are not there yet. */
export type Phase = "opening" | "open" | "draining";

export interface FrontDoor {
  /** The answer to a request; undefined where it became a WebSocket. */
  answer(request: Request): Response | undefined | Promise<Response | undefined>;
  readonly phase: Phase;
  /** Lets requests in; until then they are told to come back in a moment. */
  open(): void;
  /** Every request from here on is refused, and its connection closed; the probes still answer. */
  drain(): void;
  /** What stands inside now. */
  readonly inFlight: { readonly requests: number; readonly bytes: number };
  /** Answers so far, by status. */
  readonly statuses: Readonly<Uint32Array>;
  /** The request as it came, where the door had to hand on another one. */
  original(request: Request): Request;
}

/** Routers look for the path behind this many characters of a URL: "http://" and a host of four. */
const shortestAuthority = 11;
const schemeLength = "http://".length;
/** Bodies up to this size are not counted: the limit on requests bounds them. */
const uncountedBytes = 64 * 1024;
/** No path takes larger bodies, and most take far smaller ones. */
const largestBytes = 4 * 1024 * 1024;
/** Up to this length the rest of a refused body is read and forgotten. */
const forgottenBytes = 64 * 1024 * 1024;
/** Whoever watches the server must see it stop. */
const probes: ReadonlySet<string> = new Set(["/healthz", "/readyz"]);
/** E-mails are on their way: what is asked for here is answered as long as there is somebody to answer. */
const contentPath = "/v1/content/";
const busyRetrySeconds = 1;
const drainRetrySeconds = 5;

/** Opens the door in front of a router. */
export function frontDoor(options: FrontDoorOptions): FrontDoor {
  const { hosts, anyHostPaths, openEndedPaths, handle, answers, maxRequests, maxBytes } = options;
  const statuses = new Uint32Array(600);
  const inFlight = { requests: 0, bytes: 0 };
  const originals = new WeakMap<Request, Request>();
  let phase: Phase = "opening";

  const refuse = (code: ErrorCode, bodyBytes: number, retryAfterSeconds?: number): Response => {
    const response = answers.refusal(
      new Refusal(code, retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
    );
    // Whoever is refused here is one too many, or not to be trusted with the rest of the connection. But who is still
    // sending would lose the answer with it, see a broken connection in its place, and send the same again at once.
    const isSending = bodyBytes > uncountedBytes && bodyBytes <= forgottenBytes;
    if (!isSending) response.headers.set("Connection", "close");
    // A page's client can only wait as long as it is told if it may read the answer; there is nothing in it to hide.
    response.headers.set("Access-Control-Allow-Origin", "*");
    response.headers.set("Access-Control-Expose-Headers", "Retry-After");
    return count(response);
  };
  const count = <R extends Response | undefined>(response: R): R => {
    const status = response === undefined ? 101 : response.status;
    statuses[status] = (statuses[status] ?? 0) + 1;
    return response;
  };
  const leave = (bytes: number): void => {
    inFlight.requests -= 1;
    inFlight.bytes -= bytes;
  };
  const enter = (request: Request, bytes: number): Response | undefined | Promise<Response | undefined> => {
    inFlight.requests += 1;
    inFlight.bytes += bytes;
    let result: Response | undefined | Promise<Response | undefined>;
    try {
      result = handle(request);
    } catch (error) {
      result = answers.unexpected(error);
    }
    if (!(result instanceof Promise)) {
      leave(bytes);
      return count(result);
    }
    return result.then(
      (response) => {
        leave(bytes);
        return count(response);
      },
      (error: unknown) => {
        leave(bytes);
        return count(answers.unexpected(error));
      },
    );
  };

  const isFull = ({ method }: Request, url: string, pathAt: number): boolean =>
    options.crowded() ||
    inFlight.requests >= maxRequests ||
    (method === "POST" && options.ingestYields() && anyHostPaths.has(pathOf(url, pathAt)));

  return {
    inFlight,
    statuses,
    get phase() {
      return phase;
    },
    open: () => {
      phase = "open";
    },
    drain: () => {
      phase = "draining";
    },
    original: (request) => originals.get(request) ?? request,
    answer: (request) => {
      const { url, headers } = request;
      const length = request.method === "POST" ? Number(headers.get("content-length") ?? 0) : 0;
      const verdict = hosts(headers.get("host"));
      // With a Host that makes no URL, Bun gives the bare path.
      if (verdict === "invalid" || !url.startsWith("http://")) return refuse("invalid_host", length);
      const pathAt = url.indexOf("/", schemeLength);
      if (verdict === "unknown" && !anyHostPaths.has(pathOf(url, pathAt)))
        return refuse("unknown_host", length);
      const isContent = url.startsWith(contentPath, pathAt);
      if (phase !== "open" && !(isContent && phase === "draining") && !probes.has(pathOf(url, pathAt))) {
        return phase === "draining"
          ? refuse("draining", length, drainRetrySeconds)
          : refuse("overloaded", length, busyRetrySeconds);
      }
      if (!isContent && isFull(request, url, pathAt)) return refuse("overloaded", length, busyRetrySeconds);
      const isOpenEnded = length > uncountedBytes && openEndedPaths.has(pathOf(url, pathAt));
      if (length > largestBytes && !isOpenEnded) return refuse("too_large", length);
      const bytes = length > uncountedBytes && !isOpenEnded ? length : 0;
      if (bytes > 0 && inFlight.bytes + bytes > maxBytes)
        return refuse("overloaded", length, busyRetrySeconds);
      if (pathAt >= shortestAuthority) return enter(request, bytes);
      const readdressed = new Request(`http://localhost${url.slice(pathAt)}`, request);
      originals.set(readdressed, request);
      return enter(readdressed, bytes);
    },
  };
}

function pathOf(url: string, pathAt: number): string {
  const queryAt = url.indexOf("?", pathAt);
  return queryAt < 0 ? url.slice(pathAt) : url.slice(pathAt, queryAt);
}
