/** Where something stands in a YAML file, for messages that lead there. */
import { isMap, isScalar, isSeq, LineCounter, parseDocument, type Node, type Pair } from "yaml";

/** Counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** The first place where the text is no YAML, with what the parser says; null: it is YAML. */
export function syntaxProblem(text: string): (Place & { readonly message: string }) | null {
  const [error] = parseDocument(text, { prettyErrors: true }).errors;
  const at = error?.linePos?.[0];
  if (error === undefined || at === undefined) return null;
  return { line: at.line, column: at.col, message: (error.message.split(" at line")[0] ?? "").trim() };
}

/**
 * Where a dotted path such as `computedTraits.views.window` stands; of one that is not there, the last part that is.
 * Null where nothing of it is there.
 */
export function placeOf(text: string, path: string): Place | null {
  const lines = new LineCounter();
  const { contents } = parseDocument(text, { lineCounter: lines });
  const offset = offsetOf(contents, path);
  if (offset === null) return null;
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

function offsetOf(node: unknown, path: string): number | null {
  if (isMap(node)) {
    // Names may hold dots themselves: the longest that fits is meant.
    const pairs = node.items
      .flatMap((pair) => keyOf(pair) ?? [])
      .filter(({ name }) => path === name || path.startsWith(`${name}.`))
      .sort((left, right) => right.name.length - left.name.length);
    const [found] = pairs;
    return found === undefined
      ? null
      : (offsetOf(found.value, path.slice(found.name.length + 1)) ?? found.offset);
  }
  if (!isSeq(node)) return null;
  const [, index = "", rest = ""] = /^(\d+)(?:\.(.*))?$/s.exec(path) ?? [];
  const item: unknown = index === "" ? undefined : node.items[Number(index)];
  return item === undefined ? null : (offsetOf(item, rest) ?? (item as Node).range?.[0] ?? null);
}

function keyOf({ key, value }: Pair): { name: string; offset: number; value: unknown } | null {
  if (!isScalar(key) || key.range === undefined || key.range === null) return null;
  return { name: String(key.value), offset: key.range[0], value };
}
