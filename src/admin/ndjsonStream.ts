/** A response body of JSON lines whose writer waits for a slow reader. */

export interface LineSink {
  /** Sends one line; resolves when there is room for the next. Rejects once the reader is gone. */
  write(value: unknown): Promise<void>;
  /** Sends one line without waiting, for the rare and small. Lost if the reader is gone. */
  say(value: unknown): void;
  end(): void;
}

/** A stream and its writing end. `onGone` is called when the reader goes away early. */
export function ndjsonStream(onGone: () => void): {
  readonly body: ReadableStream<Uint8Array>;
  readonly sink: LineSink;
} {
  const encoder = new TextEncoder();
  let controller: ReadableStreamDefaultController<Uint8Array> | null = null;
  let room = Promise.withResolvers<void>();
  let gone = false;
  const body = new ReadableStream<Uint8Array>(
    {
      start: (started) => {
        controller = started;
      },
      pull: () => room.resolve(),
      cancel: () => {
        gone = true;
        room.resolve();
        onGone();
      },
    },
    { highWaterMark: 16 },
  );
  const enqueue = (value: unknown): void => {
    if (!gone) controller?.enqueue(encoder.encode(`${JSON.stringify(value)}\n`));
  };
  const sink: LineSink = {
    say: enqueue,
    write: async (value) => {
      if (gone) throw new Error("the reader is gone");
      enqueue(value);
      if ((controller?.desiredSize ?? 1) > 0) return;
      room = Promise.withResolvers();
      await room.promise;
    },
    end: () => {
      if (!gone) controller?.close();
    },
  };
  return { body, sink };
}
