import type { NamespaceName } from "./namespaceName.ts";
/** Profiles: found by any identifier; one in full. */
import { useState } from "preact/hooks";
import type { ProfilesAnswer } from "../../src/admin/api/profileWire.ts";
import { get } from "./api.ts";
import { Ago, Data, Failure, Identifiers, Table, useAnswer } from "./pieces.tsx";
import { EventTrace } from "./eventTrace.tsx";
import { ProfileDetail } from "./profileDetail.tsx";
import { go, link, route } from "./route.ts";

export function ProfilesSection() {
  const [id = "", namespace = "live", messageId] = route.value.rest;
  const where: NamespaceName = namespace === "test" ? "test" : "live";
  return (
    <>
      <h1>Profiles</h1>
      <Search key={`${id} ${where}`} id={id} namespace={where} />
      {id !== "" && messageId !== undefined ? (
        <EventTrace key={messageId} id={id} namespace={where} messageId={messageId} />
      ) : id === "" ? (
        <Recent namespace={where} />
      ) : (
        <ProfileDetail key={`${id} ${where}`} id={id} namespace={where} />
      )}
    </>
  );
}

function Search({ id, namespace }: { readonly id: string; readonly namespace: NamespaceName }) {
  const [text, setText] = useState(id);
  const [where, setWhere] = useState(namespace);
  const submit = (event: Event) => {
    event.preventDefault();
    if (text.trim() === "") go("profiles", "", where);
    else go("profiles", text.trim(), where);
  };
  return (
    <form role="search" class="search" onSubmit={submit}>
      <label>
        Identifier
        <input
          type="search"
          name="id"
          value={text}
          spellcheck={false}
          autocomplete="off"
          aria-describedby="exact"
          placeholder="ann@example.com, user_id:42, anonymous_id:a-91, prf_…"
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <label>
        Data
        <select
          value={where}
          onChange={(event) => setWhere(event.currentTarget.value === "test" ? "test" : "live")}
        >
          <option value="live">live</option>
          <option value="test">test</option>
        </select>
      </label>
      <button type="submit">Find</button>
      <small id="exact">
        Finds exact matches only: the whole identifier as it was sent. Upper and lower case count, except in
        e-mail addresses.
      </small>
    </form>
  );
}

function Recent({ namespace }: { readonly namespace: NamespaceName }) {
  const { answer, error } = useAnswer(
    (signal) => get<ProfilesAnswer>("profiles", { namespace }, { signal }),
    [namespace],
  );
  if (error !== null) return <Failure error={error} />;
  if (answer === null) return <p aria-busy="true">Reading…</p>;
  if (answer.profiles.length === 0)
    return (
      <p>
        There is no {namespace} profile yet: one begins with the first event that names somebody.{" "}
        <a href={link("keys")}>Make a write key</a> and send one.
      </p>
    );
  const nowMs = Date.now();
  return (
    <section aria-labelledby="recent">
      <h2 id="recent">Changed last</h2>
      <small>Of the newest 500 changes, the newest first.</small>
      <Table label="Profiles that changed last" head={["Profile", "Name", "Changed", "Last event", "Traits"]}>
        {answer.profiles.map(({ profileId, name, identifiers, changedAt, lastSeenAt, traitCount }) => (
          <tr key={profileId}>
            <th scope="row">
              <Identifiers profileId={profileId} list={identifiers} namespace={namespace} />
            </th>
            <td>{name === null ? "–" : <Data>{name}</Data>}</td>
            <td>
              <Ago at={changedAt} nowMs={nowMs} />
            </td>
            <td>
              <Ago at={lastSeenAt} nowMs={nowMs} />
            </td>
            <td>{traitCount}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
