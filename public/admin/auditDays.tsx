/** Days of one kind of event, and of one trait, as charts. */
import { useMemo } from "preact/hooks";
import type { DaysAnswer, TraitDaysAnswer } from "../../src/admin/api/auditWire.ts";
import { get } from "./api.ts";
import { Chart, type Line } from "./chart.tsx";
import { Data, Failure, useAnswer } from "./pieces.tsx";
import { go, link } from "./route.ts";

interface EventProps {
  readonly source: string;
  /** Empty: all of the source. */
  readonly event: string;
  /** Empty: none. */
  readonly property: string;
}

export function EventDays({ source, event, property }: EventProps) {
  const asked = property === "" ? null : property;
  const { answer, error } = useAnswer(
    (signal) => get<DaysAnswer>("audits/days", { source, event, property: asked }, { signal }),
    [source, event, property],
  );
  return (
    <>
      <p>
        <a href={link("audits")}>Audits</a>
      </p>
      <h2>
        {event === "" ? (
          <>
            All of <Data>{source}</Data>
          </>
        ) : (
          <>
            <Data>{event}</Data> from <Data>{source}</Data>
          </>
        )}
      </h2>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : answer.days.length === 0 ? (
        <p>Nothing of it came in the last weeks.</p>
      ) : (
        <Days answer={answer} property={property} />
      )}
    </>
  );
}

function Days({ answer, property }: { readonly answer: DaysAnswer; readonly property: string }) {
  const { source, event, days, properties } = answer;
  const drawn = useMemo(() => {
    const line = (
      name: string,
      color: Line["color"],
      of: (day: DaysAnswer["days"][number]) => number | null,
    ): Line => ({
      name,
      color,
      values: days.map(of),
    });
    return {
      times: days.map(({ at }) => Date.parse(at) / 1_000),
      volume: [
        line("events", "--line-1", (day) => day.count),
        line("people", "--line-2", (day) => day.people),
      ],
      duplicates: [line("twice", "--line-4", (day) => day.duplicates)],
      missing: [line("missing", "--line-4", (day) => day.property?.missing ?? null)],
      distinct: [line("different values", "--line-3", (day) => day.property?.distinct ?? null)],
      types: typesIn(days).map((type, index) =>
        line(
          type,
          (["--line-1", "--line-2", "--line-3", "--line-4"] as const)[index % 4] ?? "--line-1",
          (day) => (day.property === null ? null : (day.property.types[type] ?? 0)),
        ),
      ),
    };
  }, [answer]);
  return (
    <>
      <div class="charts">
        <Chart title="Events and people" unit="a day" times={drawn.times} lines={drawn.volume} ticks="day" />
        <Chart
          title="Events that came twice"
          unit="%"
          times={drawn.times}
          lines={drawn.duplicates}
          ticks="day"
        />
      </div>
      {properties.length === 0 ? null : (
        <div class="fields">
          <label>
            Property
            <select
              value={property}
              onChange={(changed) => go("audits", "event", source, event, changed.currentTarget.value)}
            >
              <option value="">none</option>
              {properties.map((name) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {property === "" ? null : (
        <div class="charts">
          <Chart
            title={`${property}: missing`}
            unit="%"
            times={drawn.times}
            lines={drawn.missing}
            ticks="day"
          />
          <Chart
            title={`${property}: different values`}
            unit="a day"
            times={drawn.times}
            lines={drawn.distinct}
            ticks="day"
          />
          <Chart title={`${property}: types`} unit="%" times={drawn.times} lines={drawn.types} ticks="day" />
        </div>
      )}
    </>
  );
}

function typesIn(days: DaysAnswer["days"]): readonly string[] {
  return [...new Set(days.flatMap(({ property }) => Object.keys(property?.types ?? {})))].sort();
}

export function TraitDays({ trait }: { readonly trait: string }) {
  const { answer, error } = useAnswer(
    (signal) => get<TraitDaysAnswer>("audits/trait", { trait }, { signal }),
    [trait],
  );
  const drawn = useMemo(() => {
    const days = answer?.days ?? [];
    const lines: Line[] = [
      { name: "have it", color: "--line-1", values: days.map(({ coverage }) => coverage) },
    ];
    if (days.some(({ stale }) => stale !== null))
      lines.push({
        name: "older than the max age",
        color: "--line-4",
        values: days.map(({ stale }) => stale),
      });
    return { times: days.map(({ at }) => Date.parse(at) / 1_000), lines };
  }, [answer]);
  return (
    <>
      <p>
        <a href={link("audits")}>Audits</a>
      </p>
      <h2>
        The trait <Data>{trait}</Data>
      </h2>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : answer.days.length === 0 ? (
        <p>Profiles were not looked at yet.</p>
      ) : (
        <Chart title="Profiles that have it" unit="%" times={drawn.times} lines={drawn.lines} ticks="day" />
      )}
    </>
  );
}
