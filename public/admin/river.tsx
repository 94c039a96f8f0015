/** The river: how much flows, how fast, from where, what is wrong. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { AlertLine, RiverAnswer, Word } from "../../src/admin/api/adminWire.ts";
import { AlertBook } from "./alerts.tsx";
import { get } from "./api.ts";
import { Chart } from "./chart.tsx";
import { Newest } from "./newest.tsx";
import { Ago, Data, Failure } from "./pieces.tsx";
import { column, grown, newestPoint, type RiverData } from "./riverData.ts";
import { link } from "./route.ts";
import { Follows, Sources } from "./sources.tsx";
import { countText } from "./words.ts";

const pollMs = 1_000;
const pollWhenFailedMs = 3_000;

/** Asks once a second while the page is looked at. */
function useRiver(): { readonly data: RiverData | null; readonly error: unknown } {
  const [data, setData] = useState<RiverData | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let held: RiverData | null = null;
    let timer = 0;
    const abort = new AbortController();
    const ask = async () => {
      let waitMs = pollMs;
      try {
        if (!document.hidden) {
          const query = held === null ? {} : { after: newestPoint(held), afterSeq: held.latest.head };
          held = grown(
            held,
            await get<RiverAnswer>("river", query, { signal: abort.signal, isBackground: true }),
          );
          setData(held);
          setError(null);
        }
      } catch (caught) {
        if (abort.signal.aborted) return;
        setError(caught);
        waitMs = pollWhenFailedMs;
      }
      timer = setTimeout(ask, waitMs);
    };
    ask().catch(setError);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, []);
  return { data, error };
}

export function RiverSection() {
  const { data, error } = useRiver();
  return (
    <>
      <h1>River</h1>
      {error === null ? null : <Failure error={error} />}
      {data === null ? <p aria-busy="true">Reading…</p> : <River data={data} />}
    </>
  );
}

function River({ data }: { readonly data: RiverData }) {
  const { latest } = data;
  const nowMs = Date.parse(latest.now);
  return (
    <>
      <Words words={latest.words} alerts={latest.alerts} nowMs={nowMs} />
      <dl class="tiles">
        <Tile name="Events since the start" value={countText(latest.totals.events)} />
        <Tile name="Repeats" value={countText(latest.totals.repeated)} />
        <Tile name="Refused" value={countText(latest.totals.refused)} href={link("quarantine")} />
        <Tile name="Feed readers" value={countText(latest.streams)} />
      </dl>
      <Charts data={data} />
      <h2>Sources</h2>
      <Sources list={latest.sources} nowMs={nowMs} />
      <Follows list={latest.follows} nowMs={nowMs} />
      <AlertBook raised={latest.alerts.length} />
      <Newest events={data.newest} />
    </>
  );
}

function Words(props: {
  readonly words: readonly Word[];
  readonly alerts: readonly AlertLine[];
  readonly nowMs: number;
}) {
  const { alerts, nowMs } = props;
  const words = alerts.length === 0 ? props.words : props.words.filter(({ level }) => level !== "good");
  return (
    <div role="status" aria-label="State of the river">
      <ul class="words">
        {alerts.map(({ id, sentence, raisedAt }) => (
          <li key={id} class="wrong">
            <strong>
              <Data>{sentence}</Data>
            </strong>{" "}
            Since <Ago at={raisedAt} nowMs={nowMs} />.
          </li>
        ))}
        {words.map(({ level, sentence, hint }) => (
          <li key={sentence} class={level}>
            <strong>{sentence}</strong> {hint}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Tile({
  name,
  value,
  href,
}: {
  readonly name: string;
  readonly value: string;
  readonly href?: string;
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{href === undefined ? value : <a href={href}>{value}</a>}</dd>
    </div>
  );
}

const stages = ["committed", "visible", "fed"] as const;

function Charts({ data }: { readonly data: RiverData }) {
  const [isDay, setDay] = useState(false);
  const { columns } = data.latest;
  const points = isDay ? data.minutes : data.seconds;
  const drawn = useMemo(() => {
    const of = (name: string) => column(points, columns, name);
    return {
      times: of("atMs").map((atMs) => (atMs ?? 0) / 1_000),
      rates: [
        { name: "received", color: "--line-1", values: of("events") },
        { name: "readable", color: "--line-2", values: of("visible") },
        { name: "fed", color: "--line-3", values: of("fed") },
        { name: "refused", color: "--line-4", values: of("refused") },
      ] as const,
      stages: stages.map((stage) => [
        { name: "p50", color: "--line-2", values: of(`${stage}P50`) } as const,
        { name: "p95", color: "--line-1", values: of(`${stage}P95`) } as const,
        { name: "p99", color: "--line-4", values: of(`${stage}P99`) } as const,
      ]),
    };
  }, [points, columns]);
  return (
    <section aria-label="Rates and latencies">
      <fieldset class="choice">
        <legend class="unseen">Time shown</legend>
        {(["15 minutes", "24 hours"] as const).map((name, index) => (
          <label key={name}>
            <input
              type="radio"
              name="span"
              checked={isDay === (index === 1)}
              onChange={() => setDay(index === 1)}
            />
            {name}
          </label>
        ))}
      </fieldset>
      {points.length === 0 ? (
        <p>The first point comes after {isDay ? "a minute" : "a second"}.</p>
      ) : (
        <div class="charts">
          <Chart title="Events" unit="per second" times={drawn.times} lines={drawn.rates} />
          <Chart title="From receipt to disk" unit="ms" times={drawn.times} lines={drawn.stages[0] ?? []} />
          <Chart
            title="From receipt to readable"
            unit="ms"
            times={drawn.times}
            lines={drawn.stages[1] ?? []}
          />
          <Chart
            title="From receipt to the first feed reader"
            unit="ms"
            times={drawn.times}
            lines={drawn.stages[2] ?? []}
          />
        </div>
      )}
      <small>
        Latencies are of whole requests and right to within a bucket (½–2×). The last chart stays empty while
        nobody reads the feed.
      </small>
    </section>
  );
}
