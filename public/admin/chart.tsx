/** One live chart: lines over time. Who can't see it reads the newest values in words. */
import { useEffect, useRef } from "preact/hooks";
import uPlot from "uplot";
import { numberText } from "./words.ts";

export interface Line {
  readonly name: string;
  /** The line's colour, as a custom property of the style sheet. */
  readonly color: `--${string}`;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  readonly unit: string;
  /** Seconds since the epoch, growing. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** What stands below the chart; `day`: dates, of days in UTC. */
  readonly ticks?: "clock" | "day";
}

const heightPx = 200;

export function Chart({ title, unit, times, lines, ticks = "clock" }: ChartProps) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const shape = lines.map(({ name }) => name).join();
  useEffect(() => {
    const { current } = place;
    if (current === null) return undefined;
    const draw = () => {
      plot.current?.destroy();
      plot.current = new uPlot(optionsOf(current, unit, lines, ticks), dataOf(times, lines), current);
    };
    draw();
    const dark = matchMedia("(prefers-color-scheme: dark)");
    const sizes = new ResizeObserver(() =>
      plot.current?.setSize({ width: current.clientWidth, height: heightPx }),
    );
    dark.addEventListener("change", draw);
    sizes.observe(current);
    return () => {
      dark.removeEventListener("change", draw);
      sizes.disconnect();
      plot.current?.destroy();
      plot.current = null;
    };
  }, [shape, unit]);
  useEffect(() => {
    plot.current?.setData(dataOf(times, lines));
  }, [times, lines]);
  const now = lines.map(({ name, values }) => `${name} ${numberText(values.at(-1) ?? null)}`).join(", ");
  return (
    <figure class="chart">
      <figcaption>
        {title} <small>({unit})</small>
      </figcaption>
      <div ref={place} role="img" aria-label={`${title}, now: ${now} ${unit}`} />
      <ul class="legend" aria-hidden="true">
        {lines.map(({ name, color, values }) => (
          <li key={name}>
            <span class={`dot ${color.slice(2)}`} /> {name} <b>{numberText(values.at(-1) ?? null)}</b>
          </li>
        ))}
      </ul>
    </figure>
  );
}

function optionsOf(
  place: HTMLElement,
  unit: string,
  lines: readonly Line[],
  ticks: "clock" | "day",
): uPlot.Options {
  const style = getComputedStyle(place);
  const color = (name: string) => style.getPropertyValue(name).trim();
  const axis: uPlot.Axis = {
    stroke: color("--pico-muted-color"),
    grid: { stroke: color("--pico-muted-border-color"), width: 1 },
    ticks: { show: false },
    font: "12px system-ui",
  };
  return {
    width: place.clientWidth,
    height: heightPx,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(1, (most ?? 0) * 1.1)] } },
    axes: [
      {
        ...axis,
        space: 80,
        size: 28,
        ...(ticks === "day" ? { incrs: dayIncrements } : {}),
        values: (_plot, splits) => (ticks === "day" ? dayTexts(splits) : clockTexts(splits)),
      },
      { ...axis, size: 56, values: (_plot, splits) => splits.map(numberText) },
    ],
    series: [
      {},
      ...lines.map(({ name, color: property }) => ({
        label: `${name} (${unit})`,
        stroke: color(property),
        width: 1.5,
        points: { show: true, size: 4, filter: loneDots },
        spanGaps: false,
      })),
    ],
  };
}

/** A value between two gaps makes no line: it is drawn as a dot. */
function loneDots(plot: uPlot, series: number): number[] {
  const values = plot.data[series] ?? [];
  const isGap = (at: number) => (values[at] ?? null) === null;
  return Array.from(values, (_value, at) => at).filter((at) => !isGap(at) && isGap(at - 1) && isGap(at + 1));
}

function dataOf(times: readonly number[], lines: readonly Line[]): uPlot.AlignedData {
  return [[...times], ...lines.map(({ values }) => [...values])];
}

const daySeconds = 86_400;
const dayIncrements = [1, 2, 7, 14, 28].map((days) => days * daySeconds);

function dayTexts(ticks: readonly number[]): string[] {
  const form = { day: "numeric", month: "short", timeZone: "UTC" } as const;
  return ticks.map((seconds) => new Date(seconds * 1_000).toLocaleDateString(undefined, form));
}

/** Times of day; with seconds only where a tick is not at a full minute. */
function clockTexts(ticks: readonly number[]): string[] {
  const short = { hour: "2-digit", minute: "2-digit" } as const;
  const isFine = ticks.some((seconds) => seconds % 60 !== 0);
  const form = isFine ? { ...short, second: "2-digit" as const } : short;
  return ticks.map((seconds) => new Date(seconds * 1_000).toLocaleTimeString(undefined, form));
}
