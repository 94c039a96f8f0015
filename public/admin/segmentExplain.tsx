/** Why somebody is in a segment or is not: every clause with its answer. */
import { useState } from "preact/hooks";
import type { ClauseLine, SegmentExplainAnswer } from "../../src/admin/api/segmentWire.ts";
import { get } from "./api.ts";
import { At, Data, Failure, useAnswer } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";
import { go, link } from "./route.ts";

/** Asks for an identifier, and explains it clause by clause. */
export function Explain({
  name,
  namespace,
  id,
}: {
  readonly name: string;
  readonly namespace: NamespaceName;
  readonly id: string;
}) {
  const [text, setText] = useState(id);
  const submit = (event: Event) => {
    event.preventDefault();
    go("segments", name, namespace, text.trim());
  };
  return (
    <section aria-labelledby="ask">
      <h3 id="ask">Why is somebody in it, or not?</h3>
      <form class="search" onSubmit={submit}>
        <label>
          Identifier
          <input
            name="id"
            value={text}
            spellcheck={false}
            autocomplete="off"
            placeholder="ann@example.com, user_id:42, anonymous_id:a-91, prf_…"
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit">Explain</button>
      </form>
      {id === "" ? null : <Explanation name={name} namespace={namespace} id={id} />}
    </section>
  );
}

function Explanation(asked: {
  readonly name: string;
  readonly namespace: NamespaceName;
  readonly id: string;
}) {
  const { name, namespace, id } = asked;
  const { answer, error } = useAnswer(
    (signal) => get<SegmentExplainAnswer>("segment/explain", { name, namespace, id }, { signal }),
    [name, namespace, id],
  );
  if (error !== null) return <Failure error={error} />;
  if (answer === null) return <p aria-busy="true">Reading…</p>;
  return (
    <div class="explained" role="status">
      <p>
        <a href={link("profiles", `profile_id:${answer.profileId}`, namespace)}>
          <Data>{answer.name ?? id}</Data>
        </a>{" "}
        {answer.clause.isTrue ? (
          <>
            <strong>is in it</strong>
            {answer.since === null ? null : (
              <>
                {" "}
                since <At at={answer.since} />
              </>
            )}
          </>
        ) : (
          <strong>is not in it</strong>
        )}
        , as of <At at={answer.at} />.
      </p>
      <ul class="clauses">
        <Clause clause={answer.clause} />
      </ul>
    </div>
  );
}

const groups: Readonly<Record<string, string>> = {
  all: "all of these",
  any: "one of these",
  not: "not this",
};

function Clause({ clause }: { readonly clause: ClauseLine }) {
  const { kind, words, isTrue, seen, since, turnsAt, approximate, of } = clause;
  return (
    <li class={isTrue ? "yes" : "no"}>
      <strong class="mark">{isTrue ? "yes" : "no"}</strong>
      <Data>{of.length > 0 ? (groups[kind] ?? words) : words}</Data>
      <small>
        {seen === null ? null : (
          <>
            ; it is <Data>{typeof seen === "string" ? seen : JSON.stringify(seen)}</Data>
            {approximate ? ", about" : ""}
          </>
        )}
        {since === null ? null : (
          <>
            ; since <At at={since} />
          </>
        )}
        {turnsAt === null ? null : (
          <>
            ; turns by itself <At at={turnsAt} />
          </>
        )}
      </small>
      {of.length === 0 ? null : (
        <ul>
          {of.map((part, index) => (
            <Clause key={index} clause={part} />
          ))}
        </ul>
      )}
    </li>
  );
}
