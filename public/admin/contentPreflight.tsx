/** What a send would be: begun here, counted by the server, shown as it comes. */
import { useEffect, useState } from "preact/hooks";
import type { PreflightJobAnswer } from "../../src/admin/api/contentWire.ts";
import type { SegmentsAnswer } from "../../src/admin/api/segmentWire.ts";
import { get, post } from "./api.ts";
import { act, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { agoText, countText, sizeText } from "./words.ts";

const pollMs = 500;
const everybody = "";
const ageNames = ["1 min", "1 h", "1 day", "7 days", "30 days", "90 days", "older"] as const;

export function Preflight({ block }: { readonly block: string }) {
  const { answer } = useAnswer((signal) => get<SegmentsAnswer>("segments", {}, { signal }), []);
  const [segment, setSegment] = useState(everybody);
  const [job, setJob] = useState<PreflightJobAnswer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const isRunning = job !== null && job.report === null && job.problem === null;
  useEffect(() => {
    if (!isRunning) return undefined;
    const timer = setInterval(
      act(async () => {
        const { job: now } = await get<{ job: PreflightJobAnswer | null }>(
          "content/preflight",
          {},
          { isBackground: true },
        );
        setJob(now);
      }),
      pollMs,
    );
    return () => clearInterval(timer);
  }, [isRunning]);
  const begin = async (event: Event) => {
    event.preventDefault();
    setError(null);
    try {
      const body = { block, segment: segment === everybody ? null : segment };
      setJob(await post<PreflightJobAnswer>("content/preflight", body));
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <section aria-labelledby="preflight">
      <h2 id="preflight">Before a send</h2>
      <form class="search" onSubmit={act(begin)}>
        <label>
          For
          <select value={segment} onChange={(event) => setSegment(event.currentTarget.value)}>
            <option value={everybody}>everybody</option>
            {(answer?.segments ?? []).map(({ name }) => (
              <option key={name} value={name}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <button type="submit" disabled={isRunning}>
          Render for all of them
        </button>
      </form>
      {error === null ? null : <Failure error={error} />}
      {job === null || job.block !== block ? (
        <p>Renders the block for everybody who would get it. Nothing is sent, and no receipts are left.</p>
      ) : (
        <Outcome job={job} />
      )}
    </section>
  );
}

function Outcome({ job }: { readonly job: PreflightJobAnswer }) {
  if (job.problem !== null)
    return (
      <p role="alert" class="failure">
        {job.problem}
      </p>
    );
  if (job.report === null)
    return (
      <p role="status">
        <progress value={job.progress} max={1} aria-label="Share that is done" />{" "}
        {Math.floor(job.progress * 100)} % done
      </p>
    );
  const { recipients, coverage, levels, reasons, needs, worst, load } = job.report;
  return (
    <div role="status">
      <p>
        <strong>{countText(recipients)}</strong> {job.segment === null ? "people" : "people in "}
        {job.segment === null ? null : <Data>{job.segment}</Data>}.{" "}
        <strong class={coverage < 0.95 ? "slow" : "good"}>{(coverage * 100).toFixed(1)} %</strong> would get
        the block itself, the others a fallback. A server's core makes about{" "}
        {countText(load.answersPerSecond)} a second; an e-mail's part has {sizeText(load.bytes.mean)}.
      </p>
      <Counts label="By level" counts={levels} total={recipients} />
      <Counts label="By reason" counts={reasons} total={recipients} />
      {Object.entries(needs).map(([name, { ages }]) => (
        <Ages key={name} name={name} ages={ages} />
      ))}
      {worst.length === 0 ? null : (
        <Table label="The worst" head={["Who", "Why", "Oldest value"]}>
          {worst.map(({ who, reason, oldestMs }) => (
            <tr key={who}>
              <th scope="row">
                <Data>{who}</Data>
              </th>
              <td>{reason ?? "live"}</td>
              <td>{oldestMs === null ? "–" : agoText(oldestMs)}</td>
            </tr>
          ))}
        </Table>
      )}
    </div>
  );
}

function Counts(props: {
  readonly label: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly total: number;
}) {
  const { label, counts, total } = props;
  return (
    <Table label={label} head={[label, "People", "Share"]}>
      {Object.entries(counts)
        .sort(([, left], [, right]) => right - left)
        .map(([name, count]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{countText(count)}</td>
            <td>
              <meter
                min={0}
                max={1}
                value={total === 0 ? 0 : count / total}
                aria-label={`Share of ${name}`}
              />{" "}
              {total === 0 ? "–" : `${((count / total) * 100).toFixed(1)} %`}
            </td>
          </tr>
        ))}
    </Table>
  );
}

function Ages({ name, ages }: { readonly name: string; readonly ages: readonly number[] }) {
  const all = ages.reduce((sum, count) => sum + count, 0);
  if (all === 0) return null;
  return (
    <Table label={`Ages of ${name}`} head={[`Age of ${name}`, ...ageNames]}>
      <tr>
        <th scope="row">people</th>
        {ages.map((count, index) => (
          <td key={ageNames[index] ?? index}>{countText(count)}</td>
        ))}
      </tr>
    </Table>
  );
}
