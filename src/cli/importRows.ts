/** Turns the rows of a file into events as `POST /v1/import` takes them. */
import { Readable } from "node:stream";
import { parse } from "csv-parse";
import { byteLines, utf8Text, withoutMark } from "./byteLines.ts";

/** One event's JSON text, or why a row is none. Rows count from 1. */
export type ImportRow =
  | { readonly kind: "event"; readonly row: number; readonly json: string }
  | { readonly kind: "bad"; readonly row: number; readonly why: string };

/** Lines longer than this are refused without being held. */
const maxLineBytes = 64 * 1024;
const notUtf8 =
  "not UTF-8: save the file in that encoding (bytes that are none would be changed on the way in)";

/** Columns that go into the event itself. */
const envelope = [
  "type",
  "userId",
  "anonymousId",
  "previousId",
  "groupId",
  "event",
  "name",
  "timestamp",
  "messageId",
];
const nested = /^(properties|traits)\.(.+)$/;

/** Rows of a file of JSON lines. Empty lines are passed over. */
export async function* ndjsonRows(path: string): AsyncGenerator<ImportRow> {
  let row = 0;
  for await (const bytes of byteLines(Bun.file(path).stream(), maxLineBytes)) {
    row += 1;
    const line = bytes === null ? null : utf8Text(bytes);
    if (bytes === null) yield { kind: "bad", row, why: "the line is too long" };
    else if (line === null) yield { kind: "bad", row, why: `the line is ${notUtf8}` };
    else if (line.trim() !== "") yield ndjsonRow(row, line.trim());
  }
}

/** Rows of a CSV file with a header. Cells that look like numbers or booleans become such, but for `textColumns`. */
export async function* csvRows(path: string, textColumns: ReadonlySet<string>): AsyncGenerator<ImportRow> {
  // Every byte becomes one character, and so comes out again as it was: the parser itself would replace what is odd.
  const parser = Readable.from(withoutMark(Bun.file(path).stream())).pipe(
    parse({
      columns: (header: string[]) => checkHeader(header.map(headerCell)),
      encoding: "latin1",
      relax_column_count: true,
      skip_empty_lines: true,
      max_record_size: maxLineBytes,
    }),
  );
  let row = 0;
  for await (const record of parser) {
    row += 1;
    const cells = utf8Cells(record as Record<string, string>);
    if (cells === null) yield { kind: "bad", row, why: `the row is ${notUtf8}` };
    else yield csvRow(row, cells, textColumns);
  }
}

/** The cells as the text that their bytes are; null if one of them is none. */
function utf8Cells(record: Record<string, string>): Record<string, string> | null {
  const cells: Record<string, string> = {};
  for (const [column, cell] of Object.entries(record)) {
    const text = cellText(cell);
    if (text === null) return null;
    cells[column] = text;
  }
  return cells;
}

function cellText(cell: string): string | null {
  return /[\u0080-\u00ff]/.test(cell) ? utf8Text(Buffer.from(cell, "latin1")) : cell;
}

function headerCell(cell: string): string {
  const text = cellText(cell);
  if (text === null) throw new HeaderError(`the header is ${notUtf8}`);
  return text;
}

function ndjsonRow(row: number, line: string): ImportRow {
  try {
    const value: unknown = JSON.parse(line);
    if (typeof value !== "object" || value === null || Array.isArray(value))
      return { kind: "bad", row, why: "the line is not a JSON object" };
    return { kind: "event", row, json: ndjsonEvent(line, value, row) };
  } catch {
    return { kind: "bad", row, why: "the line is not valid JSON" };
  }
}

/** The line as it is but for its messageId: ingest takes null and "" for a missing one, and so must this. */
function ndjsonEvent(line: string, value: object, row: number): string {
  if (!("messageId" in value)) return withMessageId(line, false, row);
  const { messageId, ...rest } = value;
  if (messageId !== null && messageId !== "") return line;
  return withMessageId(JSON.stringify(rest), false, row);
}

function csvRow(row: number, record: Record<string, string>, textColumns: ReadonlySet<string>): ImportRow {
  const event: Record<string, unknown> = {};
  const inner: Record<string, Map<string, unknown>> = { properties: new Map(), traits: new Map() };
  for (const [column, cell] of Object.entries(record)) {
    if (cell === "" || cell === undefined) continue;
    const match = nested.exec(column);
    if (match === null) event[column] = cell;
    else inner[match[1] ?? ""]?.set(match[2] ?? "", textColumns.has(column) ? cell : valueOf(cell));
  }
  for (const [name, values] of Object.entries(inner))
    if (values.size > 0) event[name] = Object.fromEntries(values);
  event["type"] ??=
    event["event"] === undefined ? (inner["traits"]?.size === 0 ? undefined : "identify") : "track";
  if (event["type"] === undefined) return { kind: "bad", row, why: "neither type, event nor a trait is set" };
  const json = JSON.stringify(event);
  return { kind: "event", row, json: withMessageId(json, event["messageId"] !== undefined, row) };
}

/**
 * An event without messageId gets one that follows from its place and text, so that importing the same file again,
 * or a longer one that begins the same, brings nothing twice.
 */
function withMessageId(json: string, has: boolean, row: number): string {
  if (has) return json;
  const hash = new Bun.CryptoHasher("sha256").update(`${row}\n${json}`).digest("hex").slice(0, 32);
  const rest = json.slice(1).trimStart();
  return `{"messageId":"import-${hash}"${rest.startsWith("}") ? "" : ","}${rest}`;
}

function checkHeader(header: string[]): string[] {
  const names = header.map((name) => name.trim());
  const unknown = names.filter((name) => !envelope.includes(name) && !nested.test(name));
  if (unknown.length > 0)
    throw new HeaderError(
      `unknown columns: ${unknown.join(", ")}. Known: ${envelope.join(", ")}, properties.<name>, traits.<name>`,
    );
  if (new Set(names).size < names.length) throw new HeaderError("a column stands twice in the header");
  return names;
}

/** The first line of a CSV file is not a header that can be mapped. */
export class HeaderError extends Error {}

function valueOf(cell: string): unknown {
  if (cell === "true" || cell === "false") return cell === "true";
  // No leading zeros, no exponent, few digits: what is left out is a code or a phone number rather than an amount.
  return /^-?(0|[1-9]\d{0,14})(\.\d{1,10})?$/.test(cell) ? Number(cell) : cell;
}
