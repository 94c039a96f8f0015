/** Alerts: those of before, and a test of the webhook that they go to. */
import { useState } from "preact/hooks";
import type { AlertsAnswer, AlertTestAnswer } from "../../src/admin/api/adminWire.ts";
import { get, post } from "./api.ts";
import { act, At, Data, Failure, Table, useAnswer } from "./pieces.tsx";

/** `raised`: how many are raised now; the list is read again when that changes. */
export function AlertBook({ raised }: { readonly raised: number }) {
  const { answer, error } = useAnswer(
    (signal) => get<AlertsAnswer>("alerts", {}, { signal, isBackground: true }),
    [raised],
  );
  const [said, setSaid] = useState("");
  const [failed, setFailed] = useState<unknown>(null);
  const test = async () => {
    setSaid("Sending…");
    setFailed(null);
    try {
      setSaid(sentText(await post<AlertTestAnswer>("alerts/test")));
    } catch (caught) {
      setSaid("");
      setFailed(caught);
    }
  };
  return (
    <section aria-labelledby="alerts">
      <h2 id="alerts">Alerts</h2>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : answer.alerts.length === 0 ? (
        <p>
          None since the start. One is raised when a source goes quiet, much is refused, events take long, a
          destination lags or fails, or the disk fills up; <code>alerts:</code> in freshet.yaml sets when, and
          where it is told.
        </p>
      ) : (
        <Table label="Alerts" head={["Raised", "Cleared", "What"]}>
          {answer.alerts.map(({ id, sentence, raisedAt, clearedAt }) => (
            <tr key={id}>
              <td>
                <At at={raisedAt} />
              </td>
              <td>{clearedAt === null ? "not yet" : <At at={clearedAt} />}</td>
              <th scope="row">
                <Data>{sentence}</Data>
              </th>
            </tr>
          ))}
        </Table>
      )}
      <div class="act">
        <button type="button" class="quiet" onClick={act(test)}>
          Send a test alert
        </button>
        <p role="status">{said}</p>
        {failed === null ? null : <Failure error={failed} />}
      </div>
    </section>
  );
}

function sentText(sent: AlertTestAnswer): string {
  switch (sent.kind) {
    case "sent":
      return `The webhook answered ${sent.status}.`;
    case "failed":
      return `It did not get through: ${sent.why}`;
    case "noWebhook":
      return "No webhook is set: alerts are shown here and logged.";
  }
}
