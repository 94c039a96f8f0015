/** The newest events as they come, or as they stood when the reader wanted to look. */
import { useState } from "preact/hooks";
import type { RiverEvent } from "../../src/admin/api/adminWire.ts";
import { Data, Identifiers, Table } from "./pieces.tsx";
import { clockText, durationText } from "./words.ts";

export function Newest({ events }: { readonly events: readonly RiverEvent[] }) {
  const [held, setHeld] = useState<readonly RiverEvent[] | null>(null);
  const shown = held ?? events;
  return (
    <section aria-labelledby="newest">
      <div class="row">
        <h2 id="newest">Newest events</h2>
        <button
          type="button"
          class="quiet"
          aria-pressed={held !== null}
          onClick={() => setHeld(held === null ? events : null)}
        >
          {held === null ? "Pause" : "Resume"}
        </button>
      </div>
      {shown.length === 0 ? (
        <p>Events stream by here as they come.</p>
      ) : (
        <Table label="Newest events" head={["Time", "Profile", "Event", "Source", "Traits", "On disk after"]}>
          {shown.map((event) => (
            <NewestRow key={event.seq} event={event} />
          ))}
        </Table>
      )}
    </section>
  );
}

function NewestRow({ event }: { readonly event: RiverEvent }) {
  const { profileId, identifiers, type, name, cause, source, timestamp, committedMs, traits, namespace } =
    event;
  return (
    <tr>
      <td>
        <time dateTime={timestamp} title={timestamp}>
          {clockText(timestamp)}
        </time>
      </td>
      <td>
        {namespace === "test" ? <small>test </small> : null}
        <Identifiers profileId={profileId} list={identifiers} namespace={namespace} />
      </td>
      <td>
        {type ?? cause} {name === null ? null : <Data>{name}</Data>}
      </td>
      <td>{source === null ? "–" : <Data>{source}</Data>}</td>
      <td>
        <Data>{traits.join(", ")}</Data>
      </td>
      <td>{committedMs === null ? "–" : committedMs === 0 ? "< 1 ms" : durationText(committedMs)}</td>
    </tr>
  );
}
