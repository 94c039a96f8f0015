/** What stood for the sender in a body must not wait in the quarantine with it. */

/** The value of each `writeKey`, also where the text ends within it. */
const keyValue = /("writeKey"\s*:\s*")(?:[^"\\]|\\.)*/gs;
const name = Buffer.from('"writeKey"');

/** The bytes with every writeKey's text taken out; the same bytes where there is none. Works on broken JSON, too. */
export function withoutKey(body: Uint8Array): Uint8Array {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  if (!bytes.includes(name)) return body;
  // One character a byte, so that what is no UTF-8 stays as it is.
  return Buffer.from(bytes.toString("latin1").replace(keyValue, "$1"), "latin1");
}
