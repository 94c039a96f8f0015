/** The freshness board: the target and its error budget, how long events took over time, and the worst kinds. */
import { useMemo, useState } from "preact/hooks";
import type { FreshnessAnswer, StageTimes } from "../../src/admin/api/auditWire.ts";
import { get } from "./api.ts";
import { Chart, type Line } from "./chart.tsx";
import { Data, Failure, Table } from "./pieces.tsx";
import { usePolled } from "./polled.ts";
import { countText, durationText, numberText } from "./words.ts";

const ranges = [
  ["6h", "the last 6 hours"],
  ["1d", "the last day"],
  ["7d", "the last 7 days"],
  ["28d", "the last 28 days"],
] as const;

const stageWords: Readonly<Record<string, readonly [title: string, short: string]>> = {
  lag: ["From when it happened to its receipt", "Lag"],
  visible: ["From its receipt until it can be read", "Visible"],
  fed: ["From its receipt until a feed told it", "Fed"],
  delivered: ["From what it changed until a destination took that", "Delivered"],
};

export function FreshnessSection() {
  const [range, setRange] = useState("1d");
  const { answer, error } = usePolled(
    (options) => get<FreshnessAnswer>("freshness", { range }, options),
    () => false,
    [range],
  );
  return (
    <>
      <h1>Freshness</h1>
      <p>How long events take until they can be read and are fed, by source and event.</p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : (
        <>
          <Target target={answer.target} />
          <div class="fields">
            <label>
              Show
              <select value={range} onChange={(event) => setRange(event.currentTarget.value)}>
                {ranges.map(([name, words]) => (
                  <option key={name} value={name}>
                    {words}
                  </option>
                ))}
              </select>
            </label>
          </div>
          {answer.points.length === 0 ? <p>No event came in that time.</p> : <Board answer={answer} />}
        </>
      )}
    </>
  );
}

function Target({ target }: { readonly target: FreshnessAnswer["target"] }) {
  const { stage, withinMs, share, windowMs, events, late, budget, burnHour, burnWindow, days } = target;
  const promise = stage === "fed" ? "told by a feed" : "readable";
  const used = budget === 0 ? (late === 0 ? 0 : 1) : late / budget;
  return (
    <section aria-labelledby="target">
      <h2 id="target">Target</h2>
      <p>
        {Math.round(share * 1e5) / 1e3} % of the events of {durationText(windowMs)} are {promise} within{" "}
        {durationText(withinMs)} of their receipt. The others are the error budget.
      </p>
      <dl class="tiles">
        <div>
          <dt>Events in the window</dt>
          <dd>{countText(events)}</dd>
        </div>
        <div>
          <dt>Too late</dt>
          <dd>{countText(late)}</dd>
        </div>
        <div>
          <dt>Budget used</dt>
          <dd class={used > 1 ? "over" : undefined}>{`${Math.round(used * 100)} %`}</dd>
        </div>
        <div>
          <dt>Burn in the last hour</dt>
          <dd class={(burnHour ?? 0) > 1 ? "over" : undefined}>{burnText(burnHour)}</dd>
        </div>
        <div>
          <dt>Burn in the window</dt>
          <dd class={(burnWindow ?? 0) > 1 ? "over" : undefined}>{burnText(burnWindow)}</dd>
        </div>
      </dl>
      <p>
        <small>
          A burn of 1 uses the budget up exactly at the end of the window. An alert is raised while it burns
          14 times too fast.
        </small>
      </p>
      <Burn days={days} share={share} />
    </section>
  );
}

function burnText(burn: number | null): string {
  return burn === null ? "–" : `${numberText(burn)} ×`;
}

/** What each day used of its own part of the budget. */
function Burn({ days, share }: Pick<FreshnessAnswer["target"], "days" | "share">) {
  const drawn = useMemo(
    () => ({
      times: days.map(({ at }) => Date.parse(at) / 1_000),
      lines: [
        {
          name: "burn",
          color: "--line-4",
          values: days.map(({ events, late }) => (events === 0 ? null : late / events / (1 - share))),
        },
      ] as const,
    }),
    [days, share],
  );
  if (days.length < 2) return null;
  return <Chart title="Burn by day" unit="×" times={drawn.times} lines={drawn.lines} ticks="day" />;
}

function Board({ answer }: { readonly answer: FreshnessAnswer }) {
  const { stages, points, kinds, range } = answer;
  const drawn = useMemo(
    () =>
      stages.map((stage) => ({
        stage,
        lines: (["p50", "p95", "p99"] as const).map((name, index): Line => ({
          name,
          color: (["--line-2", "--line-1", "--line-3"] as const)[index] ?? "--line-1",
          values: points.map((point) => point.stages[stage]?.[name] ?? null),
        })),
      })),
    [answer],
  );
  const times = useMemo(() => points.map(({ at }) => Date.parse(at) / 1_000), [answer]);
  const ticks = range === "6h" || range === "1d" ? "clock" : "day";
  return (
    <>
      <div class="charts">
        {drawn.map(({ stage, lines }) => (
          <Chart
            key={`${stage} ${ticks}`}
            title={stageWords[stage]?.[0] ?? stage}
            unit="ms"
            times={times}
            lines={lines}
            ticks={ticks}
          />
        ))}
      </div>
      <section aria-labelledby="worst">
        <h2 id="worst">By source and event, the worst first</h2>
        <Table
          label="By source and event, the worst first"
          head={[
            "Event",
            "Source",
            "Events",
            "Too late",
            ...stages.map((stage) => stageWords[stage]?.[1] ?? stage),
          ]}
        >
          {kinds.map(({ source, event, late, stages: of }) => (
            <tr key={`${source} ${event}`}>
              <th scope="row">{event === "(other)" ? "further events" : <Data>{event}</Data>}</th>
              <td>
                <Data>{source}</Data>
              </td>
              <td>{countText(Math.max(...Object.values(of).map(({ count }) => count)))}</td>
              <td>{countText(late)}</td>
              {stages.map((stage) => (
                <td key={stage}>
                  <Times times={of[stage]} />
                </td>
              ))}
            </tr>
          ))}
        </Table>
        <p>
          <small>The middle one, 95 and 99 of a hundred. Of very many events a sample is looked at.</small>
        </p>
      </section>
    </>
  );
}

function Times({ times }: { readonly times: StageTimes | undefined }) {
  if (times === undefined) return <>–</>;
  const text = (value: number | null) => (value === null ? "–" : durationText(value));
  return (
    <>
      {text(times.p50)} · {text(times.p95)} · {text(times.p99)}
    </>
  );
}
