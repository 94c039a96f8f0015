/** Two texts, line by line. */
import { lineDiff } from "./lineDiff.ts";

const signs = { same: " ", added: "+", removed: "-" } as const;

/** `label` says what is compared; texts that are too long to compare are shown as the second one is. */
export function TextDifference(props: {
  readonly label: string;
  readonly before: string;
  readonly after: string;
}) {
  const { label, before, after } = props;
  const lines = lineDiff(before, after) ?? after.split("\n").map((text) => ({ kind: "same" as const, text }));
  return (
    <pre tabIndex={0} aria-label={label} class="diff">
      {lines.map(({ kind, text }, at) => (
        <code key={at} class={kind}>{`${signs[kind]} ${text}\n`}</code>
      ))}
    </pre>
  );
}
