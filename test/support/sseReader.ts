/** A client of server-sent events, parsing as WHATWG HTML 9.2.6 says, that shows what an EventSource keeps to itself. */

/** One dispatched event. */
export interface SseEvent {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

/** Parses a stream of text, whatever pieces it comes in. */
export class SseParser {
  readonly events: SseEvent[] = [];
  readonly comments: string[] = [];
  lastEventId = "";
  retryMs: number | null = null;
  #pending = "";
  #isFirst = true;
  #id = "";
  #event = "";
  #data: string[] = [];

  push(text: string): void {
    this.#pending += text;
    if (this.#isFirst && this.#pending.length > 0) {
      this.#isFirst = false;
      if (this.#pending.startsWith("\ufeff")) this.#pending = this.#pending.slice(1);
    }
    for (;;) {
      const match = /\r\n|\n|\r(?!$)/.exec(this.#pending);
      if (match === null) return;
      this.#line(this.#pending.slice(0, match.index));
      this.#pending = this.#pending.slice(match.index + match[0].length);
    }
  }

  #line(line: string): void {
    if (line === "") return this.#dispatch();
    if (line.startsWith(":")) return void this.comments.push(line.slice(1));
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "event") this.#event = value;
    else if (field === "data") this.#data.push(value);
    else if (field === "id" && !value.includes("\0")) this.#id = value;
    else if (field === "retry" && /^\d+$/.test(value)) this.retryMs = Number(value);
  }

  #dispatch(): void {
    this.lastEventId = this.#id;
    if (this.#data.length > 0)
      this.events.push({ id: this.#id, event: this.#event || "message", data: this.#data.join("\n") });
    this.#event = "";
    this.#data = [];
  }
}

/** An open stream. */
export class SseReader implements AsyncDisposable {
  readonly response: Response;
  readonly parser = new SseParser();
  /** All that came, as it came. */
  text = "";
  hasEnded = false;
  readonly #abort: AbortController;
  readonly #decoder = new TextDecoder();
  #wake: () => void = () => {};

  constructor(response: Response, abort: AbortController) {
    this.response = response;
    this.#abort = abort;
    this.#read().then(
      () => this.#end(),
      () => this.#end(),
    );
  }

  /** Connects. Throws when the answer is no stream. */
  static async open(url: string, headers: Record<string, string>): Promise<SseReader> {
    const abort = new AbortController();
    const response = await fetch(url, { headers, signal: abort.signal });
    if (response.status !== 200)
      throw new Error(`the feed was answered ${response.status}: ${await response.text()}`);
    return new SseReader(response, abort);
  }

  get events(): readonly SseEvent[] {
    return this.parser.events;
  }

  /** Resolves once `probe` holds. Throws when the stream ends first. */
  async until(what: string, probe: (reader: this) => boolean): Promise<void> {
    while (!probe(this)) {
      if (this.hasEnded)
        throw new Error(`the stream ended before ${what}; it said ${JSON.stringify(this.text.slice(-500))}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  /** The first `count` events, once they are there. */
  async take(count: number): Promise<readonly SseEvent[]> {
    await this.until(`${count} events`, ({ events }) => events.length >= count);
    return this.events.slice(0, count);
  }

  /** Drops what was read so far; returns how many events that were. */
  forget(): number {
    this.text = "";
    return this.parser.events.splice(0).length;
  }

  async ended(): Promise<void> {
    while (!this.hasEnded) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#abort.abort();
    await this.ended();
  }

  async #read(): Promise<void> {
    for await (const chunk of this.response.body ?? []) {
      const text = this.#decoder.decode(chunk, { stream: true });
      this.text += text;
      this.parser.push(text);
      this.#wake();
    }
  }

  #end(): void {
    this.hasEnded = true;
    this.#wake();
  }
}
