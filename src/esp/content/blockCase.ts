/**
 * Cases of a block, for `freshet test`: whom it is rendered for, and what must come out. A case is a file
 * `tests/<block>/<case>.yaml` beside the blocks; the HTML it expects stands in `<case>.html` next to it.
 */
import { z } from "zod";
import { durationPattern, parseDuration } from "../../lib/duration.ts";
import { timeIn } from "../../model/timeIn.ts";
import type { Block } from "./block.ts";
import { BlockProblem, told } from "./frontMatter.ts";
import { renderBlock, type Recipient, type RenderedBlock } from "./renderBlock.ts";

const caseSchema = z.strictObject({
  /** When it is sent; ages are counted back from here. */
  at: z.union([z.string(), z.date()]).optional(),
  /** `unknown`: nobody has the identifier; `shared`: a block for everybody. */
  recipient: z.enum(["profile", "unknown", "shared"]).default("profile"),
  traits: z.record(z.string(), z.json()).default({}),
  /** How old a trait's value is; 0 where it is not said. */
  ages: z.record(z.string(), z.string().regex(durationPattern)).default({}),
  segments: z.array(z.string()).default([]),
  expect: z
    .strictObject({
      servedFrom: z.enum(["live", "lastKnown", "segmentDefault", "default"]).nullable().optional(),
      reason: z.string().nullable().optional(),
      text: z.string().optional(),
      /** Pieces that the HTML must and must not have. */
      contains: z.array(z.string()).default([]),
      lacks: z.array(z.string()).default([]),
    })
    .default({ contains: [], lacks: [] }),
});

export type BlockCase = z.output<typeof caseSchema>;

/** Reads a case. Throws BlockProblem. */
export function parseCase(yaml: string): BlockCase {
  let value: unknown;
  try {
    value = Bun.YAML.parse(yaml);
  } catch (error) {
    throw new BlockProblem(`it is not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = caseSchema.safeParse(value ?? {});
  if (!parsed.success)
    throw new BlockProblem(parsed.error.issues.map((issue) => told(issue, "it")).join("; "));
  return parsed.data;
}

/** Renders a case, and says everything that is not as expected; `html`: the whole expected HTML, null without one. */
export function runCase(
  block: Block,
  { at, recipient, traits, ages, segments, expect }: BlockCase,
  html: string | null,
  nowMs: number,
): { readonly rendered: RenderedBlock; readonly faults: readonly string[] } {
  const atMs = at === undefined ? nowMs : (timeIn(at instanceof Date ? at.toISOString() : at) ?? nowMs);
  const values = {
    traits: Object.fromEntries(
      Object.entries(traits).map(([name, value]) => [
        name,
        { value, updatedAtMs: atMs - (parseDuration(ages[name] ?? "0s") ?? 0) },
      ]),
    ),
    segments,
  };
  const who: Recipient = recipient === "profile" ? { kind: "values", values } : { kind: recipient };
  const rendered = renderBlock(block, who, atMs);
  const faults = [
    ...differs("servedFrom", expect.servedFrom, rendered.servedFrom),
    ...differs("reason", expect.reason, rendered.reason),
    ...differs("text", expect.text, rendered.text),
    ...expect.contains
      .filter((piece) => !rendered.html.includes(piece))
      .map((piece) => `the HTML does not contain ${JSON.stringify(piece)}`),
    ...expect.lacks
      .filter((piece) => rendered.html.includes(piece))
      .map((piece) => `the HTML contains ${JSON.stringify(piece)}`),
    ...(html === null || trimmed(html) === trimmed(rendered.html)
      ? []
      : [firstDifference(trimmed(html), trimmed(rendered.html))]),
  ];
  return { rendered, faults };
}

function differs(name: string, expected: string | null | undefined, given: string | null): string[] {
  if (expected === undefined || expected === given) return [];
  return [`${name}: expected ${JSON.stringify(expected)}, it is ${JSON.stringify(given)}`];
}

/** Editors end files with a line break. */
function trimmed(html: string): string {
  return html.replaceAll("\r\n", "\n").trimEnd();
}

function firstDifference(expected: string, given: string): string {
  const [left, right] = [expected.split("\n"), given.split("\n")];
  const line = left.findIndex((text, index) => text !== right[index]);
  const at = line < 0 ? left.length : line;
  return `the HTML differs in line ${at + 1}:\n    expected ${JSON.stringify(left[at] ?? "nothing more")}\n    it is    ${JSON.stringify(right[at] ?? "nothing more")}`;
}
