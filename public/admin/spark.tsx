/** A small chart of steps: each value holds until the next. Who can't see it reads the label, and the list beside it. */

export interface Step {
  /** Milliseconds since the epoch, never falling. */
  readonly atMs: number;
  /** Null: none, a gap. */
  readonly value: number | null;
}

interface SparkProps {
  readonly label: string;
  readonly steps: readonly Step[];
  /** Where the chart begins and ends, milliseconds. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly size?: "small" | "large";
}

const sizes = { small: [140, 28], large: [640, 160] } as const;
const marginPx = 2;

/** A number over time. */
export function Spark({ label, steps, fromMs, toMs, size = "small" }: SparkProps) {
  const [width, height] = sizes[size];
  const values = steps.map(({ value }) => value).filter((value) => value !== null);
  const least = Math.min(...values, size === "large" ? 0 : Infinity);
  const most = Math.max(...values);
  const x = scale(fromMs, toMs, marginPx, width - marginPx);
  const y = scale(least, most, height - marginPx, marginPx);
  const flat = height / 2;
  let path = "";
  let isOpen = false;
  for (const [index, { atMs, value }] of steps.entries()) {
    const untilMs = steps[index + 1]?.atMs ?? toMs;
    if (value !== null) {
      const level = most === least ? flat : y(value);
      path += `${isOpen ? "L" : "M"}${round(x(atMs))} ${round(level)}H${round(x(untilMs))}`;
    }
    isOpen = value !== null;
  }
  return (
    <svg
      class={`spark ${size}`}
      viewBox={`0 0 ${width} ${height}`}
      preserveAspectRatio="none"
      role="img"
      aria-label={label}
    >
      <path d={path} />
    </svg>
  );
}

/** Values that are no numbers: a bar for each, as long as it held; equal values have the same colour. */
export function Bars(props: {
  readonly label: string;
  readonly steps: readonly { readonly atMs: number; readonly text: string | null }[];
  readonly fromMs: number;
  readonly toMs: number;
}) {
  const { label, steps, fromMs, toMs } = props;
  const [width, height] = sizes.small;
  const x = scale(fromMs, toMs, marginPx, width - marginPx);
  const kinds = [...new Set(steps.map(({ text }) => text).filter((text) => text !== null))];
  return (
    <svg class="spark small" viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}>
      {steps.map(({ atMs, text }, index) => {
        const from = x(atMs);
        const to = x(steps[index + 1]?.atMs ?? toMs);
        return text === null ? null : (
          <rect
            key={index}
            class={`kind-${kinds.indexOf(text) % 4}`}
            x={round(from)}
            y={6}
            width={round(Math.max(1.5, to - from - 1))}
            height={height - 12}
          />
        );
      })}
    </svg>
  );
}

/** Maps a span onto another; what has no length is put at its end. */
function scale(from: number, to: number, low: number, high: number): (value: number) => number {
  return (value) => (to <= from ? high : low + ((value - from) / (to - from)) * (high - low));
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
