/** One keep-alive HTTP/1.1 connection of the load client: one request at a time, as few steps an answer as will do. */
import type { Socket } from "bun";

/** An answer as far as the client looks at it. */
export interface LoadAnswer {
  readonly status: number;
  /** Status line and headers; read only when asked, since making the text costs. */
  readonly head: () => string;
}

/** Length of the body that follows these headers; throws on an answer without a length. */
function bodyLength(bytes: Buffer, headEnd: number, status: number): number {
  if (status === 304 || status === 204) return 0;
  let at = bytes.indexOf("ontent-Length: ");
  if (at < 0) at = bytes.indexOf("ontent-length: ");
  if (at < 0 || at > headEnd) throw new Error("an answer without Content-Length");
  let length = 0;
  for (let offset = at + 15; (bytes[offset] ?? 0) >= 48; offset += 1)
    length = length * 10 + (bytes[offset] ?? 0) - 48;
  return length;
}

export class LoadConnection {
  readonly #socket: Socket;
  readonly #onAnswer: (connection: LoadConnection, answer: LoadAnswer) => void;
  #unsent: Uint8Array | null = null;
  #partial: Buffer | null = null;

  private constructor(socket: Socket, onAnswer: (connection: LoadConnection, answer: LoadAnswer) => void) {
    this.#socket = socket;
    this.#onAnswer = onAnswer;
  }

  /** Connects to a port of this machine. `onLost` is told when the server ends the connection or sends nonsense. */
  static async open(
    port: number,
    onAnswer: (connection: LoadConnection, answer: LoadAnswer) => void,
    onLost: (why: string) => void,
  ): Promise<LoadConnection> {
    let connection: LoadConnection | null = null;
    const socket = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, chunk) => {
          try {
            connection?.receive(chunk);
          } catch (error) {
            onLost(String(error));
          }
        },
        drain: () => connection?.flush(),
        close: () => onLost("the server closed a connection"),
        error: (_, error) => onLost(error.message),
      },
    });
    connection = new LoadConnection(socket, onAnswer);
    return connection;
  }

  /** Sends one request; its bytes must stay as they are until the answer is there. */
  send(request: Uint8Array): void {
    this.#unsent = request;
    this.flush();
  }

  /** Sends what the socket did not take before. */
  flush(): void {
    if (this.#unsent === null) return;
    const sent = this.#socket.write(this.#unsent);
    this.#unsent = sent < this.#unsent.length ? this.#unsent.subarray(Math.max(0, sent)) : null;
  }

  receive(chunk: Buffer): void {
    const bytes = this.#partial === null ? chunk : Buffer.concat([this.#partial, chunk]);
    const headEnd = bytes.indexOf("\r\n\r\n");
    if (headEnd >= 0) {
      const status = ((bytes[9] ?? 0) - 48) * 100 + ((bytes[10] ?? 0) - 48) * 10 + (bytes[11] ?? 0) - 48;
      const total = headEnd + 4 + bodyLength(bytes, headEnd, status);
      if (bytes.length > total) throw new Error("more bytes than one answer");
      if (bytes.length === total) {
        this.#partial = null;
        this.#onAnswer(this, { status, head: () => bytes.toString("latin1", 0, headEnd) });
        return;
      }
    }
    this.#partial = this.#partial === null ? Buffer.from(bytes) : bytes;
  }

  close(): void {
    this.#socket.end();
  }
}
