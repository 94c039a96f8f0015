/** A client of POST /v1/stream that sends and reads at the same time, as fast or slow as a test likes. */
import { request, type ClientRequest, type IncomingMessage } from "node:http";
import { until } from "./until.ts";

export interface LineAnswer {
  readonly line?: number;
  readonly ok?: boolean;
  readonly messageId?: string | null;
  readonly quarantineId?: string;
  readonly error?: { readonly code: string; readonly message: string };
}

export class StreamClient {
  readonly #request: ClientRequest;
  #response: IncomingMessage | null = null;
  #text = "";
  /** Blank lines of the answer. */
  heartbeats = 0;
  /** Every line answered so far. */
  readonly answers: LineAnswer[] = [];
  /** Whether the answer came to its regular end. */
  ending: "open" | "ended" | "broken" = "open";

  constructor(origin: string, headers: Readonly<Record<string, string>>, path = "/v1/stream") {
    this.#request = request(`${origin}${path}`, { method: "POST", headers, agent: false });
    this.#request.on("error", () => this.#close("broken"));
    this.#request.on("response", (response) => {
      this.#response = response;
      response.setEncoding("utf8");
      response.on("data", (text: string) => this.#take(text));
      response.on("end", () => this.#close("ended"));
      response.on("error", () => this.#close("broken"));
      response.on("close", () => this.#close("broken"));
    });
    this.#request.flushHeaders();
  }

  get status(): number | undefined {
    return this.#response?.statusCode;
  }

  header(name: string): string | undefined {
    const value = this.#response?.headers[name];
    return typeof value === "string" ? value : undefined;
  }

  /** Bytes that were sent but that nobody took yet. */
  get unsentBytes(): number {
    return this.#request.writableLength;
  }

  /** Sends bytes as they are, or one line for each value. */
  send(...lines: readonly unknown[]): boolean {
    return this.write(
      lines.map((line) => `${typeof line === "string" ? line : JSON.stringify(line)}\n`).join(""),
    );
  }

  write(bytes: string | Uint8Array): boolean {
    return this.#request.write(bytes);
  }

  end(): void {
    this.#request.end();
  }

  /** Breaks the connection. */
  destroy(): void {
    this.#request.destroy();
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  async answered(count: number): Promise<readonly LineAnswer[]> {
    await until(`${count} lines are answered`, () => this.answers.length >= count);
    return this.answers;
  }

  async closed(): Promise<void> {
    await until("the answer ends", () => this.ending !== "open");
  }

  #close(how: "ended" | "broken"): void {
    if (this.ending === "open") this.ending = how;
  }

  #take(text: string): void {
    this.#text += text;
    for (let end = this.#text.indexOf("\n"); end >= 0; end = this.#text.indexOf("\n")) {
      const line = this.#text.slice(0, end);
      this.#text = this.#text.slice(end + 1);
      if (line === "") this.heartbeats += 1;
      else this.answers.push(JSON.parse(line) as LineAnswer);
    }
  }
}
