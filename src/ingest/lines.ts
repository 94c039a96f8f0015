/**
 * Many events of a stream as one frame body: a head (JSON, one line), then the text of each event, one behind the
 * other. Each is judged by itself, so a broken one breaks no other, and none needs to be escaped.
 */
import { assert } from "../lib/assert.ts";

/** What a stream hands over at once. */
export interface Lines {
  /** Index of the first event in its stream: it tells apart events of the same instant. */
  readonly first: number;
  /** The events' own texts. */
  readonly texts: readonly Uint8Array[];
  /** The upstream's id to go on from once these are kept; null for a stream that has none. */
  readonly lastEventId: string | null;
}

interface Head {
  readonly first: number;
  readonly lengths: readonly number[];
  readonly lastEventId: string | null;
}

const newline = 0x0a;

/** The frame body of some events. */
export function packLines({ first, texts, lastEventId }: Lines): Uint8Array {
  const head: Head = { first, lengths: texts.map(({ length }) => length), lastEventId };
  return Buffer.concat([Buffer.from(`${JSON.stringify(head)}\n`), ...texts]);
}

/** What packLines was given; the texts share the body's memory. Throws on anything else: no other makes such bodies. */
export function unpackLines(body: Uint8Array): Lines {
  const headEnd = body.indexOf(newline);
  assert(headEnd > 0, "the body of a stream has no head");
  const head = JSON.parse(Buffer.from(body.subarray(0, headEnd)).toString("utf8")) as Head;
  let at = headEnd + 1;
  const texts = head.lengths.map((length) => body.subarray(at, (at += length)));
  assert(at === body.length, "the body of a stream has another length than its head says");
  return { first: head.first, texts, lastEventId: head.lastEventId };
}
