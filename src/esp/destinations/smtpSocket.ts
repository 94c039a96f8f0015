/** Connections to mail servers, made to the address that was judged. */
import { connect, type Socket } from "node:net";
import type { Tools } from "../deliver/destination.ts";

/** Connects. Rejects where it may not, or can't in time. */
export async function socketTo(
  host: string,
  port: number,
  reach: Tools["reach"],
  timeoutMs: number,
): Promise<Socket> {
  const reached = (await reach?.(host)) ?? { kind: "refused", why: "there is nowhere to connect to" };
  if (reached.kind === "refused") throw new Error(reached.why);
  const opened = Promise.withResolvers<Socket>();
  const socket = connect({ host: reached.address, port, timeout: timeoutMs });
  const onTimeout = () => socket.destroy(new Error("no connection in time"));
  socket.once("error", opened.reject);
  socket.once("timeout", onTimeout);
  socket.once("connect", () => {
    socket.setTimeout(0);
    socket.off("error", opened.reject);
    socket.off("timeout", onTimeout);
    opened.resolve(socket);
  });
  return opened.promise;
}
