/** Lists of identifiers that segments name: CSV files, read at the start. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { parse } from "csv-parse/sync";
import { normaliseValue, type IdentifierType } from "../model/identity.ts";
import { listContent, type ListContent } from "../lib/digestList.ts";

const maxRows = 1_000_000;
const maxBytes = 128 * 1024 * 1024;

export type ListRead =
  | { readonly kind: "read"; readonly content: ListContent }
  | { readonly kind: "refused"; readonly why: string };

/**
 * Reads a list. A first line that names the type says which column is meant; without one it is the first column.
 * Values are written as identifiers of that type are.
 */
export function readList(path: string, type: IdentifierType): ListRead {
  if (!existsSync(path)) return refused(`there is no file ${path}`);
  const { size } = statSync(path);
  if (!statSync(path).isFile()) return refused("not a file");
  if (size > maxBytes) return refused(`larger than ${maxBytes} bytes`);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    return takeColumn(rowsOf(text), type);
  } catch (error) {
    return refused(`not a CSV file in UTF-8 (${error instanceof Error ? error.message : String(error)})`);
  }
}

const delimiter = /[,;\t]/;

/** Rows of cells. A file without quotation marks, as long lists are, needs no parser and is read a line at a time. */
function* rowsOf(text: string): Generator<readonly string[]> {
  if (text.includes('"')) {
    yield* parse(text, {
      delimiter: [",", ";", "\t"],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
    });
    return;
  }
  for (let from = 0; from < text.length;) {
    const end = text.indexOf("\n", from);
    const line = text.slice(from, end < 0 ? text.length : end);
    from = end < 0 ? text.length : end + 1;
    if (line.trim() !== "") yield line.split(delimiter).map((cell) => cell.trim());
  }
}

/** Throws what a parser throws on the way. */
function takeColumn(rows: Iterable<readonly string[]>, type: IdentifierType): ListRead {
  const values: string[] = [];
  let column = 0;
  let row = 0;
  for (const cells of rows) {
    row += 1;
    if (row === 1) {
      const named = cells.map(plain).indexOf(plain(type.type));
      column = Math.max(0, named);
      if (named >= 0) continue;
    }
    const cell = cells[column] ?? "";
    if (cell === "") continue;
    const value = normaliseValue(type, cell);
    if (value === null) {
      const what = type.type === "email" ? "an e-mail address" : `a value of ${type.type}`;
      return refused(`row ${row}, column ${column + 1}: not ${what}`);
    }
    if (values.length === maxRows) return refused(`more than ${maxRows} rows`);
    values.push(value);
  }
  return { kind: "read", content: listContent(values) };
}

/** `E-Mail`, `email` and `userId`, `user_id` are alike. */
function plain(heading: string): string {
  return heading.toLowerCase().replace(/[\s_-]/g, "");
}

function refused(why: string): ListRead {
  return { kind: "refused", why };
}
