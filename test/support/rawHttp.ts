/** HTTP as bytes, for requests that no well-behaved client sends. */
import { connect } from "node:net";

/** Sends the text over one connection and returns all that comes back until the server closes, or falls silent for `quietMs`. */
export function rawExchange(port: number, text: string, quietMs = 300): Promise<string> {
  return new Promise((resolve, reject) => {
    let received = "";
    const socket = connect(port, "127.0.0.1", () => socket.write(text));
    socket.setTimeout(quietMs, () => socket.destroy());
    socket.on("data", (chunk) => {
      received += chunk.toString("latin1");
    });
    socket.on("error", reject);
    socket.on("close", () => resolve(received));
  });
}

/** Status of the first answer in what came back; 0 if there is none. */
export function statusOf(received: string): number {
  return Number(/^HTTP\/1\.1 (\d{3})/.exec(received)?.[1] ?? 0);
}
