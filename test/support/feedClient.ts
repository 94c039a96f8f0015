/** Reads a feed as an EventSource would (WHATWG HTML, 9.2.6), frame by frame. */

export interface SseFrame {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}

export interface SseReader extends AsyncDisposable {
  /** The next frame; null when the stream has ended. */
  next(): Promise<SseFrame | null>;
  /** All text so far. */
  readonly text: string;
}

/** Opens a feed; throws unless it answers 200. */
export async function openFeed(url: string, headers: Record<string, string>): Promise<SseReader> {
  const stop = new AbortController();
  const response = await fetch(url, { headers, signal: stop.signal });
  if (response.status !== 200 || response.body === null)
    throw new Error(`the feed answered ${response.status}`);
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let at = 0;
  const next = async (): Promise<SseFrame | null> => {
    for (;;) {
      const end = text.indexOf("\n\n", at);
      if (end >= 0) {
        const frame = parseFrame(text.slice(at, end));
        at = end + 2;
        if (frame !== null) return frame;
        continue;
      }
      const chunk = await reader.read().catch(() => ({ done: true as const, value: undefined }));
      if (chunk.done) return null;
      text += decoder.decode(chunk.value, { stream: true });
    }
  };
  return {
    next,
    get text() {
      return text;
    },
    [Symbol.asyncDispose]: () => {
      stop.abort();
      return Promise.resolve();
    },
  };
}

/** A block of lines as a frame; null for one without data (comments, retry, a bare id). */
function parseFrame(block: string): SseFrame | null {
  const fields = new Map<string, string[]>();
  for (const line of block.split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":");
    const name = colon < 0 ? line : line.slice(0, colon);
    fields.set(name, [...(fields.get(name) ?? []), colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "")]);
  }
  const data = fields.get("data");
  if (data === undefined) return null;
  return {
    id: fields.get("id")?.at(-1) ?? "",
    event: fields.get("event")?.at(-1) ?? "message",
    data: data.join("\n"),
  };
}
