/** What happened to a profile, newest first, a page at a time. */
import { useEffect, useState } from "preact/hooks";
import type { TimelineAnswer, TimelineEntry } from "../../src/admin/api/profileWire.ts";
import { get } from "./api.ts";
import { act, At, Data, Failure } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";

const types = ["track", "identify", "page", "screen", "group", "alias"] as const;

interface Filter {
  readonly type: string;
  readonly name: string;
  readonly source: string;
}

const noFilter: Filter = { type: "", name: "", source: "" };
const pageSize = 25;

export function Timeline({ id, namespace }: { readonly id: string; readonly namespace: NamespaceName }) {
  const [filter, setFilter] = useState(noFilter);
  const [events, setEvents] = useState<readonly TimelineEntry[]>([]);
  const [cursor, setCursor] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const read = async (asked: Filter, from: string | null, before: readonly TimelineEntry[]) => {
    setBusy(true);
    try {
      const query = { id, namespace, ...asked, cursor: from, limit: pageSize };
      const page = await get<TimelineAnswer>("timeline", query);
      setEvents([...before, ...page.events]);
      setCursor(page.nextCursor);
      setError(null);
    } catch (caught) {
      setError(caught);
    }
    setBusy(false);
  };
  useEffect(() => {
    read(noFilter, null, []).catch(setError);
  }, [id, namespace]);
  const apply = (event: Event) => {
    event.preventDefault();
    read(filter, null, []).catch(setError);
  };
  return (
    <section aria-labelledby="timeline">
      <h3 id="timeline">Timeline</h3>
      <form class="search" onSubmit={apply}>
        <label>
          Call
          <select
            value={filter.type}
            onChange={(event) => setFilter({ ...filter, type: event.currentTarget.value })}
          >
            <option value="">all</option>
            {types.map((type) => (
              <option key={type}>{type}</option>
            ))}
          </select>
        </label>
        <label>
          Name contains
          <input
            value={filter.name}
            onInput={(event) => setFilter({ ...filter, name: event.currentTarget.value })}
          />
        </label>
        <label>
          Source
          <input
            value={filter.source}
            onInput={(event) => setFilter({ ...filter, source: event.currentTarget.value })}
          />
        </label>
        <button type="submit">Filter</button>
      </form>
      {error === null ? null : <Failure error={error} />}
      <p role="status" class="unseen">
        {isBusy ? "Reading…" : `${events.length} events are shown.`}
      </p>
      {events.length === 0 && !isBusy ? (
        <p>No event passes{cursor === null ? "." : " so far; look further back."}</p>
      ) : null}
      <ol class="timeline">
        {events.map((entry) => (
          <li key={entry.seq}>
            <Entry entry={entry} />
          </li>
        ))}
      </ol>
      {cursor === null ? null : (
        <button
          type="button"
          class="quiet"
          disabled={isBusy}
          onClick={act(() => read(filter, cursor, events))}
        >
          Older events
        </button>
      )}
    </section>
  );
}

function Entry({ entry }: { readonly entry: TimelineEntry }) {
  return (
    <details>
      <summary>
        <At at={entry.timestamp} /> <b>{entry.type}</b>{" "}
        {entry.name === null ? null : <Data>{entry.name}</Data>}{" "}
        <small>
          from <Data>{entry.source}</Data>
        </small>
      </summary>
      <p>
        <small>
          messageId <Data>{entry.messageId}</Data>, seq {entry.seq}, received <At at={entry.receivedAt} />, on
          disk <At at={entry.committedAt} />
        </small>
      </p>
      <pre tabIndex={0} aria-label="The event as it came">
        <code>{JSON.stringify(entry.event, null, 2)}</code>
      </pre>
    </details>
  );
}
