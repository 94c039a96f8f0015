/** What a send would be: begun here, counted by the server, shown as it comes. */
import { useEffect, useState } from "preact/hooks";
import type { PreflightJobAnswer } from "../../src/admin/api/contentWire.ts";
import type { SegmentsAnswer } from "../../src/admin/api/segmentWire.ts";
import type { PreflightReport } from "../../src/esp/content/preflightReport.ts";
import { levelText, reasonText } from "../../src/esp/content/levelWords.ts";
import { get, post } from "./api.ts";
import { act, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { agoText, countText, sizeText } from "./words.ts";

const pollMs = 500;
const everybody = "";
const ageNames = [
  "to 1 min",
  "to 1 h",
  "to 1 day",
  "to 7 days",
  "to 30 days",
  "to 90 days",
  "older",
] as const;

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
      <Counts label="By level" counts={levels} total={recipients} textOf={levelText} />
      <Counts label="By reason" counts={reasons} total={recipients} textOf={reasonText} />
      <Values needs={needs} />
      <Ages needs={needs} />
      {worst.length === 0 ? null : (
        <Table label="The worst" head={["Who", "Why", "Oldest value"]}>
          {worst.map(({ who, reason, isFallback, oldestMs }) => (
            <tr key={who}>
              <th scope="row">
                <Data>{who}</Data>
              </th>
              <td>
                {isFallback
                  ? `${capital(reasonText(reason))}: gets the fallback`
                  : capital(reasonText(reason))}
              </td>
              <td>{oldestMs === null ? "–" : agoText(oldestMs)}</td>
            </tr>
          ))}
        </Table>
      )}
      <Samples samples={job.report.samples} />
    </div>
  );
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const valueLevels = ["live", "lastKnown", "segmentDefault", "default", "missing"] as const;

/** How many have each value, and from where. */
function Values({ needs }: { readonly needs: PreflightReport["needs"] }) {
  const rows = Object.entries(needs);
  if (rows.length === 0) return null;
  return (
    <Table
      label="Where values come from"
      head={["Value", ...valueLevels.map((level) => capital(levelText(level)))]}
    >
      {rows.map(([name, { levels }]) => (
        <tr key={name}>
          <th scope="row">
            <Data>{name}</Data>
          </th>
          {valueLevels.map((level) => (
            <td key={level}>{countText(levels[level] ?? 0)}</td>
          ))}
        </tr>
      ))}
    </Table>
  );
}

/** E-mails as some of them would get them, two of each level. */
function Samples({ samples }: { readonly samples: PreflightReport["samples"] }) {
  const [shown, setShown] = useState<{ readonly title: string; readonly frame: string } | null>(null);
  const [error, setError] = useState<unknown>(null);
  if (samples.length === 0) return null;
  const show = async (at: number, title: string) => {
    setError(null);
    try {
      const { frame } = await get<{ frame: string }>("content/preflight/sample", { at: String(at) });
      setShown({ title, frame });
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <section aria-labelledby="samples">
      <h3 id="samples">As some of them would get it</h3>
      <Table label="Samples" head={["Who", "Level", "Why", "E-mail"]}>
        {samples.map(({ who, servedFrom, reason, isFallback }, at) => (
          <tr key={who}>
            <th scope="row">
              <Data>{who}</Data>
            </th>
            <td>{capital(levelText(isFallback ? "fallback" : servedFrom))}</td>
            <td>{capital(reasonText(reason))}</td>
            <td>
              <button
                type="button"
                class="quiet"
                aria-label={`Show the e-mail for ${who}`}
                onClick={act(() => show(at, who))}
              >
                Show
              </button>
            </td>
          </tr>
        ))}
      </Table>
      {error === null ? null : <Failure error={error} />}
      {shown === null ? null : (
        <iframe
          class="mail desktop light"
          title={`For ${shown.title}`}
          sandbox=""
          src={`/admin/api/${shown.frame}&pictures=false&scheme=light`}
        />
      )}
    </section>
  );
}

function Counts(props: {
  readonly label: string;
  readonly counts: Readonly<Record<string, number>>;
  readonly total: number;
  readonly textOf: (code: string) => string;
}) {
  const { label, counts, total, textOf } = props;
  return (
    <Table label={label} head={[label, "People", "Share"]}>
      {Object.entries(counts)
        .sort(([, left], [, right]) => right - left)
        .map(([name, count]) => (
          <tr key={name}>
            <th scope="row">{capital(textOf(name))}</th>
            <td>{countText(count)}</td>
            <td>
              <meter
                min={0}
                max={1}
                value={total === 0 ? 0 : count / total}
                aria-label={`Share of ${textOf(name)}`}
              />{" "}
              {total === 0 ? "–" : `${((count / total) * 100).toFixed(1)} %`}
            </td>
          </tr>
        ))}
    </Table>
  );
}

function Ages({ needs }: { readonly needs: PreflightReport["needs"] }) {
  const rows = Object.entries(needs).filter(([, { ages }]) => ages.some((count) => count > 0));
  if (rows.length === 0) return null;
  return (
    <Table label="Ages" head={["Age of", ...ageNames]}>
      {rows.map(([name, { ages }]) => (
        <tr key={name}>
          <th scope="row">
            <Data>{name}</Data>
          </th>
          {ages.map((count, index) => (
            <td key={ageNames[index] ?? index}>{countText(count)}</td>
          ))}
        </tr>
      ))}
    </Table>
  );
}
