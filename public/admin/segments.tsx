/** Segments: all with the size of their audience; one with its rule and its members. */
import { useEffect, useState } from "preact/hooks";
import type {
  AudiencePoint,
  SegmentAnswer,
  SegmentMembersAnswer,
  SegmentsAnswer,
} from "../../src/admin/api/segmentWire.ts";
import { get, type GetOptions } from "./api.ts";
import { At, Data, Failure, Identifiers, Table, useAnswer } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";
import { link, route } from "./route.ts";
import { Explain } from "./segmentExplain.tsx";
import { Spark } from "./spark.tsx";
import { countText, timeText } from "./words.ts";

const pollMs = 3_000;
const dayMs = 86_400_000;

export function SegmentsSection() {
  const [name = "", namespace = "live", id = ""] = route.value.rest;
  const where: NamespaceName = namespace === "test" ? "test" : "live";
  return (
    <>
      <h1>Segments</h1>
      {name === "" ? (
        <List namespace={where} />
      ) : (
        <One key={`${name} ${where}`} name={name} namespace={where} id={id} />
      )}
    </>
  );
}

/** An answer that is asked for again and again, and kept while the next is under way. */
function usePolled<Answer>(
  read: (options: GetOptions) => Promise<Answer>,
  inputs: readonly unknown[],
): { readonly answer: Answer | null; readonly error: unknown } {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [error, setError] = useState<unknown>(null);
  useEffect(() => {
    const abort = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const ask = async (isBackground: boolean) => {
      try {
        setAnswer(await read({ signal: abort.signal, isBackground }));
        setError(null);
      } catch (caught) {
        if (!abort.signal.aborted) setError(caught);
      }
      if (!abort.signal.aborted) timer = setTimeout(() => ask(true).catch(setError), pollMs);
    };
    ask(false).catch(setError);
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [...inputs]);
  return { answer, error };
}

function List({ namespace }: { readonly namespace: NamespaceName }) {
  const { answer, error } = usePolled(
    (options) => get<SegmentsAnswer>("segments", { namespace }, options),
    [namespace],
  );
  return (
    <>
      <p>
        Who is in a segment is decided the moment something happens, or the moment it comes true by itself.{" "}
        {namespace === "live" ? (
          <a href={link("segments", "", "test")}>Show test data</a>
        ) : (
          <a href={link("segments")}>Show live data</a>
        )}
      </p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : answer.segments.length === 0 ? (
        <p>
          There is none yet: <code>segments:</code> in freshet.yaml declares them.
        </p>
      ) : (
        <Lines answer={answer} namespace={namespace} />
      )}
    </>
  );
}

function Lines({
  answer,
  namespace,
}: {
  readonly answer: SegmentsAnswer;
  readonly namespace: NamespaceName;
}) {
  return (
    <Table label="Segments" head={["Segment", "In it now", "Last 24 hours", "Rule"]}>
      {answer.segments.map(({ name, words, size, history }) => (
        <tr key={name}>
          <th scope="row">
            <a href={link("segments", name, namespace)}>
              <Data>{name}</Data>
            </a>
          </th>
          <td>{sizeWords(size)}</td>
          <td>
            <Sizes name={name} size={size} history={history} at={answer.at} spanMs={dayMs} />
          </td>
          <td>
            <Data>{words}</Data>
          </td>
        </tr>
      ))}
    </Table>
  );
}

function sizeWords(size: number | null): string {
  return size === null ? "being counted" : countText(size);
}

interface SizesProps {
  readonly name: string;
  readonly size: number | null;
  readonly history: readonly AudiencePoint[];
  readonly at: string;
  readonly spanMs: number;
  readonly look?: "small" | "large";
}

/** What a chart of sizes shows; null: there is nothing to show. */
function spanOf({ size, history, at, spanMs }: SizesProps) {
  const toMs = Date.parse(at);
  const [first] = history;
  if (first === undefined) return null;
  const firstMs = Date.parse(first.at);
  // Nobody was in it before the first sample, unless that is the one from before the span.
  const fromMs = Math.max(toMs - spanMs, firstMs - Math.max(60_000, (toMs - firstMs) / 10));
  const before = firstMs > fromMs ? [{ atMs: fromMs, value: 0 }] : [];
  const sampled = history.map((point) => ({ atMs: Date.parse(point.at), value: point.size }));
  // Samples are a minute apart, so what is true now is added at the end.
  const now = size === null ? [] : [{ atMs: toMs, value: size }];
  const steps = [...before, ...sampled, ...now];
  const values = steps.map(({ value }) => value);
  return { fromMs, toMs, steps, least: Math.min(...values), most: Math.max(...values) };
}

/** An audience's size over time. */
function Sizes(props: SizesProps) {
  const span = spanOf(props);
  if (span === null) return null;
  const { fromMs, toMs, steps, least, most } = span;
  const since = timeText(new Date(fromMs).toISOString());
  const label = `${props.name}: from ${countText(least)} to ${countText(most)} since ${since}`;
  return <Spark label={label} steps={steps} fromMs={fromMs} toMs={toMs} size={props.look ?? "small"} />;
}

/** The same, large, with its ends in words. */
function SizeChart({ answer }: { readonly answer: SegmentAnswer }) {
  const props: SizesProps = { ...answer, spanMs: 30 * dayMs, look: "large" };
  const span = spanOf(props);
  if (span === null) return null;
  return (
    <figure class="chart">
      <figcaption>
        Size over time{" "}
        <small>
          (at most 30 days; from {countText(span.least)} to {countText(span.most)})
        </small>
      </figcaption>
      <Sizes {...props} />
      <p class="ends">
        <small>{timeText(new Date(span.fromMs).toISOString())}</small>
        <small>{timeText(answer.at)}</small>
      </p>
    </figure>
  );
}

function One({
  name,
  namespace,
  id,
}: {
  readonly name: string;
  readonly namespace: NamespaceName;
  readonly id: string;
}) {
  const { answer, error } = usePolled(
    (options) => get<SegmentAnswer>("segment", { name, namespace }, options),
    [name, namespace],
  );
  return (
    <article aria-labelledby="segment">
      <p>
        <a href={link("segments", "", namespace)}>All segments</a>
      </p>
      <h2 id="segment">
        <Data>{name}</Data>
      </h2>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : (
        <>
          <Rule answer={answer} />
          <dl class="tiles">
            <div>
              <dt>In it now</dt>
              <dd>{sizeWords(answer.size)}</dd>
            </div>
          </dl>
          <SizeChart answer={answer} />
        </>
      )}
      <Explain key={id} name={name} namespace={namespace} id={id} />
      <Members name={name} namespace={namespace} />
    </article>
  );
}

function Rule({ answer: { kind, clauses, words } }: { readonly answer: SegmentAnswer }) {
  if (clauses.length < 2)
    return (
      <p>
        A profile is in it when <Data>{words}</Data>.
      </p>
    );
  return (
    <>
      <p>A profile is in it when {kind === "all" ? "all of these hold" : "one of these holds"}:</p>
      <ul>
        {clauses.map((clause) => (
          <li key={clause}>
            <Data>{clause}</Data>
          </li>
        ))}
      </ul>
    </>
  );
}

function Members({ name, namespace }: { readonly name: string; readonly namespace: NamespaceName }) {
  const [cursor, setCursor] = useState<string | null>(null);
  const { answer, error, again } = useAnswer(
    (signal) =>
      get<SegmentMembersAnswer>("segment/members", { name, namespace, cursor, limit: 50 }, { signal }),
    [name, namespace, cursor],
  );
  return (
    <section aria-labelledby="members">
      <div class="row">
        <h3 id="members">Who is in it</h3>
        <button type="button" class="quiet" onClick={again}>
          Refresh
        </button>
      </div>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : answer.members.length === 0 ? (
        <p>Nobody{cursor === null ? "" : " more"}.</p>
      ) : (
        <Table label="Members" head={["Profile", "Name", "Since", "Why"]}>
          {answer.members.map(({ profileId, name: called, identifiers, since }) => (
            <tr key={profileId}>
              <th scope="row">
                <Identifiers profileId={profileId} list={identifiers} namespace={namespace} />
              </th>
              <td>{called === null ? "–" : <Data>{called}</Data>}</td>
              <td>{since === null ? "–" : <At at={since} />}</td>
              <td>
                <a
                  href={link("segments", name, namespace, `profile_id:${profileId}`)}
                  aria-label={`Explain ${called ?? profileId}`}
                >
                  explain
                </a>
              </td>
            </tr>
          ))}
        </Table>
      )}
      {cursor === null ? null : (
        <button type="button" class="quiet" onClick={() => setCursor(null)}>
          First page
        </button>
      )}{" "}
      {answer === null || answer.nextCursor === null ? null : (
        <button type="button" class="quiet" onClick={() => setCursor(answer.nextCursor)}>
          Next page
        </button>
      )}
    </section>
  );
}
