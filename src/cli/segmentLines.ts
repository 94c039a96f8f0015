/** An explained segment as lines for people. */
import type { ExplainedClause } from "../admin/operation.ts";

/** One line a clause, indented under the clause that it is part of. */
export function segmentLines(clause: ExplainedClause, depth = 0): string[] {
  const mark = clause.isTrue ? "✓" : "✗";
  const line = `${"  ".repeat(depth)}${mark} ${headingOf(clause)}${factsOf(clause)}`;
  return [line, ...clause.of.flatMap((part) => segmentLines(part, depth + 1))];
}

function headingOf({ kind, words }: ExplainedClause): string {
  if (kind === "all") return "all of these";
  if (kind === "any") return "one of these or more";
  return kind === "not" ? "not this" : words;
}

function factsOf({ kind, seen, since, turnsAt, approximate }: ExplainedClause): string {
  const facts: string[] = [];
  if (kind === "trait") facts.push(seen === null ? "has no value" : `it is ${shown(seen)}`);
  if (kind === "event") facts.push(`it came ${seen === 1 ? "once" : `${shown(seen)} times`}`);
  if (kind === "consent") facts.push(`it is ${shown(seen)}`);
  if (kind === "list" && seen !== null) facts.push(shown(seen));
  if (approximate) facts.push("approximately");
  if (since !== null) facts.push(`since ${since}`);
  if (turnsAt !== null) facts.push(`turns by itself at ${turnsAt}`);
  return facts.length === 0 ? "" : `: ${facts.join(", ")}`;
}

const maxShown = 80;

function shown(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.length > maxShown ? `${text.slice(0, maxShown)}…` : text;
}
