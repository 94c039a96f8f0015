/** Reads an SSE feed on a raw connection and notes when each event's frame came. */
import type { Socket } from "bun";

const mark = '"messageId":"';

/** Opens the feed; resolves once its headers are there. `onFrame` gets the messageId of every change. */
export async function readFeed(
  port: number,
  path: string,
  authorization: string,
  onFrame: (messageId: string) => void,
  onLost: (why: string) => void,
): Promise<{ close(): void }> {
  const ready = Promise.withResolvers<void>();
  let rest = "";
  let open = false;
  const receive = (chunk: Buffer) => {
    rest += chunk.toString("latin1");
    if (!open) {
      if (!rest.includes("\r\n\r\n")) return;
      if (!rest.startsWith("HTTP/1.1 200")) onLost(`the feed answered ${rest.slice(0, 40)}`);
      open = true;
      ready.resolve();
    }
    const end = rest.lastIndexOf("\n\n");
    if (end < 0) return;
    for (let at = rest.indexOf(mark); at >= 0 && at < end; at = rest.indexOf(mark, at + 1))
      onFrame(rest.slice(at + mark.length, rest.indexOf('"', at + mark.length)));
    rest = rest.slice(end + 2);
  };
  const socket: Socket = await Bun.connect({
    hostname: "127.0.0.1",
    port,
    socket: {
      data: (_, chunk) => receive(chunk),
      close: () => onLost("the server closed the feed"),
      error: (_, error) => onLost(error.message),
    },
  });
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${authorization}\r\nAccept: text/event-stream\r\n\r\n`,
  );
  await ready.promise;
  return { close: () => socket.end() };
}
