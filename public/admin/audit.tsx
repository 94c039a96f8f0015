/** What operators did, newest first. */
import { useState } from "preact/hooks";
import type { AuditAnswer } from "../../src/admin/api/adminWire.ts";
import { get } from "./api.ts";
import { At, Data, Failure, Table, useAnswer } from "./pieces.tsx";

/** An act's name in the log, and as one says it. */
const actions: Readonly<Record<string, string>> = {
  sign_in: "Signed in",
  sign_in_refused: "Sign-in refused",
  sign_out: "Signed out",
  "key.rotateSigning": "Changed the key that signs access tokens",
  "content.tokens": "Made content tokens of all profiles",
  "key.create": "Made a key",
  "key.revoke": "Revoked a key",
  "quarantine.replay": "Sent quarantined input again",
  "alerts.test": "Sent a test alert",
  "audits.run": "Began an audit",
  "destinations.pause": "Paused or resumed a destination",
  "destinations.refill": "Sent everybody to a destination again",
  "destinations.forget": "Forgot a destination that was removed",
  "destinations.replay": "Sent dead letters again",
  "destinations.discard": "Discarded dead letters",
  "destinations.test": "Tested credentials of a destination",
  "destinations.drift": "Compared a destination with what it has",
  backup: "Backed up",
  verify: "Verified",
  rebuild: "Rebuilt the profiles",
  compact: "Compacted the files",
  erase: "Erased a profile",
  export: "Exported",
};

const outcomes: Readonly<Record<string, string>> = {
  begun: "begun; how it ended is not known",
  done: "done",
  failed: "failed",
};

export function AuditSection() {
  const [action, setAction] = useState("");
  const [cursor, setCursor] = useState<string | null>(null);
  const { answer, error } = useAnswer(
    (signal) => get<AuditAnswer>("audit", { action, cursor, limit: 50 }, { signal }),
    [action, cursor],
  );
  return (
    <>
      <h1>Audit log</h1>
      <p>What was done here and through the server's socket. An act is written down before it is done.</p>
      <label>
        Show
        <select
          value={action}
          onChange={(event) => {
            setAction(event.currentTarget.value);
            setCursor(null);
          }}
        >
          <option value="">everything</option>
          {Object.entries(actions).map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
      </label>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? <p aria-busy="true">Reading…</p> : <Entries answer={answer} onOlder={setCursor} />}
      {cursor === null ? null : (
        <button type="button" class="quiet" onClick={() => setCursor(null)}>
          Newest
        </button>
      )}
    </>
  );
}

function Entries({
  answer,
  onOlder,
}: {
  readonly answer: AuditAnswer;
  readonly onOlder: (cursor: string) => void;
}) {
  const { entries, nextCursor } = answer;
  if (entries.length === 0) return <p>Nothing of the kind was done yet.</p>;
  return (
    <>
      <Table label="Acts" head={["When", "What", "To", "By", "From", "Outcome"]}>
        {entries.map(({ id, at, action, target, actor, address, outcome, detail }) => (
          <tr key={id}>
            <td>
              <At at={at} />
            </td>
            <th scope="row">{actions[action] ?? action}</th>
            <td>{target === null ? "–" : <Data>{target}</Data>}</td>
            <td>{actor ?? "somebody unknown"}</td>
            <td>{address ?? "this machine"}</td>
            <td>
              {outcomes[outcome] ?? outcome}
              {detail === null ? null : (
                <small>
                  <br />
                  <Data>{JSON.stringify(detail)}</Data>
                </small>
              )}
            </td>
          </tr>
        ))}
      </Table>
      {nextCursor === null ? null : (
        <button type="button" class="quiet" onClick={() => onOlder(nextCursor)}>
          Older
        </button>
      )}
    </>
  );
}
