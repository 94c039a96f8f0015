/** What is another between two texts, line by line. */

export interface DiffLine {
  readonly kind: "same" | "added" | "removed";
  readonly text: string;
}

/** Longer texts are not compared: the table below grows with the product of both. */
const maxLines = 3_000;

/** The lines of both texts in order, those that they share once; null where they are too long. */
export function lineDiff(before: string, after: string): readonly DiffLine[] | null {
  const [was, is] = [before.split("\n"), after.split("\n")];
  if (was.length > maxLines || is.length > maxLines) return null;
  const shared = sharedLengths(was, is);
  const lines: DiffLine[] = [];
  const width = is.length + 1;
  let [old, now] = [0, 0];
  while (old < was.length || now < is.length) {
    const [wasLine, isLine] = [was[old], is[now]];
    if (wasLine !== undefined && wasLine === isLine) {
      lines.push({ kind: "same", text: wasLine });
      old += 1;
      now += 1;
    } else if (
      isLine === undefined ||
      (wasLine !== undefined &&
        (shared[(old + 1) * width + now] ?? 0) >= (shared[old * width + now + 1] ?? 0))
    ) {
      lines.push({ kind: "removed", text: wasLine ?? "" });
      old += 1;
    } else {
      lines.push({ kind: "added", text: isLine });
      now += 1;
    }
  }
  return lines;
}

/** Of each pair of places, how many lines can be shared from there on. */
function sharedLengths(was: readonly string[], is: readonly string[]): Uint16Array {
  const width = is.length + 1;
  const lengths = new Uint16Array((was.length + 1) * width);
  for (let old = was.length - 1; old >= 0; old -= 1)
    for (let now = is.length - 1; now >= 0; now -= 1)
      lengths[old * width + now] =
        was[old] === is[now]
          ? (lengths[(old + 1) * width + now + 1] ?? 0) + 1
          : Math.max(lengths[(old + 1) * width + now] ?? 0, lengths[old * width + now + 1] ?? 0);
  return lengths;
}
