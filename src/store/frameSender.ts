/** A frame's sender on its way to the writer: behind the body, as text. */
import type { FrameSender } from "./accept.ts";

const nobody = new Uint8Array(0);

/** User agent, a line end (which no header can hold), address; nothing for no sender. */
export function senderBytes(sender: FrameSender | undefined): Uint8Array {
  return sender === undefined ? nobody : Buffer.from(`${sender.userAgent ?? ""}\n${sender.address ?? ""}`);
}

/** The sender that stands at that place; undefined where nothing does. */
export function senderAt(bytes: Uint8Array, from: number, length: number): FrameSender | undefined {
  if (length === 0) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + from, length).toString("utf8");
  const end = text.lastIndexOf("\n");
  const [userAgent, address] = [text.slice(0, end), text.slice(end + 1)];
  return { userAgent: userAgent === "" ? null : userAgent, address: address === "" ? null : address };
}
