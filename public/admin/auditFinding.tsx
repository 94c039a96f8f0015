/** One finding: its sentence, and the events, profiles and rows that it is about. */
import type { DifferingRow, FindingDetailAnswer, FindingEvent } from "../../src/admin/api/auditWire.ts";
import { get } from "./api.ts";
import { At, Data, Failure, Identifiers, Table, useAnswer } from "./pieces.tsx";
import { link } from "./route.ts";

export function FindingDetail({ run, name }: { readonly run: string; readonly name: string }) {
  const { answer, error } = useAnswer(
    (signal) => get<FindingDetailAnswer>("audits/finding", { run, key: name }, { signal }),
    [run, name],
  );
  return (
    <>
      <p>
        <a href={link("audits")}>All findings</a>
      </p>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? (
        error === null ? (
          <p aria-busy="true">Reading…</p>
        ) : null
      ) : (
        <Detail answer={answer} />
      )}
    </>
  );
}

function Detail({ answer }: { readonly answer: FindingDetailAnswer }) {
  const { finding, events, profiles, rows } = answer;
  const { source, event, property, trait } = finding;
  return (
    <article>
      <ul class="words">
        <li class={finding.severity === "critical" ? "wrong" : "slow"}>
          {finding.severity === "critical" ? <strong>Critical. </strong> : null}
          <Data>{finding.sentence}</Data>
        </li>
      </ul>
      <p>{finding.advice}</p>
      <p>
        {source === null ? null : (
          <a href={link("audits", "event", source, event ?? "", property ?? "")}>What came of it by day</a>
        )}
        {trait === null ? null : <a href={link("audits", "trait", trait)}>The trait by day</a>}{" "}
        <small>
          since <At at={finding.since} />, first met <At at={finding.firstSeenAt} /> ·{" "}
          <Data>{finding.key}</Data>
        </small>
      </p>
      {rows.length === 0 ? null : <Rows rows={rows} property={property ?? "value"} />}
      {events.length === 0 || rows.length > 0 ? null : <Events events={events} property={property} />}
      {profiles.length === 0 ? null : <Profiles profiles={profiles} />}
      {rows.length + events.length + profiles.length === 0 ? (
        <p>There is no single event or profile to look at.</p>
      ) : null}
    </article>
  );
}

function Events(props: { readonly events: readonly FindingEvent[]; readonly property: string | null }) {
  const { events, property } = props;
  const head = ["Event", "Received", "messageId", ...(property === null ? [] : [property])];
  return (
    <section aria-labelledby="events">
      <h2 id="events">Some of the events</h2>
      <Table label="Some of the events" head={head}>
        {events.map((event) => (
          <tr key={event.seq}>
            <th scope="row">
              <Data>{event.name}</Data> <small>from {event.source}</small>
            </th>
            <td>
              <At at={event.receivedAt} />
            </td>
            <td>
              <Trace event={event} />
            </td>
            {property === null ? null : (
              <td>{event.value === null ? <em>absent</em> : <Data>{event.value}</Data>}</td>
            )}
          </tr>
        ))}
      </Table>
    </section>
  );
}

/** Leads to the event's way through the house. */
function Trace({ event: { messageId, profileId } }: { readonly event: FindingEvent }) {
  if (profileId === null) return <Data>{messageId}</Data>;
  return (
    <a href={link("profiles", `profile_id:${profileId}`, "live", messageId)}>
      <Data>{messageId}</Data>
    </a>
  );
}

function Rows({ rows, property }: { readonly rows: readonly DifferingRow[]; readonly property: string }) {
  const side = (told: FindingEvent | null) =>
    told === null ? (
      <em>did not come</em>
    ) : (
      <>
        <Data>{told.value ?? "–"}</Data>{" "}
        <small>
          <Trace event={told} />
        </small>
      </>
    );
  const [first] = rows.flatMap(({ left, right }) =>
    left === null || right === null ? [] : [{ left, right }],
  );
  return (
    <section aria-labelledby="rows">
      <h2 id="rows">Rows that differ</h2>
      <Table
        label="Rows that differ"
        head={[
          "Key",
          `${property} from ${first?.left.source ?? "one side"}`,
          `from ${first?.right.source ?? "the other"}`,
        ]}
      >
        {rows.map(({ key, left, right }) => (
          <tr key={key}>
            <th scope="row">
              <Data>{key}</Data>
            </th>
            <td>{side(left)}</td>
            <td>{side(right)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}

function Profiles({ profiles }: Pick<FindingDetailAnswer, "profiles">) {
  return (
    <section aria-labelledby="profiles">
      <h2 id="profiles">Some of the profiles</h2>
      <ul>
        {profiles.map(({ profileId, identifiers }) => (
          <li key={profileId}>
            <Identifiers profileId={profileId} list={identifiers} namespace="live" />
          </li>
        ))}
      </ul>
    </section>
  );
}
