/** Server-sent events as text (WHATWG HTML, 9.2.5 and 9.2.6). */

/** One event. Throws on an id or name that would end its line or be ignored by clients. */
export function encodeEvent(event: {
  readonly id: string;
  readonly event: string;
  readonly data: string;
}): string {
  return `id: ${line(event.id)}\nevent: ${line(event.event)}\ndata: ${lines(event.data)}\n\n`;
}

/** An id alone: clients dispatch nothing, but reconnect from there. */
export function encodePosition(id: string): string {
  return `id: ${line(id)}\n\n`;
}

function line(text: string): string {
  if (/[\r\n\0]/.test(text)) throw new Error("a line break or NUL in a field of one line");
  return text;
}

/** Every kind of line break begins a new data line; clients join them with a line feed. */
function lines(data: string): string {
  return data.includes("\n") || data.includes("\r") ? data.split(/\r\n|\n|\r/).join("\ndata: ") : data;
}
