/** The data folder: how large, how fast it grows, backups, verification. */
import { useEffect, useMemo, useState } from "preact/hooks";
import type { JobAnswer, StorageAnswer } from "../../src/admin/api/adminWire.ts";
import { get, post } from "./api.ts";
import { Chart } from "./chart.tsx";
import { act, At, Data, Failure, Table } from "./pieces.tsx";
import { countText, sizeText } from "./words.ts";

const pollMs = 5_000;
const pollAtWorkMs = 1_000;

/** Reads again and again; `again` at once, after something was begun. */
function useStorage() {
  const [round, setRound] = useState(0);
  const [answer, setAnswer] = useState<StorageAnswer | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    let timer = 0;
    const abort = new AbortController();
    const ask = async () => {
      let waitMs = pollMs;
      try {
        if (!document.hidden || timer === 0) {
          const read = await get<StorageAnswer>("storage", {}, { signal: abort.signal, isBackground: true });
          setAnswer(read);
          if (read.job?.endedAt === null) waitMs = pollAtWorkMs;
        }
        setError(null);
      } catch (caught) {
        if (abort.signal.aborted) return;
        setError(caught);
      }
      timer = setTimeout(ask, waitMs);
    };
    ask().catch(setError);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [round]);
  return { answer, error, again: () => setRound((before) => before + 1) };
}

export function StorageSection() {
  const { answer, error, again } = useStorage();
  return (
    <>
      <h1>Storage</h1>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? <p aria-busy="true">Reading…</p> : <Storage storage={answer} onBegun={again} />}
    </>
  );
}

interface StorageProps {
  readonly storage: StorageAnswer;
  readonly onBegun: () => void;
}

function Storage({ storage, onBegun }: StorageProps) {
  const { sizes, diskBytes, diskFreeBytes, growthBytesPerDay, head } = storage;
  const daysLeft =
    growthBytesPerDay === null || growthBytesPerDay === 0 ? null : diskFreeBytes / growthBytesPerDay;
  return (
    <>
      <section aria-labelledby="sizes">
        <h2 id="sizes">Sizes</h2>
        <Table label="Sizes" head={["What", "Size"]}>
          {sizes.map(({ name, bytes }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>{sizeText(bytes)}</td>
            </tr>
          ))}
        </Table>
        <p>
          {countText(head)} rows in the journal. {sizeText(diskFreeBytes)} of the disk's {sizeText(diskBytes)}{" "}
          are free. {growthText(growthBytesPerDay, daysLeft)}
        </p>
        <Growth history={storage.history} />
      </section>
      <Work storage={storage} onBegun={onBegun} />
      <Backups storage={storage} />
    </>
  );
}

const bytesPerMegabyte = 1_000_000;

function Growth({ history }: { readonly history: StorageAnswer["history"] }) {
  const drawn = useMemo(
    () => ({
      times: history.map(([atMs]) => atMs / 1_000),
      lines: [
        {
          name: "journal",
          color: "--line-1",
          values: history.map(([, journalBytes]) => journalBytes / bytesPerMegabyte),
        },
        {
          name: "profiles",
          color: "--line-2",
          values: history.map(([, , profilesBytes]) => profilesBytes / bytesPerMegabyte),
        },
      ] as const,
    }),
    [history],
  );
  if (history.length < 2) return null;
  return <Chart title="Size over the last day" unit="MB" times={drawn.times} lines={drawn.lines} />;
}

function growthText(bytesPerDay: number | null, daysLeft: number | null): string {
  if (bytesPerDay === null) return "How fast it grows is told after some minutes.";
  if (daysLeft === null) return "It does not grow at the moment.";
  const left =
    daysLeft > 3_650 ? "for more than ten years" : `for about ${countText(Math.floor(daysLeft))} days`;
  return `At the pace of the last day it grows by ${sizeText(bytesPerDay)} a day: the disk is large enough ${left}.`;
}

function Work({ storage, onBegun }: StorageProps) {
  const { job, lastVerify } = storage;
  const [error, setError] = useState<unknown>(null);
  const isBusy = job !== null && job.endedAt === null;
  const begin = async (path: string) => {
    setError(null);
    try {
      await post<JobAnswer>(path);
      onBegun();
    } catch (caught) {
      setError(caught);
    }
  };
  return (
    <section aria-labelledby="work">
      <h2 id="work">Backup and verification</h2>
      <div class="act">
        <button type="button" disabled={isBusy} onClick={act(() => begin("storage/backup"))}>
          Back up now
        </button>
        <button type="button" disabled={isBusy} onClick={act(() => begin("storage/verify"))}>
          Verify now
        </button>
      </div>
      <p>
        A backup copies the journal while events go on coming. A verification reads every row and makes every
        profile anew beside the live ones to compare them; with much data that takes its time.{" "}
        {lastVerify === null ? (
          "Nothing was verified yet."
        ) : (
          <>
            The last one was begun <At at={lastVerify.at} />: {verdictText(lastVerify)}
          </>
        )}
      </p>
      {job === null ? null : <Job job={job} />}
      {error === null ? null : <Failure error={error} />}
    </section>
  );
}

function verdictText({ outcome, detail }: NonNullable<StorageAnswer["lastVerify"]>): string {
  if (outcome !== "done") return "it could not be finished.";
  const found =
    typeof detail === "object" && detail !== null && "problems" in detail ? Number(detail.problems) : 0;
  return found === 0 ? "all was well." : `it found ${found} problems.`;
}

function Job({ job }: { readonly job: JobAnswer }) {
  const name = job.kind === "backup" ? "Backup" : "Verification";
  return (
    <div>
      {job.endedAt === null ? (
        <label>
          {name}
          <progress max={1} value={job.progress} />
        </label>
      ) : null}
      <p role="status" class={job.isGood === false ? "failure" : undefined}>
        {job.sentence === null ? `${name} is under way.` : <Data>{job.sentence}</Data>}
      </p>
    </div>
  );
}

function Backups({ storage }: { readonly storage: StorageAnswer }) {
  const { backups, backupFolder } = storage;
  return (
    <section aria-labelledby="backups">
      <h2 id="backups">Backups in this folder</h2>
      {backups.length === 0 ? (
        <p>There is none yet.</p>
      ) : (
        <Table label="Backups" head={["Backup", "Made", "Size"]}>
          {backups.map(({ name, at, bytes }) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td>
                <At at={at} />
              </td>
              <td>{sizeText(bytes)}</td>
            </tr>
          ))}
        </Table>
      )}
      <p>
        They lie in <Data>{backupFolder}</Data>, on the same disk: copy them elsewhere, and remove old ones
        there by hand. <code>freshet restore</code> makes a data folder of one.
      </p>
    </section>
  );
}
