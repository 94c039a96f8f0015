/** Audits: what was found in the newest one, what profiles have, what came by day, earlier audits. */
import { useState } from "preact/hooks";
import type {
  AuditRunAnswer,
  AuditsAnswer,
  FindingAnswer,
  RunAnswer,
} from "../../src/admin/api/auditWire.ts";
import { get, post } from "./api.ts";
import { FindingDetail } from "./auditFinding.tsx";
import { EventDays, TraitDays } from "./auditDays.tsx";
import { TraitTable } from "./auditTraits.tsx";
import { act, Ago, At, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { usePolled } from "./polled.ts";
import { go, link, route } from "./route.ts";
import { countText, durationText } from "./words.ts";

export function AuditsSection() {
  const [part = "", first = "", second = "", third = ""] = route.value.rest;
  return (
    <>
      <h1>Audits</h1>
      {part === "finding" ? (
        <FindingDetail key={`${first} ${second}`} run={first} name={second} />
      ) : part === "event" ? (
        <EventDays key={`${first} ${second}`} source={first} event={second} property={third} />
      ) : part === "trait" ? (
        <TraitDays key={first} trait={first} />
      ) : part === "run" ? (
        <OneRun key={first} id={first} />
      ) : (
        <Overview />
      )}
    </>
  );
}

function Overview() {
  const { answer, error, again } = usePolled(
    (options) => get<AuditsAnswer>("audits", {}, options),
    ({ progress }) => progress !== null,
    [],
  );
  return (
    <>
      <p>
        What comes is compared with the same weekday before, what profiles have with the day before, and what
        is kept with its seals and its events. {answer === null ? "" : whenText(answer.everyMs)}
      </p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : (
        <Found answer={answer} onBegun={again} />
      )}
    </>
  );
}

function whenText(everyMs: number): string {
  if (everyMs === 0) return "It is looked at when you ask.";
  return `Everything is looked at every ${everyMs === 3_600_000 ? "hour" : durationText(everyMs)}.`;
}

function Found({ answer, onBegun }: { readonly answer: AuditsAnswer; readonly onBegun: () => void }) {
  const { latest, seals, traits, segments, scannedAt, kinds, runs } = answer;
  return (
    <>
      <RunNow progress={answer.progress} onBegun={onBegun} />
      {latest === null ? (
        <p>Nothing was looked at yet: the first audit comes in the first minutes after the start.</p>
      ) : (
        <>
          <Tiles run={latest.run} rows={seals.rows} />
          <Findings run={latest.run} findings={latest.findings} />
        </>
      )}
      <Kinds kinds={kinds} />
      <section aria-labelledby="traits">
        <h2 id="traits">What profiles have</h2>
        {scannedAt === null ? (
          <p>Profiles were not looked at yet.</p>
        ) : (
          <TraitTable traits={traits} segments={segments} scannedAt={scannedAt} />
        )}
      </section>
      <Runs runs={runs} />
    </>
  );
}

function RunNow({ progress, onBegun }: { readonly progress: number | null; readonly onBegun: () => void }) {
  const [error, setError] = useState<unknown>(null);
  const [isBegun, setIsBegun] = useState(false);
  const begin = async () => {
    setError(null);
    try {
      await post("audits/run");
      setIsBegun(true);
      onBegun();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <>
      <div class="act">
        <button type="button" disabled={progress !== null} onClick={act(begin)}>
          Look now
        </button>
        <p role="status">
          {progress === null ? (isBegun ? "Done." : "") : `At work: ${Math.round(progress * 100)} %`}
        </p>
      </div>
      {error === null ? null : <Failure error={error} />}
    </>
  );
}

function Tiles({ run, rows }: { readonly run: RunAnswer; readonly rows: number }) {
  return (
    <dl class="tiles">
      <div>
        <dt>Found</dt>
        <dd>{countText(run.findings)}</dd>
      </div>
      <div>
        <dt>Looked at</dt>
        <dd>
          <Ago at={run.endedAt} nowMs={Date.now()} />
        </dd>
      </div>
      <div>
        <dt>Rows under seal</dt>
        <dd>{countText(rows)}</dd>
      </div>
      <div>
        <dt>Profiles made anew and compared</dt>
        <dd>{countText(run.foldsCompared)}</dd>
      </div>
    </dl>
  );
}

function Findings({
  run,
  findings,
}: {
  readonly run: RunAnswer;
  readonly findings: readonly FindingAnswer[];
}) {
  if (findings.length === 0)
    return (
      <ul class="words">
        <li>
          <strong>Nothing found.</strong> What came and what is kept is as it was.
        </li>
      </ul>
    );
  return (
    <ul class="words findings">
      {findings.map((finding) => (
        <li key={finding.key} class={finding.severity === "critical" ? "wrong" : "slow"}>
          {finding.severity === "critical" ? <strong>Critical. </strong> : null}
          <Data>{finding.sentence}</Data>
          <p>{finding.advice}</p>
          <p class="more">
            <a href={link("audits", "finding", String(run.id), finding.key)}>
              Look at it<span class="unseen">: {finding.key}</span>
            </a>{" "}
            <small>
              first met <At at={finding.firstSeenAt} /> · <Data>{finding.key}</Data>
            </small>
          </p>
        </li>
      ))}
      {run.left === 0 ? null : (
        <li class="slow">{countText(run.left)} further findings are not told one by one.</li>
      )}
    </ul>
  );
}

/** Which kinds of events there are charts of. */
function Kinds({ kinds }: { readonly kinds: AuditsAnswer["kinds"] }) {
  const sources = [...new Set(kinds.map(({ source }) => source))];
  const [chosen, setChosen] = useState("");
  const source = chosen === "" ? (sources[0] ?? "") : chosen;
  const events = kinds.filter((kind) => kind.source === source && kind.event !== "");
  if (sources.length === 0) return null;
  return (
    <section aria-labelledby="kinds">
      <h2 id="kinds">What came by day</h2>
      <div class="fields">
        <label>
          Source
          <select value={source} onChange={(event) => setChosen(event.currentTarget.value)}>
            {sources.map((name) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label>
          Event
          <select value="" onChange={(event) => go("audits", "event", source, event.currentTarget.value)}>
            <option value="" disabled>
              choose one
            </option>
            {events.map(({ event }) => (
              <option key={event} value={event}>
                {event}
              </option>
            ))}
          </select>
        </label>
        <a href={link("audits", "event", source)}>All of {source}</a>
      </div>
    </section>
  );
}

function Runs({ runs }: { readonly runs: readonly RunAnswer[] }) {
  if (runs.length < 2) return null;
  return (
    <section aria-labelledby="runs">
      <h2 id="runs">Earlier audits</h2>
      <Table label="Earlier audits" head={["When", "Found", "Profiles", "Asked for by"]}>
        {runs.slice(1).map(({ id, endedAt, findings, critical, profiles, cause }) => (
          <tr key={id}>
            <th scope="row">
              <a href={link("audits", "run", String(id))}>
                <At at={endedAt} />
              </a>
            </th>
            <td>
              {findings === 0 ? "nothing" : countText(findings)}
              {critical > 0 ? `, ${countText(critical)} critical` : ""}
            </td>
            <td>{profiles === null ? "not looked at" : countText(profiles)}</td>
            <td>{cause === "schedule" ? "the clock" : cause}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function OneRun({ id }: { readonly id: string }) {
  const { answer, error } = useAnswer(
    (signal) => get<AuditRunAnswer>("audits/run", { id }, { signal }),
    [id],
  );
  return (
    <>
      <p>
        <a href={link("audits")}>All audits</a>
      </p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : (
        <>
          <h2>
            Audit of <At at={answer.run.endedAt} />
          </h2>
          <Findings run={answer.run} findings={answer.findings} />
        </>
      )}
    </>
  );
}
