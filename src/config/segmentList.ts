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
  let rows: string[][];
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
    rows = parse(text, {
      bom: true,
      delimiter: [",", ";", "\t"],
      relax_column_count: true,
      skip_empty_lines: true,
      trim: true,
      to: maxRows + 2,
    });
  } catch (error) {
    return refused(`not a CSV file in UTF-8 (${error instanceof Error ? error.message : String(error)})`);
  }
  return takeColumn(rows, type);
}

function takeColumn(rows: readonly (readonly string[])[], type: IdentifierType): ListRead {
  const headings = (rows[0] ?? []).map(plain);
  const named = headings.indexOf(plain(type.type));
  const column = Math.max(0, named);
  const values: string[] = [];
  for (let at = named >= 0 ? 1 : 0; at < rows.length; at += 1) {
    const cell = rows[at]?.[column] ?? "";
    if (cell === "") continue;
    const value = normaliseValue(type, cell);
    if (value === null) {
      const what = type.type === "email" ? "an e-mail address" : `a value of ${type.type}`;
      return refused(`row ${at + 1}, column ${column + 1}: not ${what}`);
    }
    values.push(value);
  }
  if (values.length > maxRows) return refused(`more than ${maxRows} rows`);
  return { kind: "read", content: listContent(values) };
}

/** `E-Mail`, `email` and `userId`, `user_id` are alike. */
function plain(heading: string): string {
  return heading.toLowerCase().replace(/[\s_-]/g, "");
}

function refused(why: string): ListRead {
  return { kind: "refused", why };
}
