/** The tracking plan: what it says, what broke it, and what a change to it would have met. */
import { useState } from "preact/hooks";
import type { PlanAnswer, PlanJob, SampleLine, ViolationLine } from "../../src/admin/api/configWire.ts";
import { get, post } from "./api.ts";
import { JobState } from "./jobState.tsx";
import { act, Ago, Data, Failure, Table } from "./pieces.tsx";
import { usePolled } from "./polled.ts";
import { link, route } from "./route.ts";
import { countText } from "./words.ts";

const spans = [1, 7, 30, 90] as const;

export function PlanSection() {
  const [event = ""] = route.value.rest;
  const [days, setDays] = useState(7);
  const { answer, error, again } = usePolled(
    (options) => get<PlanAnswer>("plan", { days }, options),
    ({ job }) => job?.endedAt === null,
    [days],
  );
  return (
    <>
      <h1>Tracking plan</h1>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : event !== "" ? (
        <One key={event} event={event} answer={answer} onBegun={again} />
      ) : (
        <>
          <Said answer={answer} />
          <label class="narrow">
            Count what broke it in
            <select value={days} onChange={(change) => setDays(Number(change.currentTarget.value))}>
              {spans.map((span) => (
                <option key={span} value={span}>
                  {span === 1 ? "the last day" : `the last ${span} days`}
                </option>
              ))}
            </select>
          </label>
          <Shapes answer={answer} />
          <Violations violations={answer.violations} />
        </>
      )}
    </>
  );
}

const modeWords: Readonly<Record<string, string>> = {
  allow: "kept and counted",
  quarantine: "held back",
  block: "refused",
};

function Said({ answer: { plan } }: { readonly answer: PlanAnswer }) {
  if (plan === null)
    return (
      <p>
        There is no plan yet: everything is taken as it comes. <code>freshet plan infer</code> writes a first
        one from what came, <code>trackingPlan: ./plan</code> in freshet.yaml puts it into use.
      </p>
    );
  const sources = Object.entries(plan.sources);
  return (
    <p>
      What breaks the plan is {modeWords[plan.mode]}; events that it does not name are{" "}
      {plan.unplanned === "allow" ? "taken" : modeWords[plan.unplanned]}.
      {sources.map(([source, mode]) => (
        <>
          {" "}
          From <Data>{source}</Data>, what breaks it is {modeWords[mode]}.
        </>
      ))}
    </p>
  );
}

function Shapes({ answer: { plan, violations } }: { readonly answer: PlanAnswer }) {
  if (plan === null || plan.shapes.length === 0) return null;
  const broken = (event: string) =>
    violations.filter((line) => line.event === event).reduce((sum, { count }) => sum + count, 0);
  return (
    <section aria-labelledby="planned">
      <h2 id="planned">Planned events</h2>
      <Table
        label="Planned events"
        head={["Event", "Version", "Properties", "Required", "Broken rules", "Mode"]}
      >
        {plan.shapes.map(({ event, version, mode, required, properties }) => (
          <tr key={event}>
            <th scope="row">
              <a href={link("plan", event)}>
                <Data>{event === "identify" ? "identify (traits)" : event}</Data>
              </a>
            </th>
            <td>{version}</td>
            <td>{properties}</td>
            <td>{required}</td>
            <td>{countText(broken(event))}</td>
            <td>{mode ?? "as the plan says"}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Violations({ violations }: { readonly violations: readonly ViolationLine[] }) {
  const nowMs = Date.now();
  return (
    <section aria-labelledby="violations">
      <h2 id="violations">What broke it</h2>
      {violations.length === 0 ? (
        <p>Nothing did in that time.</p>
      ) : (
        <Table
          label="Violations"
          head={["Event", "Property", "Rule", "Source", "Times", "What became of them", "Last", "Examples"]}
        >
          {violations.map((line) => (
            <tr key={`${line.event} ${line.property} ${line.rule} ${line.source} ${line.mode}`}>
              <th scope="row">
                {line.event === "" ? (
                  "(further names)"
                ) : (
                  <a href={link("plan", line.event)}>
                    <Data>{line.event}</Data>
                  </a>
                )}
              </th>
              <td>{line.property === "" ? "the whole" : <Data>{line.property}</Data>}</td>
              <td>
                <code>{line.rule}</code>
              </td>
              <td>
                <Data>{line.source}</Data>
              </td>
              <td>{countText(line.count)}</td>
              <td>{modeWords[line.mode] ?? line.mode}</td>
              <td>
                <Ago at={line.lastAt} nowMs={nowMs} />
              </td>
              <td>
                <Samples samples={line.samples} />
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}

function Samples({ samples }: { readonly samples: readonly SampleLine[] }) {
  if (samples.length === 0) return <>–</>;
  return (
    <>
      {samples.map((sample, at) => (
        <span key={at}>
          {at === 0 ? null : ", "}
          {sample.kind === "piece" ? (
            <a href={link("quarantine", sample.quarantineId)}>{sample.quarantineId}</a>
          ) : sample.kind === "event" ? (
            <a
              href={link("profiles", `profile_id:${sample.profileId}`, sample.namespace, sample.messageId)}
              title={sample.messageId}
            >
              {sample.label}
            </a>
          ) : (
            <s>{sample.label}</s>
          )}
        </span>
      ))}
    </>
  );
}

interface OneProps {
  readonly event: string;
  readonly answer: PlanAnswer;
  readonly onBegun: () => void;
}

/** A file of the plan for an event that it does not name yet. */
function draft(event: string): string {
  const schema = { type: "object", required: [], properties: {} };
  return `${JSON.stringify({ event, version: 1, schema }, null, 2)}\n`;
}

function One({ event, answer, onBegun }: OneProps) {
  const shape = answer.plan?.shapes.find((known) => known.event === event);
  const [text, setText] = useState(shape?.text ?? draft(event));
  const [days, setDays] = useState(7);
  const [failed, setFailed] = useState<unknown>(null);
  const { job } = answer;
  const check = async () => {
    setFailed(null);
    try {
      await post<PlanJob>("plan/check", { text, days });
      onBegun();
    } catch (caught) {
      setFailed(caught);
    }
  };
  return (
    <article aria-labelledby="event">
      <p>
        <a href={link("plan")}>The whole plan</a>
      </p>
      <h2 id="event">
        <Data>{event}</Data>
      </h2>
      <p>
        {shape === undefined
          ? "The plan does not name this event."
          : `Version ${shape.version} of its shape is in use.`}{" "}
        Tighten it here and see what would have failed; nothing is saved. Put what you want to keep into the
        plan's folder: a saved file is taken into use by itself.
      </p>
      <label>
        A file of the plan, JSON or YAML
        <textarea
          class="code"
          rows={16}
          spellcheck={false}
          wrap="off"
          value={text}
          onInput={(input) => setText(input.currentTarget.value)}
        />
      </label>
      <div class="act">
        <label class="narrow">
          Hold against it what came in
          <select value={days} onChange={(change) => setDays(Number(change.currentTarget.value))}>
            {spans.map((span) => (
              <option key={span} value={span}>
                {span === 1 ? "the last day" : `the last ${span} days`}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={job?.endedAt === null} onClick={act(check)}>
          What would have failed?
        </button>
      </div>
      {failed === null ? null : <Failure error={failed} />}
      {job === null ? null : <Checked job={job} />}
      <Violations violations={answer.violations.filter((line) => line.event === event)} />
    </article>
  );
}

function Checked({ job }: { readonly job: PlanJob }) {
  const { result } = job;
  return (
    <section aria-labelledby="checked">
      <h3 id="checked">What it would have met</h3>
      <JobState job={job} label="Holding what came against it" />
      {result === null || result.broken.length === 0 ? null : (
        <Table
          label="What would have failed"
          head={["Property", "Rule", "Source", "Times", "They would be", "Examples"]}
        >
          {result.broken.map(({ property, rule, source, count, mode, samples }) => (
            <tr key={`${property} ${rule} ${source}`}>
              <th scope="row">{property === "" ? "the whole" : <Data>{property}</Data>}</th>
              <td>
                <code>{rule}</code>
              </td>
              <td>
                <Data>{source}</Data>
              </td>
              <td>{countText(count)}</td>
              <td>{modeWords[mode]}</td>
              <td>
                <Data>{samples.join(", ")}</Data>
              </td>
            </tr>
          ))}
        </Table>
      )}
    </section>
  );
}
