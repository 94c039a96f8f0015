/** The traits of a profile: value, age, origin, what it was before, when it changes next. */
import type {
  ProfileAnswer,
  TraitHistoryAnswer,
  TraitLine,
  TraitPoint,
} from "../../src/admin/api/profileWire.ts";
import { get } from "./api.ts";
import { At, Data, Table, useAnswer } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";
import { link } from "./route.ts";
import { Bars, Spark } from "./spark.tsx";
import { agoText, timeText } from "./words.ts";

interface TraitsProps {
  readonly profile: ProfileAnswer;
  readonly namespace: NamespaceName;
}

const freshness: Readonly<Record<string, string>> = {
  lastKnown: "older than it should be",
  default: "a default",
};

export function Traits({ profile, namespace }: TraitsProps) {
  const { profileId, version } = profile;
  // What was before is of use, but nothing waits for it, and without it the rest is still right.
  const { answer: history } = useAnswer(
    (signal) => get<TraitHistoryAnswer>("traits", { id: `profile_id:${profileId}`, namespace }, { signal }),
    [profileId, version, namespace],
  );
  const traits = Object.entries(profile.traits).sort(([left], [right]) => left.localeCompare(right));
  return (
    <section aria-labelledby="traits">
      <h3 id="traits">Traits</h3>
      {traits.length === 0 ? (
        <p>Nothing is known yet. An identify sets traits.</p>
      ) : (
        <Table label="Traits" head={["Trait", "Value", "Age", "Source", "Set by", "History"]}>
          {traits.map(([name, trait]) => (
            <tr key={name}>
              <th scope="row">
                <Data>{name}</Data>
                {trait.declared === null ? null : <small> {trait.declared}</small>}
              </th>
              <td>
                <Data>{typeof trait.value === "string" ? trait.value : JSON.stringify(trait.value)}</Data>
                <Made trait={trait} profileId={profileId} namespace={namespace} />
              </td>
              <td>
                {trait.updatedAt !== null && trait.ageMs !== null && (
                  <time dateTime={trait.updatedAt} title={timeText(trait.updatedAt)}>
                    {agoText(trait.ageMs)}
                  </time>
                )}
                <small> {freshness[trait.servedFrom ?? ""]}</small>
              </td>
              <td>
                <Data>{trait.source ?? ""}</Data>
              </td>
              <td>
                <SetBy trait={trait} profileId={profileId} namespace={namespace} />
              </td>
              <td>
                <Before name={name} points={history?.traits[name] ?? []} asOf={profile.asOf} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {history === null || history.isWhole ? null : (
        <small>The history is that of the newest 300 events. </small>
      )}
      {traits.some(([, { computed }]) => typeof computed?.window === "string") ? (
        <small>A window that moves on changes a value without an event; the history shows events only.</small>
      ) : null}
    </section>
  );
}

interface OriginProps {
  readonly trait: TraitLine;
  readonly profileId: string;
  readonly namespace: NamespaceName;
}

/** Of a computed trait: how many events, which, and when it changes by itself. */
function Made({ trait: { computed }, profileId, namespace }: OriginProps) {
  if (computed === undefined) return null;
  const { window, eventCount, eventMessageIds, nextChangeAt, approximate } = computed;
  const words = (
    <small>
      {approximate ? "about " : ""}
      {eventCount} {eventCount === 1 ? "event" : "events"}
      {window === null ? "" : ` in ${window}`}
      {nextChangeAt === null ? null : (
        <>
          ; next change <At at={nextChangeAt} />
        </>
      )}
    </small>
  );
  if (eventMessageIds.length === 0) return <p class="made">{words}</p>;
  return (
    <details class="made">
      <summary>{words}</summary>
      <ul>
        {eventMessageIds.map((messageId) => (
          <li key={messageId}>
            <a href={link("profiles", `profile_id:${profileId}`, namespace, messageId)}>
              <Data>{messageId}</Data>
            </a>
          </li>
        ))}
      </ul>
      {eventCount > eventMessageIds.length ? <small>The newest of them are listed.</small> : null}
    </details>
  );
}

function SetBy({ trait: { eventMessageId, setBy }, profileId, namespace }: OriginProps) {
  if (eventMessageId === null) return null;
  return (
    <a href={link("profiles", `profile_id:${profileId}`, namespace, eventMessageId)}>
      {setBy === null ? (
        <Data>{eventMessageId}</Data>
      ) : (
        <span title={`messageId ${eventMessageId}`}>
          {setBy.type} {setBy.name === null ? null : <Data>{setBy.name}</Data>}
        </span>
      )}
    </a>
  );
}

/** What a trait was: a chart, and the same as a list. */
function Before({ name, points, asOf }: BeforeProps) {
  const [first] = points;
  if (first === undefined) return null;
  const fromMs = Date.parse(first.at);
  const toMs = Math.max(Date.parse(asOf), fromMs + 1);
  const steps = points.map((point) => ({ ...point, atMs: Date.parse(point.at), value: point.number }));
  const isNumber = points.every(({ number, text }) => number !== null || text === null);
  const count = `${points.length} ${points.length === 1 ? "value" : "values"}`;
  const label = `${name}: ${count} since ${timeText(first.at)}`;
  return (
    <details class="made">
      <summary>
        {isNumber ? (
          <Spark label={label} steps={steps} fromMs={fromMs} toMs={toMs} />
        ) : (
          <Bars label={label} steps={steps} fromMs={fromMs} toMs={toMs} />
        )}{" "}
        <small class="count" aria-hidden="true">
          {count}
        </small>
      </summary>
      <ol reversed>
        {points.toReversed().map((point, index) => (
          <li key={index}>
            <PointLine point={point} />
          </li>
        ))}
      </ol>
    </details>
  );
}

interface BeforeProps {
  readonly name: string;
  readonly points: readonly TraitPoint[];
  readonly asOf: string;
}

function PointLine({ point: { at, text, event, cause } }: { readonly point: TraitPoint }) {
  return (
    <small>
      <At at={at} />: {text === null ? "cleared" : <Data>{text}</Data>} ({event === null ? cause : event.type}
      {event === null || event.name === null ? null : (
        <>
          {" "}
          <Data>{event.name}</Data>
        </>
      )}
      )
    </small>
  );
}
