/** Where events come from: the sources that send, and the streams that are followed. */
import type { FollowLine, SourceAnswer } from "../../src/admin/api/adminWire.ts";
import { Ago, Data, Table } from "./pieces.tsx";
import { link } from "./route.ts";
import { countText } from "./words.ts";

export function Sources({ list, nowMs }: { readonly list: readonly SourceAnswer[]; readonly nowMs: number }) {
  if (list.length === 0)
    return (
      <p>
        No source has sent anything yet. <a href={link("keys")}>Make a write key</a> and send the first event
        with it.
      </p>
    );
  return (
    <Table label="Sources" head={["Source", "Last event", "Requests", "Refused", "Last refusal"]}>
      {list.map(({ source, lastSeenAt, requests, refused, lastRefusedAt, lastRefusedCode }) => (
        <tr key={source}>
          <th scope="row">
            <Data>{source}</Data>
          </th>
          <td>
            <Ago at={lastSeenAt} nowMs={nowMs} />
          </td>
          <td>{countText(requests)}</td>
          <td>{countText(refused)}</td>
          <td>
            {lastRefusedCode === null ? (
              "none"
            ) : (
              <a href={link("quarantine", lastRefusedCode, source)}>
                {lastRefusedCode}, <Ago at={lastRefusedAt} nowMs={nowMs} />
              </a>
            )}
          </td>
        </tr>
      ))}
    </Table>
  );
}

export function Follows({ list, nowMs }: { readonly list: readonly FollowLine[]; readonly nowMs: number }) {
  if (list.length === 0) return null;
  return (
    <section aria-labelledby="follows">
      <h2 id="follows">Followed streams</h2>
      <Table label="Followed streams" head={["Source", "Address", "State", "Last event", "Retries"]}>
        {list.map(({ source, url, state, lastEventAt, retries, failing }) => (
          <tr key={source}>
            <th scope="row">
              <Data>{source}</Data>
            </th>
            <td>
              <Data>{url}</Data>
            </td>
            <td>
              {state}
              {failing === null ? null : (
                <small>
                  <br />
                  <Data>{failing}</Data>
                </small>
              )}
            </td>
            <td>
              <Ago at={lastEventAt} nowMs={nowMs} />
            </td>
            <td>{countText(retries)}</td>
          </tr>
        ))}
      </Table>
    </section>
  );
}
