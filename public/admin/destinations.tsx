/** Destinations: how each stands, and one with its latency, its dead letters, and what may be done. */
import { useState } from "preact/hooks";
import type {
  DestinationActAnswer,
  DestinationAnswer,
  DestinationsAnswer,
} from "../../src/admin/api/deliveryWire.ts";
import type { DestinationReport } from "../../src/esp/deliver/reports.ts";
import { get, post } from "./api.ts";
import { Chart } from "./chart.tsx";
import { DeadLetters } from "./deadLetters.tsx";
import { adviceOf, lagText, stateWords } from "./deliveryWords.ts";
import { act, Ago, Data, Failure, Table } from "./pieces.tsx";
import { usePolled } from "./polled.ts";
import { go, link, route } from "./route.ts";
import { countText, durationText } from "./words.ts";

export function DestinationsSection() {
  const [name = ""] = route.value.rest;
  return name === "" ? <List /> : <One key={name} name={name} />;
}

const never = () => false;

function List() {
  const { answer, error } = usePolled(
    (options) => get<DestinationsAnswer>("destinations", {}, options),
    never,
    [],
  );
  return (
    <>
      <h1>Destinations</h1>
      <p>
        Where profiles, events and messages are sent to. Each has its own place in the change log: one that is
        slow delays no other.
      </p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : answer.destinations.length === 0 ? (
        <p>
          There is none yet: name one under <code>destinations:</code> in freshet.yaml.
        </p>
      ) : (
        <Table
          label="Destinations"
          head={["Destination", "State", "Lag", "Taken", "Failed", "Waiting", "Dead letters", "Last error"]}
        >
          {answer.destinations.map((one) => (
            <Row key={one.name} one={one} />
          ))}
        </Table>
      )}
    </>
  );
}

function Row({ one }: { readonly one: DestinationReport }) {
  const { kind, words } = stateWords(one);
  return (
    <tr>
      <th scope="row">
        <a href={link("destinations", one.name)}>
          <Data>{one.name}</Data>
        </a>{" "}
        <small>
          {one.type}
          {one.namespace === "test" ? ", test" : ""}
        </small>
      </th>
      <td class={kind}>
        <Data>{words}</Data>
      </td>
      <td>{lagText(one)}</td>
      <td>{countText(one.acknowledged)}</td>
      <td>{countText(one.failed)}</td>
      <td>{countText(waitingOf(one))}</td>
      <td>{countText(one.deadLetters)}</td>
      <td>{one.lastError === null ? "none" : <Data>{one.lastError.reason}</Data>}</td>
    </tr>
  );
}

function One({ name }: { readonly name: string }) {
  const [range, setRange] = useState<"hour" | "day">("hour");
  const { answer, error, again } = usePolled(
    (options) => get<DestinationAnswer>("destination", { name, range }, options),
    never,
    [name, range],
  );
  return (
    <>
      <p class="back">
        <a href={link("destinations")}>All destinations</a>
      </p>
      <h1>
        <Data>{name}</Data>
      </h1>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : (
        <>
          <Words one={answer.destination} />
          <Tiles one={answer.destination} />
          {answer.destination.state === "removed" ? (
            <Forget one={answer.destination} />
          ) : (
            <>
              <Acts one={answer.destination} onDone={again} />
              <History history={answer.history} range={range} onRange={setRange} />
            </>
          )}
          <DeadLetters name={name} count={answer.destination.deadLetters} onDone={again} />
        </>
      )}
    </>
  );
}

function Words({ one }: { readonly one: DestinationReport }) {
  const { kind, words, advice } = stateWords(one);
  const { lastError, backfill, drift } = one;
  return (
    <ul class="words" aria-label="State">
      <li class={kind === "good" ? "" : kind}>
        <strong>
          <Data>{words}</Data>.
        </strong>{" "}
        {advice}
        {one.state === "removed" ? null : (
          <>
            {" "}
            It can {one.can.join(", ")}; last sent <Ago at={timeOf(one.lastSentAtMs)} nowMs={Date.now()} />.
          </>
        )}
      </li>
      {backfill === null || backfill.doneAtMs !== null ? null : (
        <li class="slow">
          Everybody is sent once: {Math.floor(backfill.share * 100)} %, {countText(backfill.rows)} profiles so
          far
          {backfill.etaMs === null ? "" : `, about ${durationText(backfill.etaMs)} to go`}.
        </li>
      )}
      {drift === null || drift.sampled === 0 ? null : (
        <li class={drift.drifted === 0 ? "" : "slow"}>
          Compared <Ago at={timeOf(drift.atMs)} nowMs={Date.now()} /> with what it has:{" "}
          {countText(drift.drifted)} of {countText(drift.sampled)} profiles differ from what it acknowledged
          {drift.drifted === 0 ? "" : ` (${fieldsText(drift.fields)})`}.
        </li>
      )}
      {lastError === null ? null : (
        <li class="slow">
          Last error <Ago at={timeOf(lastError.atMs)} nowMs={Date.now()} />, at {lastError.operation}:{" "}
          <Data>{lastError.reason}</Data>. {adviceOf(lastError.status)}
        </li>
      )}
    </ul>
  );
}

/** Fields that differ, the most frequent first. */
function fieldsText(fields: Readonly<Record<string, number>>): string {
  const sorted = Object.entries(fields).toSorted(([, one], [, other]) => other - one);
  return sorted
    .slice(0, 5)
    .map(([field, count]) => `${field} ${countText(count)}`)
    .join(", ");
}

function Tiles({ one }: { readonly one: DestinationReport }) {
  const { queue } = one;
  const tiles: readonly (readonly [string, string])[] = [
    ["Lag, changes", countText(one.lag.changes)],
    ["Lag, age", one.lag.ms === 0 ? "none" : durationText(one.lag.ms)],
    ["Taken since the start", countText(one.acknowledged)],
    ["Failed since the start", countText(one.failed)],
    ["Waiting: messages", countText(queue.transactional)],
    ["Waiting: what people do", countText(queue.behavioural)],
    ["Waiting: backfill", countText(queue.batch)],
    ["Jobs on the other side", countText(one.jobs)],
  ];
  return (
    <dl class="tiles">
      {tiles.map(([title, text]) => (
        <div key={title}>
          <dt>{title}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

function Acts({ one, onDone }: { readonly one: DestinationReport; readonly onDone: () => void }) {
  const { name, state, can } = one;
  const [said, setSaid] = useState("");
  const [error, setError] = useState<unknown>(null);
  const [asked, setAsked] = useState(false);
  const run = async (what: string) => {
    setError(null);
    setAsked(false);
    setSaid("One moment…");
    try {
      setSaid(saidOf(what, await post<DestinationActAnswer>("destination/act", { act: what, name })));
      onDone();
    } catch (caught) {
      setSaid("");
      setError(caught);
    }
  };
  const button = (what: string, title: string) => (
    <button type="button" class="quiet" onClick={act(() => run(what))}>
      {title}
    </button>
  );
  return (
    <>
      <div class="act">
        {state === "paused" || state === "stopped" || state === "held" ? button("resume", "Resume") : null}
        {state === "paused" ? null : button("pause", "Pause")}
        {button("test", "Test credentials")}
        {can.includes("readBack") ? button("drift", "Compare 50 profiles with what it has") : null}
        {can.includes("readBack") ? button("repair", "Compare, and send what differs again") : null}
        {can.includes("upsert") ? (
          asked ? (
            button("refill", "Yes, look at every profile again")
          ) : (
            <button type="button" class="quiet" onClick={() => setAsked(true)}>
              Send everybody again…
            </button>
          )
        ) : null}
      </div>
      <p role="status">{said}</p>
      {error === null ? null : <Failure error={error} />}
    </>
  );
}

/** A destination that freshet.yaml names no more is thrown away with all that waits for it. */
function Forget({ one }: { readonly one: DestinationReport }) {
  const [asked, setAsked] = useState(false);
  const [said, setSaid] = useState("");
  const [error, setError] = useState<unknown>(null);
  const waiting = waitingOf(one) + one.deadLetters;
  const run = async () => {
    setError(null);
    try {
      const given = await post<DestinationActAnswer>("destination/act", { act: "forget", name: one.name });
      if (given.kind === "problem") setSaid(`That did not work: ${given.problem}.`);
      else go("destinations");
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <>
      <div class="act">
        {asked ? (
          <button type="button" class="danger" onClick={act(run)}>
            Yes, throw away {countText(waiting)} that wait
          </button>
        ) : (
          <button type="button" class="quiet" onClick={() => setAsked(true)}>
            Forget it…
          </button>
        )}
      </div>
      <p role="status">{said}</p>
      {error === null ? null : <Failure error={error} />}
    </>
  );
}

function waitingOf({ queue }: DestinationReport): number {
  return queue.transactional + queue.behavioural + queue.batch;
}

function saidOf(what: string, answer: DestinationActAnswer): string {
  switch (answer.kind) {
    case "problem":
      return `That did not work: ${answer.problem}.`;
    case "tested":
      return `${answer.report.isGood === true ? "Good: " : ""}${answer.report.sentence}.`;
    case "drift": {
      const { report } = answer;
      if (report === null) return "It can't be read back.";
      if (report.sampled === 0)
        return "Nothing could be compared: a profile is from five minutes after it was acknowledged on.";
      const again = report.repaired === 0 ? "" : ` ${report.repaired} are sent again.`;
      return `${report.drifted} of ${report.sampled} profiles differ there from what it acknowledged.${again}`;
    }
    case "done":
      return what === "pause"
        ? "Paused."
        : what === "resume"
          ? "Resumed."
          : "Begun: only what differs is sent.";
  }
}

function History({
  history,
  range,
  onRange,
}: {
  readonly history: DestinationAnswer["history"];
  readonly range: "hour" | "day";
  readonly onRange: (range: "hour" | "day") => void;
}) {
  const times = history.map(({ atMs }) => atMs / 1_000);
  const rate = (count: number, spanMs: number) => (count * 60_000) / spanMs;
  return (
    <section aria-labelledby="history">
      <h2 id="history">Lately</h2>
      <label class="narrow">
        Shown
        <select
          value={range}
          onChange={(event) => onRange(event.currentTarget.value === "day" ? "day" : "hour")}
        >
          <option value="hour">the last hour, every ten seconds</option>
          <option value="day">the last day, by minute</option>
        </select>
      </label>
      {history.length === 0 ? (
        <p>Nothing was sent in that time since the server was started.</p>
      ) : (
        <div class="charts">
          <Chart
            title="From event to acknowledged"
            unit="ms"
            times={times}
            lines={[
              { name: "half", color: "--line-1", values: history.map(({ p50 }) => p50) },
              { name: "95 %", color: "--line-2", values: history.map(({ p95 }) => p95) },
              { name: "99 %", color: "--line-3", values: history.map(({ p99 }) => p99) },
            ]}
          />
          <Chart
            title="Rows"
            unit="a minute"
            times={times}
            lines={[
              {
                name: "taken",
                color: "--line-2",
                values: history.map(({ acknowledged, spanMs }) => rate(acknowledged, spanMs)),
              },
              {
                name: "failed",
                color: "--line-4",
                values: history.map(({ failed, spanMs }) => rate(failed, spanMs)),
              },
            ]}
          />
        </div>
      )}
    </section>
  );
}

function timeOf(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
