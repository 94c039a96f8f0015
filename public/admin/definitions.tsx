/** Definitions: freshet.yaml as it is, checked as it is typed, what it would do, taken into use, what was before. */
import { useEffect, useRef, useState } from "preact/hooks";
import type {
  CheckAnswer,
  ConfigAnswer,
  ConfigJob,
  VersionAnswer,
  VersionLine,
} from "../../src/admin/api/configWire.ts";
import { get, post } from "./api.ts";
import { Difference, Effect } from "./definitionsEffect.tsx";
import { Editor } from "./editor.tsx";
import { JobState } from "./jobState.tsx";
import { TextDifference } from "./textDifference.tsx";
import { act, At, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { usePolled } from "./polled.ts";
import { go, link, route } from "./route.ts";

const empty = "version: 1\n";
/** Typing has come to rest. */
const restMs = 350;

export function DefinitionsSection() {
  const [version = ""] = route.value.rest;
  const { answer, error, again } = usePolled(
    (options) => get<ConfigAnswer>("config", {}, options),
    ({ job, changing }) => changing !== null || job?.endedAt === null,
    [],
  );
  // A version that is put into the editor replaces what stands there.
  const [given, setGiven] = useState<string | null>(null);
  return (
    <>
      <h1>Definitions</h1>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : version === "" ? (
        <Definitions answer={answer} given={given} onBegun={again} />
      ) : (
        <Version
          key={version}
          version={version}
          answer={answer}
          onBegun={again}
          onEdit={(text) => {
            setGiven(text);
            go("definitions");
          }}
        />
      )}
    </>
  );
}

interface DefinitionsProps {
  readonly answer: ConfigAnswer;
  readonly given: string | null;
  readonly onBegun: () => void;
}

function Definitions({ answer, given, onBegun }: DefinitionsProps) {
  const onDisk = answer.text ?? empty;
  const [text, setText] = useState(given ?? onDisk);
  /** What the file held when the editing began. */
  const [seen, setSeen] = useState({ text: onDisk, base: answer.base });
  useEffect(() => {
    if (answer.base === seen.base) return;
    // Nobody has typed, or what was typed is what was saved.
    if (text === seen.text || text === onDisk) {
      setSeen({ text: onDisk, base: answer.base });
      setText(onDisk);
    }
  }, [answer.base, text]);
  const reread = () => {
    setSeen({ text: onDisk, base: answer.base });
    setText(onDisk);
  };
  const { verdict, error } = useVerdict(text);
  const [failed, setFailed] = useState<unknown>(null);
  /** The text that the work below is about, as far as this page began it. */
  const [meant, setMeant] = useState<string | null>(null);
  const begin = (path: string, body: { readonly text: string; readonly base?: string }) => async () => {
    setFailed(null);
    try {
      await post<ConfigJob>(path, body);
      setMeant(body.text);
      onBegun();
    } catch (caught) {
      setFailed(caught);
    }
  };
  const isBusy = answer.job?.endedAt === null || answer.changing !== null;
  const isGood = verdict !== null && verdict.problems.length === 0;
  const mayApply = isGood && verdict.difference?.needsRebuild.length === 0 && answer.fixedBecause === null;
  return (
    <>
      <InUse answer={answer} />
      {answer.fixedBecause === null ? null : (
        <p class="notice">
          {answer.fixedBecause} You can try changes here and see what they would do, but not save them.
        </p>
      )}
      {answer.base === seen.base ? null : (
        <p class="notice" role="alert">
          The file was changed meanwhile.{" "}
          <button type="button" class="quiet" onClick={reread}>
            Read it again and drop my changes
          </button>
        </p>
      )}
      <Editor label="freshet.yaml" text={text} marks={verdict?.problems ?? []} onText={setText} />
      {error === null ? null : <Failure error={error} />}
      <div role="status" class="verdict">
        {verdict === null ? (
          "Checking…"
        ) : verdict.difference === null ? (
          `${verdict.problems.length === 1 ? "One thing is" : `${verdict.problems.length} things are`} wrong; nothing changes before that is mended.`
        ) : (
          <Difference difference={verdict.difference} />
        )}
      </div>
      <div class="act">
        <button type="button" disabled={!isGood || isBusy} onClick={act(begin("config/plan", { text }))}>
          What would it do?
        </button>
        <button
          type="button"
          class="secondary"
          disabled={!mayApply || isBusy || (text === seen.text && answer.isInUse)}
          onClick={act(begin("config/apply", { text, base: seen.base }))}
        >
          Save and apply
        </button>
        {text === seen.text ? null : (
          <button type="button" class="quiet" onClick={() => setText(seen.text)}>
            Drop my changes
          </button>
        )}
      </div>
      {failed === null ? null : <Failure error={failed} />}
      <Work answer={answer} isOther={meant !== null && meant !== text} />
      <History versions={answer.versions} />
    </>
  );
}

/** What the server says of a text, once typing has come to rest; what came too late is dropped. */
function useVerdict(text: string): { readonly verdict: CheckAnswer | null; readonly error: unknown } {
  const [verdict, setVerdict] = useState<CheckAnswer | null>(null);
  const [error, setError] = useState<unknown>(null);
  const newest = useRef(0);
  useEffect(() => {
    newest.current += 1;
    const mine = newest.current;
    setVerdict(null);
    const check = async () => {
      try {
        const given = await post<CheckAnswer>("config/check", { text });
        if (mine !== newest.current) return;
        setVerdict(given);
        setError(null);
      } catch (caught) {
        if (mine === newest.current) setError(caught);
      }
    };
    const timer = setTimeout(() => check().catch(setError), restMs);
    return () => clearTimeout(timer);
  }, [text]);
  return { verdict, error };
}

function InUse({ answer }: { readonly answer: ConfigAnswer }) {
  const [newest] = answer.versions;
  return (
    <p>
      <Data>{answer.path}</Data>
      {newest === undefined ? (
        ". Nothing was configured yet."
      ) : answer.isInUse ? (
        <>
          {" "}
          is in use as version {newest.version} since <At at={newest.at} />, by <Data>{newest.by}</Data>.
        </>
      ) : (
        <>
          {" "}
          is another than version {newest.version}, which is in use since <At at={newest.at} />.
        </>
      )}
    </p>
  );
}

const jobNames = {
  plan: "Finding out on a copy of the profiles",
  apply: "Computing beside the profiles in use",
};

interface WorkProps {
  readonly answer: ConfigAnswer;
  /** True where it is about another text than the one in the editor. */
  readonly isOther: boolean;
}

function Work({ answer: { job, changing }, isOther }: WorkProps) {
  if (job === null)
    return changing === null ? null : (
      <label>
        A change of the definitions is being computed
        <progress max={1} value={changing} />
      </label>
    );
  return (
    <section aria-labelledby="work">
      <h2 id="work">{job.kind === "plan" ? "What it would do" : "Applied"}</h2>
      <p>
        <small>
          Begun <At at={job.startedAt} />
          {isOther ? ", with another text than the one above" : ""}.
        </small>
      </p>
      <JobState job={job} label={jobNames[job.kind]} />
      {job.result?.kind === "planned" ? <Effect plan={job.result.plan} /> : null}
    </section>
  );
}

function History({ versions }: { readonly versions: readonly VersionLine[] }) {
  if (versions.length === 0) return null;
  return (
    <section aria-labelledby="history">
      <h2 id="history">What was in use</h2>
      <Table label="Versions" head={["Version", "In use since", "By", "What it changed"]}>
        {versions.map(({ version, at, by, changes }) => (
          <tr key={version}>
            <th scope="row">
              <a href={link("definitions", String(version))}>Version {version}</a>
            </th>
            <td>
              <At at={at} />
            </td>
            <td>
              <Data>{by}</Data>
            </td>
            <td>{changes.length === 0 ? "–" : <Data>{changes.slice(0, 8).join(", ")}</Data>}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

interface VersionProps {
  readonly version: string;
  readonly answer: ConfigAnswer;
  readonly onBegun: () => void;
  readonly onEdit: (text: string) => void;
}

function Version({ version, answer, onBegun, onEdit }: VersionProps) {
  const { answer: found, error } = useAnswer(
    (signal) => get<VersionAnswer>("config/version", { version }, { signal }),
    [version],
  );
  const [failed, setFailed] = useState<unknown>(null);
  const rollBack = async () => {
    if (found === null) return;
    setFailed(null);
    try {
      const body = { text: found.text, base: answer.base, version: found.version };
      await post<ConfigJob>("config/apply", body);
      onBegun();
      go("definitions");
    } catch (caught) {
      setFailed(caught);
    }
  };
  return (
    <article>
      <p>
        <a href={link("definitions")}>The file as it is now</a>
      </p>
      <h2>Version {version}</h2>
      {error === null ? null : <Failure error={error} />}
      {found === null ? null : (
        <>
          <p>
            In use since <At at={found.at} />, by <Data>{found.by}</Data>.{" "}
            {found.text === answer.text
              ? "It is what the file holds now."
              : "Below, what rolling back to it would change in the file."}
          </p>
          <TextDifference
            label="The version against the file"
            before={answer.text ?? ""}
            after={found.text}
          />
          <div class="act">
            <button
              type="button"
              disabled={
                answer.fixedBecause !== null || found.text === answer.text || answer.job?.endedAt === null
              }
              onClick={act(rollBack)}
            >
              Roll back to version {version}
            </button>
            <button type="button" class="quiet" onClick={() => onEdit(found.text)}>
              Put it into the editor
            </button>
          </div>
          {failed === null ? null : <Failure error={failed} />}
        </>
      )}
    </article>
  );
}
