/**
 * Reads a stream of server-sent events as it comes (WHATWG HTML, 9.2.6 "Interpreting an event stream"), holding no
 * more of an event than asked for. What is longer is cut one character behind the limit, so that it shows.
 */

/** One event. */
export interface SseMessage {
  /** `message` unless the event has a name of its own. */
  readonly type: string;
  readonly data: string;
  /** The last id that was seen up to here; empty if there was none. */
  readonly lastEventId: string;
}

/** Longer ids can't be sent back in a header; they count as not given. */
const maxIdLength = 1_024;
const maxTypeLength = 1_024;
/** The longest field name and the colon and space behind it. */
const fieldRoom = 16;
const digits = /^[0-9]{1,15}$/;

export class SseParser {
  readonly #maxData: number;
  #line = "";
  #endedByReturn = false;
  #type = "";
  #data: string[] = [];
  #dataLength = 0;
  #id: string;
  /** The time to wait before connecting again that the stream asked for, milliseconds; null if it did not. */
  retryMs: number | null = null;
  /** The last id of an event that is complete. */
  lastEventId: string;

  /** `maxData`: characters of an event's data; `lastEventId`: where the stream was resumed. */
  constructor(maxData: number, lastEventId = "") {
    this.#maxData = maxData;
    this.#id = lastEventId;
    this.lastEventId = lastEventId;
  }

  /** The events that are complete with this piece of decoded text (without a byte order mark). */
  push(text: string): SseMessage[] {
    const messages: SseMessage[] = [];
    let start = this.#endedByReturn && text.startsWith("\n") ? 1 : 0;
    if (text !== "") this.#endedByReturn = false;
    for (let end = endOfLine(text, start); end >= 0; end = endOfLine(text, start)) {
      this.#add(text, start, end);
      const message = this.#endLine();
      if (message !== null) messages.push(message);
      start = end + 1;
      if (text[end] !== "\r") continue;
      if (start === text.length) this.#endedByReturn = true;
      else if (text[start] === "\n") start += 1;
    }
    this.#add(text, start, text.length);
    return messages;
  }

  #add(text: string, start: number, end: number): void {
    const room = this.#maxData + 1 + fieldRoom - this.#line.length;
    if (room > 0) this.#line += text.slice(start, Math.min(end, start + room));
  }

  #endLine(): SseMessage | null {
    const line = this.#line;
    this.#line = "";
    if (line === "") return this.#dispatch();
    const colon = line.indexOf(":");
    if (colon === 0) return null;
    const value = colon < 0 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    this.#takeField(colon < 0 ? line : line.slice(0, colon), value);
    return null;
  }

  #takeField(name: string, value: string): void {
    switch (name) {
      case "event":
        this.#type = value.slice(0, maxTypeLength);
        return;
      case "data":
        this.#addData(value);
        return;
      case "id":
        if (!value.includes("\0") && value.length <= maxIdLength) this.#id = value;
        return;
      case "retry":
        if (digits.test(value)) this.retryMs = Number(value);
    }
  }

  #addData(value: string): void {
    // One more than fits and the line end behind it: what was cut must show by its length.
    const room = this.#maxData + 2 - this.#dataLength;
    if (room <= 0) return;
    this.#data.push(value.slice(0, room));
    this.#dataLength += Math.min(value.length, room) + 1;
  }

  #dispatch(): SseMessage | null {
    this.lastEventId = this.#id;
    const type = this.#type;
    const data = this.#data;
    this.#type = "";
    this.#data = [];
    this.#dataLength = 0;
    // An event whose data is nothing but one empty line is dispatched all the same; one without data is not.
    if (data.length === 0) return null;
    return { type: type === "" ? "message" : type, data: data.join("\n"), lastEventId: this.#id };
  }
}

function endOfLine(text: string, start: number): number {
  const feed = text.indexOf("\n", start);
  const carriage = text.indexOf("\r", start);
  if (feed < 0) return carriage;
  return carriage < 0 ? feed : Math.min(feed, carriage);
}
