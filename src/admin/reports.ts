/** What operations say of keys, and of events as the journal keeps them. */
import type { KeyRow } from "../store/messages.ts";
import type { JournalReader } from "../store/journalReader.ts";
import { namespaceOf, rowKind, typeOf, type EventRow } from "../store/row.ts";
import type { KeyReport } from "./operation.ts";

/** A key without its secret. */
export function keyReport(row: KeyRow, configured: boolean): KeyReport {
  return {
    id: row.id,
    kind: row.kind,
    namespace: row.namespace,
    source: row.source,
    trust: row.trust,
    scopes: row.scopes,
    readableTraits: row.readableTraits,
    blocks: row.blocks,
    idTypes: row.idTypes,
    createdAt: new Date(row.createdAtMs).toISOString(),
    revokedAt: row.revokedAtMs === null ? null : new Date(row.revokedAtMs).toISOString(),
    configured,
  };
}

const pageRows = 500;

/** Every event of a namespace in journal order, in a form that `import` takes again; erased ones are left out. */
export function* exportedEvents(journal: JournalReader, namespace: "live" | "test"): Generator {
  const head = journal.head();
  for (let after = 0; after < head;) {
    const rows = journal.rowsAfter(after, pageRows);
    for (const row of rows) {
      if (
        row.seq <= head &&
        row.kind === rowKind.event &&
        row.body !== null &&
        namespaceOf(row.flags) === namespace
      )
        yield exportedEvent(row, journal);
    }
    const last = rows.at(-1);
    if (last === undefined) return;
    after = last.seq;
  }
}

function exportedEvent(row: EventRow, journal: JournalReader): unknown {
  const body: unknown = row.body === null ? {} : JSON.parse(Buffer.from(row.body).toString("utf8"));
  const times = {
    timestamp: new Date(row.timestamp_ms).toISOString(),
    receivedAt: new Date(row.received_at_ms ?? row.timestamp_ms).toISOString(),
  };
  // sentAt would correct the already corrected time once more on the way back in; the key is nobody else's business.
  const {
    sentAt: _sentAt,
    originalTimestamp: _original,
    writeKey: _writeKey,
    ...rest
  } = body as Record<string, unknown>;
  return {
    ...rest,
    type: typeOf(row.flags),
    messageId: row.message_id,
    ...times,
    source: journal.sourceName(row.source),
  };
}
