/** Mending what was refused on its way back in: what to change, a preview before and after, the replay. */
import { useState } from "preact/hooks";
import type { MendAnswer, MendJob } from "../../src/admin/api/configWire.ts";
import { get, post } from "./api.ts";
import { JobState } from "./jobState.tsx";
import { act, Data, Failure, Table } from "./pieces.tsx";
import { usePolled } from "./polled.ts";
import { countText } from "./words.ts";

type Kind = "rename" | "cast" | "default";

interface Step {
  readonly kind: Kind;
  readonly path: string;
  readonly value: string;
}

const kinds = {
  rename: {
    title: "Rename",
    path: "From, such as properties.total_price",
    value: "To, such as properties.total",
  },
  cast: { title: "Cast", path: "What, such as properties.total", value: "To" },
  default: {
    title: "Fill in",
    path: "What is missing, such as properties.currency",
    value: "With, such as EUR",
  },
} as const satisfies Record<Kind, unknown>;

const casts = ["number", "string", "boolean", "date"] as const;

interface MendProps {
  readonly code: string;
  readonly source: string;
  readonly count: number;
  readonly onDone: () => void;
}

export function Mend({ code, source, count, onDone }: MendProps) {
  const [steps, setSteps] = useState<readonly Step[]>([]);
  const [expression, setExpression] = useState("");
  const [failed, setFailed] = useState<unknown>(null);
  const [isMine, setMine] = useState(false);
  const { answer, error, again } = usePolled(
    (options) => get<MendAnswer>("quarantine/mend", {}, options),
    ({ job }) => {
      if (isMine && job !== null && job.endedAt !== null && job.kind === "replay") onDone();
      return job?.endedAt === null;
    },
    [isMine],
  );
  const job = answer?.job ?? null;
  const isBusy = job?.endedAt === null;
  const begin = (dryRun: boolean) => async () => {
    setFailed(null);
    setMine(false);
    try {
      await post<MendJob>("quarantine/mend", {
        code,
        source,
        ids: null,
        mapping: mappingOf(steps),
        expression: expression.trim() === "" ? null : expression,
        dryRun,
      });
      setMine(true);
      again();
    } catch (caught) {
      setFailed(caught);
    }
  };
  const isMeant = job !== null && (isMine || job.result?.group === `${code} from ${source}`);
  return (
    <section aria-labelledby="mend">
      <h3 id="mend">Mend them and send them again</h3>
      <p>
        Each piece keeps its messageId, so nothing enters twice. Names are dotted, from the event down. Steps
        are done in this order: rename, cast, fill in, expression.
      </p>
      {steps.map((step, at) => (
        <StepFields
          key={at}
          step={step}
          onChange={(changed) => setSteps(steps.with(at, changed))}
          onRemove={() => setSteps(steps.toSpliced(at, 1))}
        />
      ))}
      <div class="act">
        {(["rename", "cast", "default"] as const).map((kind) => (
          <button
            key={kind}
            type="button"
            class="quiet"
            onClick={() => setSteps([...steps, { kind, path: "", value: kind === "cast" ? "number" : "" }])}
          >
            + {kinds[kind].title}
          </button>
        ))}
      </div>
      <details>
        <summary>Expression (JSONata)</summary>
        <label>
          Over the event, after the steps; what it gives is the event
          <textarea
            class="code"
            rows={3}
            spellcheck={false}
            value={expression}
            onInput={(event) => setExpression(event.currentTarget.value)}
          />
        </label>
      </details>
      <div class="act">
        <button type="button" disabled={isBusy} onClick={act(begin(true))}>
          Preview
        </button>
        <button type="button" class="secondary" disabled={isBusy || count === 0} onClick={act(begin(false))}>
          Mend and send {countText(count)}
        </button>
      </div>
      {failed === null ? null : <Failure error={failed} />}
      {error === null ? null : <Failure error={error} />}
      {isMeant ? <Outcome job={job} /> : isBusy ? <p>Other pieces are being sent again just now.</p> : null}
    </section>
  );
}

interface StepProps {
  readonly step: Step;
  readonly onChange: (step: Step) => void;
  readonly onRemove: () => void;
}

function StepFields({ step, onChange, onRemove }: StepProps) {
  const { title, path, value } = kinds[step.kind];
  return (
    <fieldset class="step">
      <legend>{title}</legend>
      <label>
        {path}
        <input
          value={step.path}
          spellcheck={false}
          onInput={(event) => onChange({ ...step, path: event.currentTarget.value })}
        />
      </label>
      <label>
        {value}
        {step.kind === "cast" ? (
          <select
            value={step.value}
            onChange={(event) => onChange({ ...step, value: event.currentTarget.value })}
          >
            {casts.map((cast) => (
              <option key={cast} value={cast}>
                {cast}
              </option>
            ))}
          </select>
        ) : (
          <input
            value={step.value}
            spellcheck={false}
            onInput={(event) => onChange({ ...step, value: event.currentTarget.value })}
          />
        )}
      </label>
      <button type="button" class="quiet" aria-label={`Remove: ${title} ${step.path}`} onClick={onRemove}>
        Remove
      </button>
    </fieldset>
  );
}

/** What is not filled in yet counts for nothing. */
function mappingOf(steps: readonly Step[]) {
  const of = (kind: Kind) =>
    steps.filter((step) => step.kind === kind && step.path.trim() !== "" && step.value.trim() !== "");
  const entries = (kind: Kind) => of(kind).map(({ path, value }) => [path.trim(), value.trim()] as const);
  return {
    rename: Object.fromEntries(entries("rename")),
    cast: Object.fromEntries(entries("cast")),
    default: Object.fromEntries(entries("default").map(([path, value]) => [path, valueOf(value)] as const)),
  };
}

/** `12`, `true` and `{"a":1}` are what they look like in JSON; everything else is a text. */
function valueOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}

function Outcome({ job }: { readonly job: MendJob }) {
  const { result } = job;
  return (
    <div class="outcome">
      <JobState job={job} label={job.kind === "preview" ? "Preview" : "Sending again"} />
      {result === null ? null : (
        <>
          <Table
            label="By rule"
            head={["They were held for", "Pieces", job.kind === "preview" ? "Would be taken" : "Taken"]}
          >
            {result.held.map(({ code, message, pieces, accepted }) => (
              <tr key={`${code} ${message}`}>
                <th scope="row">
                  <small>{message}</small>
                </th>
                <td>{countText(pieces)}</td>
                <td>{countText(accepted)}</td>
              </tr>
            ))}
          </Table>
          {result.refused.length === 0 ? null : (
            <Table label="What stays" head={["What is said of those that stay", "Pieces"]}>
              {result.refused.map(({ code, message, count }) => (
                <tr key={`${code} ${message}`}>
                  <th scope="row">
                    {code}: <small>{message}</small>
                  </th>
                  <td>{countText(count)}</td>
                </tr>
              ))}
            </Table>
          )}
          {result.samples.map(({ quarantineId, before, after }) => (
            <div key={quarantineId} class="sides">
              <Side title={`${quarantineId} before`} value={before} />
              <Side title="After" value={after} />
            </div>
          ))}
        </>
      )}
    </div>
  );
}

function Side({ title, value }: { readonly title: string; readonly value: unknown }) {
  return (
    <figure>
      <figcaption>{title}</figcaption>
      <pre tabIndex={0} aria-label={title}>
        <code>
          <Data>{JSON.stringify(value, null, 2)}</Data>
        </code>
      </pre>
    </figure>
  );
}
