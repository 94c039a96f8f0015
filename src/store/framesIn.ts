/** Frames as the writer takes them from a message (messages.ts). */
import type { EventType } from "../model/event.ts";
import { senderAt } from "./frameSender.ts";
import { calls, frameStride, type FrameContext, type FramesMessage } from "./messages.ts";
import type { QueuedFrame } from "./writerOptions.ts";

/** The frames of a message, whose bodies are views of its buffer. `contexts`: by the number that the frames name. */
export function framesIn(
  { count, buffer }: FramesMessage,
  contexts: readonly (FrameContext | undefined)[],
): readonly QueuedFrame[] {
  const meta = new Float64Array(buffer, 0, count * frameStride);
  const bytes = new Uint8Array(buffer, meta.byteLength);
  const frames: QueuedFrame[] = [];
  for (let at = 0; at < meta.length; at += frameStride) {
    const context = contexts[meta[at + 2] ?? 0];
    if (context === undefined) throw new Error("a frame came before its context");
    const offset = meta[at + 5] ?? 0;
    const end = offset + (meta[at + 6] ?? 0);
    frames.push({
      id: meta[at] ?? 0,
      frame: {
        call: calls[meta[at + 1] ?? 0] ?? ("track" satisfies EventType),
        source: context.source,
        namespace: context.namespace,
        trusted: context.trusted,
        receivedAtMs: meta[at + 3] ?? 0,
        lane: meta[at + 4] === 1 ? "import" : "live",
        body: bytes.subarray(offset, end),
        sender: senderAt(bytes, end, meta[at + 7] ?? 0),
      },
    });
  }
  return frames;
}
