/** An HTTP client that keeps to one connection, a request at a time: no pool decides where a request goes. */
import { connect, type Socket } from "node:net";

export interface PlainAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

const headEnd = "\r\n\r\n";

export class OneConnection implements Disposable {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #waiting: { resolve: (answer: PlainAnswer) => void; reject: (error: Error) => void } | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (chunk) => {
      this.#received = Buffer.concat([this.#received, Buffer.from(chunk as Uint8Array)]);
      this.#deliver();
    });
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the connection was closed")));
  }

  static open(port: number): Promise<OneConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, "127.0.0.1", () => resolve(new OneConnection(socket)));
      socket.once("error", reject);
    });
  }

  /** Sends one request and waits for its answer. Throws when the connection ends before it. */
  request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body = "",
  ): Promise<PlainAnswer> {
    const lines = Object.entries({ Host: "localhost", ...headers }).map(
      ([name, value]) => `${name}: ${value}`,
    );
    const length = Buffer.byteLength(body);
    if (length > 0) lines.push("Content-Type: application/json", `Content-Length: ${length}`);
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("\r\n")}${headEnd}${body}`);
    });
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }

  #deliver(): void {
    const end = this.#received.indexOf(headEnd);
    if (end < 0) return;
    const [first = "", ...lines] = this.#received.toString("latin1", 0, end).split("\r\n");
    const headers = new Map(
      lines.map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
      }),
    );
    const bodyEnd = end + headEnd.length + Number(headers.get("content-length") ?? 0);
    if (this.#received.length < bodyEnd) return;
    const body = this.#received.toString("utf8", end + headEnd.length, bodyEnd);
    this.#received = this.#received.subarray(bodyEnd);
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.resolve({ status: Number(first.split(" ")[1]), headers, body });
  }

  #fail(error: Error): void {
    this.#waiting?.reject(error);
    this.#waiting = null;
  }
}
