/** The command line's end of the socket in the data folder. */
import { existsSync } from "node:fs";
import { OperationFailed, type CallOperation, type Outlet } from "../admin/operation.ts";
import { usableSocketPath } from "../admin/socketServer.ts";
import { fetchUnix } from "../lib/http.ts";

interface Line {
  readonly item?: unknown;
  readonly progress?: number;
  readonly result?: unknown;
  readonly failed?: string;
}

/** A caller of the process that serves this folder, or null if none answers. */
export async function connectSocket(path: string): Promise<CallOperation | null> {
  const usable = usableSocketPath(path);
  if (usable === null || !existsSync(path)) return null;
  const call: CallOperation = async (name, params, outlet) => {
    const response = await fetchUnix(usable, `/${name}`, {
      method: "POST",
      body: JSON.stringify(params),
      signal: outlet.signal,
    });
    // The other end is this program; what it gives has the type that the operation's name promises.
    return (await readAnswer(response, outlet)) as never;
  };
  try {
    await call(
      "status",
      {},
      { item: () => Promise.resolve(), progress: () => {}, signal: AbortSignal.timeout(5_000) },
    );
    return call;
  } catch (error) {
    if (error instanceof OperationFailed) throw error;
    return null;
  }
}

async function readAnswer(response: Response, outlet: Outlet): Promise<unknown> {
  for await (const text of linesOf(response)) {
    const line = JSON.parse(text) as Line;
    if (line.failed !== undefined) throw new OperationFailed(line.failed);
    if (line.progress !== undefined) outlet.progress(line.progress);
    if ("item" in line) await outlet.item(line.item);
    if ("result" in line) return line.result;
  }
  throw new OperationFailed("the server went away before it was done");
}

async function* linesOf(response: Response): AsyncGenerator<string> {
  if (response.body === null) return;
  const decoder = new TextDecoder();
  let held = "";
  for await (const chunk of response.body) {
    held += decoder.decode(chunk, { stream: true });
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    for (const line of lines) if (line !== "") yield line;
  }
  if (held !== "") yield held;
}
