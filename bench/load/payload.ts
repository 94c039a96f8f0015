/** The requests of the load client as bytes, made once; before each use only their fixed-width fields are overwritten. */

/** Distinct userIds that events are spread over. */
export const users = 20_000;

/** Bytes of one event's JSON, as docs/performance.md promises. */
const eventBytes = 450;

const messageIdMark = "00000000-0000-4000-8000-000000000000";
const userMark = "user-000000";
const hex = new TextEncoder().encode("0123456789abcdef");

/** The userId with that number, below a million. */
export function userId(number: number): string {
  return `user-${String(number).padStart(6, "0")}`;
}

/** A fast repeatable random sequence (sfc32, 128 bits of state: two seeds never meet in practice); never for secrets. */
export class Randomness {
  #a: number;
  #b = 0x9e37_79b9;
  #c = 0x243f_6a88;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    for (let round = 0; round < 16; round += 1) this.next();
  }

  /** 32 random bits, unsigned. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }
}

/** One realistic track event of exactly `eventBytes` bytes of JSON, `at` being its time. */
export function eventJson(at: Date): string {
  const event = {
    event: "Product Viewed",
    userId: userMark,
    messageId: messageIdMark,
    timestamp: at.toISOString(),
    properties: {
      product_id: "P7",
      name: "Trail shoe",
      category: "shoes",
      price: 84.5,
      currency: "EUR",
      quantity: 1,
    },
    context: {
      library: { name: "analytics-node", version: "3.1.0" },
      page: { path: "/p/trail-shoe", title: "Trail shoe" },
      locale: "de-DE",
      userAgent: "",
    },
  };
  const bare = JSON.stringify({ type: "track", ...event }).length;
  event.context.userAgent =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130".slice(
      0,
      eventBytes - bare,
    );
  return JSON.stringify({ type: "track", ...event });
}

/** A request whose events get fresh messageIds and userIds in place. */
export class EventRequest {
  readonly bytes: Uint8Array;
  readonly #messageIds: number[];
  readonly #userIds: number[];
  readonly #random: Randomness;
  readonly #users: number;

  /** `spread`: how many userIds the events are spread over, below a million. */
  constructor(head: string, body: string, random: Randomness, spread: number) {
    this.#users = spread;
    this.bytes = new TextEncoder().encode(httpRequest(head, body));
    this.#messageIds = placesOf(messageIdMark, this.bytes);
    this.#userIds = placesOf(userMark, this.bytes);
    this.#random = random;
  }

  /** Overwrites every event's messageId and userId. */
  refresh(): void {
    for (const at of this.#messageIds) this.#writeMessageId(at);
    for (const at of this.#userIds) this.#writeUserId(at);
  }

  /** The (first) event's messageId as it stands. */
  messageId(): string {
    const at = this.#messageIds[0] ?? 0;
    return Buffer.from(this.bytes.buffer, at, messageIdMark.length).toString("latin1");
  }

  #writeMessageId(at: number): void {
    let offset = at;
    for (const group of [8, 4, 4, 4, 8, 4]) {
      let bits = this.#random.next();
      for (let digit = 0; digit < group; digit += 1) {
        this.bytes[offset] = hex[bits & 15] ?? 48;
        bits >>>= 4;
        offset += 1;
      }
      // The last two groups of the text are one: 8 + 4 digits.
      if (offset - at < 24) offset += 1;
    }
  }

  #writeUserId(at: number): void {
    let number = this.#random.next() % this.#users;
    for (let offset = at + userMark.length - 1; offset >= at + 5; offset -= 1) {
      this.bytes[offset] = 48 + (number % 10);
      number = Math.floor(number / 10);
    }
  }
}

/** The text of a request with a JSON body. `head` is the request line and headers, without length. */
export function httpRequest(head: string, body: string | null): string {
  const length =
    body === null ? "" : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
  return `${head}\r\nHost: 127.0.0.1\r\n${length}\r\n${body ?? ""}`;
}

function placesOf(mark: string, bytes: Uint8Array): number[] {
  const text = Buffer.from(bytes);
  const places: number[] = [];
  for (let at = text.indexOf(mark); at >= 0; at = text.indexOf(mark, at + mark.length)) places.push(at);
  return places;
}
