/** One profile: what it is called and why, what is known and since when, what happened, and how a program sees it. */
import { useState } from "preact/hooks";
import type { IdentifierAnswer, JoinEvent, ProfileAnswer } from "../../src/admin/api/profileWire.ts";
import { get } from "./api.ts";
import { Graph } from "./identityGraph.tsx";
import { At, Copy, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";
import { link } from "./route.ts";
import { ProfileDeliveries } from "./profileDeliveries.tsx";
import { Traits } from "./profileTraits.tsx";
import { Timeline } from "./timeline.tsx";

export function ProfileDetail({ id, namespace }: { readonly id: string; readonly namespace: NamespaceName }) {
  const { answer, error, again } = useAnswer(
    (signal) => get<ProfileAnswer>("profile", { id, namespace }, { signal }),
    [id, namespace],
  );
  if (error !== null) return <Failure error={error} />;
  if (answer === null) return <p aria-busy="true">Reading…</p>;
  return (
    <article aria-labelledby="profile">
      <div class="row">
        <h2 id="profile">
          <Data>{answer.name ?? answer.profileId}</Data>
        </h2>
        <button type="button" class="quiet" onClick={again}>
          Refresh
        </button>
      </div>
      <p>
        {answer.name === null ? null : (
          <>
            <Data>{answer.profileId}</Data>.{" "}
          </>
        )}
        {answer.firstSeenAt === null || answer.lastSeenAt === null ? (
          "No event of this profile is known."
        ) : (
          <>
            First seen <At at={answer.firstSeenAt} />, last seen <At at={answer.lastSeenAt} />. Version{" "}
            {answer.version}.
          </>
        )}
      </p>
      <Names profile={answer} />
      <Graph graph={answer.graph} profileId={answer.profileId} namespace={namespace} />
      <SegmentsOf profile={answer} namespace={namespace} />
      <Traits profile={answer} namespace={namespace} />
      <ProfileDeliveries profileId={answer.profileId} namespace={namespace} version={answer.version} />
      <Timeline id={`profile_id:${answer.profileId}`} namespace={namespace} />
      <Raw profile={answer} />
    </article>
  );
}

function Names({ profile }: { readonly profile: ProfileAnswer }) {
  const { identifiers, isWhole } = profile;
  return (
    <section aria-labelledby="names">
      <h3 id="names">Identifiers</h3>
      {identifiers.length === 0 ? (
        <p>It has none.</p>
      ) : (
        <Table label="Identifiers" head={["Type", "Value", "First seen", "Why it is one with the others"]}>
          {identifiers.map((identifier) => (
            <tr key={`${identifier.type}:${identifier.value}`}>
              <th scope="row">{identifier.type}</th>
              <td>
                <Data>{identifier.value}</Data>
              </td>
              <td>{identifier.firstSeen === null ? "–" : <At at={identifier.firstSeen.timestamp} />}</td>
              <td>
                <Why identifier={identifier} isOnly={identifiers.length === 1} />
              </td>
            </tr>
          ))}
        </Table>
      )}
      {isWhole ? null : <small>Only the newest 1,000 events were looked through for this.</small>}
    </section>
  );
}

function Why({ identifier, isOnly }: { readonly identifier: IdentifierAnswer; readonly isOnly: boolean }) {
  const { joinedBy, joinedTo } = identifier;
  if (joinedBy === null || joinedTo === null)
    return (
      <>{isOnly ? "It is the only one." : "The event that joined it is older than those looked through."}</>
    );
  return (
    <>
      <EventName event={joinedBy} /> carried it together with{" "}
      <Data>
        {joinedTo.type}:{joinedTo.value}
      </Data>
    </>
  );
}

function EventName({ event }: { readonly event: JoinEvent }) {
  return (
    <>
      {event.type} {event.name === null ? null : <Data>{event.name} </Data>}from <Data>{event.source}</Data>,{" "}
      <At at={event.timestamp} />
    </>
  );
}

function SegmentsOf({
  profile,
  namespace,
}: {
  readonly profile: ProfileAnswer;
  readonly namespace: NamespaceName;
}) {
  const { segments, profileId } = profile;
  if (segments.length === 0) return null;
  return (
    <section aria-labelledby="segments">
      <h3 id="segments">Segments</h3>
      <ul>
        {segments.map(({ name, since }) => (
          <li key={name}>
            <a href={link("segments", name, namespace, `profile_id:${profileId}`)}>
              <Data>{name}</Data>
            </a>{" "}
            since <At at={since} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Raw({ profile }: { readonly profile: ProfileAnswer }) {
  const [isVerbose, setVerbose] = useState(false);
  const first = profile.identifiers[0];
  const name = first === undefined ? `profile_id:${profile.profileId}` : `${first.type}:${first.value}`;
  const path = `/v1/profiles/${encodeURIComponent(name).replace("%3A", ":")}${isVerbose ? "?verbose=true" : ""}`;
  const curl = `curl -H "Authorization: Bearer $FRESHET_SECRET_KEY" '${location.origin}${path.replaceAll("'", "%27")}'`;
  const json = JSON.stringify(isVerbose ? verboseOf(profile) : profile.raw, null, 2);
  return (
    <section aria-labelledby="raw">
      <h3 id="raw">As a program sees it</h3>
      <label>
        <input
          type="checkbox"
          checked={isVerbose}
          onChange={(event) => setVerbose(event.currentTarget.checked)}
        />
        with the origin of every value
      </label>
      <pre tabIndex={0} aria-label="The same with curl">
        <code>{curl}</code>
      </pre>
      <Copy text={curl} what="command" />
      <details>
        <summary>Raw JSON</summary>
        <pre tabIndex={0} aria-label="Raw JSON">
          <code>{json}</code>
        </pre>
        <Copy text={json} what="JSON" />
      </details>
      <p>
        <a href={link("profiles")}>Back to the profiles that changed last</a>
      </p>
    </section>
  );
}

/** What the public API answers to `?verbose=true`: without what only this page is told. */
function verboseOf({
  raw: _raw,
  isWhole: _isWhole,
  name: _name,
  graph: _graph,
  ...profile
}: ProfileAnswer): unknown {
  return {
    ...profile,
    identifiers: profile.identifiers.map(({ type, value }) => ({ type, value })),
    traits: Object.fromEntries(
      Object.entries(profile.traits).map(([name, { setBy: _setBy, declared: _declared, ...trait }]) => [
        name,
        trait,
      ]),
    ),
  };
}
