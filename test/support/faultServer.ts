/** A server that answers as it is told to, or fails in one of the ways that servers fail. */

export type Fault =
  | {
      readonly kind: "status";
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly body?: string;
    }
  /** Never answers. */
  | { readonly kind: "timeout" }
  /** Breaks off in the middle of the body. */
  | { readonly kind: "reset" }
  /** Sends a byte now and then, without an end. */
  | { readonly kind: "drip" };

export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: Headers;
  readonly body: string;
}

export interface FaultServer extends Disposable {
  readonly origin: string;
  /** Every request so far, without what only asks for a job. */
  readonly seen: Seen[];
  /** The next requests fail like this, one each; `after`: only once they had their effect. */
  fail(faults: readonly Fault[], options?: { readonly after?: boolean }): void;
  /** How requests fail, for as long as it is set; null: they don't. */
  failing: Fault | null;
  /** Faults that were not met yet. */
  readonly left: number;
}

/** `answer`: what a healthy server says. */
export function faultServer(
  answer: (request: Request, body: string) => Promise<Response> | Response,
): FaultServer {
  const seen: Seen[] = [];
  const queue: { readonly fault: Fault; readonly after: boolean }[] = [];
  const stop = Promise.withResolvers<Response>();
  const state: { failing: Fault | null } = { failing: null };
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    idleTimeout: 60,
    // What breaks off is not told to the console.
    development: false,
    // What breaks off here does so on purpose.
    error: () => new Response("", { status: 500 }),
    async fetch(request): Promise<Response> {
      const body = await request.text();
      const { pathname } = new URL(request.url);
      seen.push({ method: request.method, path: pathname, headers: request.headers, body });
      const next = queue.shift();
      const fault = next?.fault ?? state.failing;
      if (fault === null) return answer(request, body);
      if (next?.after === true) await answer(request, body);
      return faulty(fault, stop.promise);
    },
  });
  return {
    origin: `http://127.0.0.1:${server.port}`,
    seen,
    get failing() {
      return state.failing;
    },
    set failing(fault: Fault | null) {
      state.failing = fault;
    },
    get left() {
      return queue.length;
    },
    fail: (faults: readonly Fault[], { after = false } = {}) => {
      for (const fault of faults) queue.push({ fault, after });
    },
    [Symbol.dispose]: () => {
      stop.resolve(new Response());
      // Whoever waits for an answer waits no longer.
      server.stop(true).catch(() => {});
    },
  };
}

function faulty(fault: Fault, stopped: Promise<Response>): Promise<Response> | Response {
  switch (fault.kind) {
    case "status":
      return new Response(fault.body ?? "", { status: fault.status, headers: { ...fault.headers } });
    case "timeout":
      return stopped;
    case "reset":
      return brokenOff();
    case "drip":
      return new Response(
        new ReadableStream({
          pull: async (controller) => {
            await Bun.sleep(50);
            controller.enqueue(new TextEncoder().encode(" "));
          },
        }),
        { headers: { "Content-Type": "application/json" } },
      );
  }
}

/** An answer whose connection is reset in the middle of the body. */
export function brokenOff(): Response {
  return new Response(
    new ReadableStream({
      start: (controller) => {
        controller.enqueue(new TextEncoder().encode('{"half":'));
        setTimeout(() => controller.error(new Error("reset")), 10);
      },
    }),
    { headers: { "Content-Type": "application/json" } },
  );
}
