/** What destinations know of a profile, what was tried, and which messages it got or did not get, and why. */
import type { ProfileDeliveriesAnswer } from "../../src/admin/api/deliveryWire.ts";
import type { DeliveryReport } from "../../src/esp/deliver/reports.ts";
import { get } from "./api.ts";
import { reasonText } from "./deliveryWords.ts";
import type { NamespaceName } from "./namespaceName.ts";
import { Ago, At, Data, Failure, Table, useAnswer } from "./pieces.tsx";
import { link } from "./route.ts";
import { TriggerLog } from "./triggers.tsx";
import { durationText } from "./words.ts";

export function ProfileDeliveries({
  profileId,
  namespace,
  version,
}: {
  readonly profileId: string;
  readonly namespace: NamespaceName;
  readonly version: number;
}) {
  const { answer, error } = useAnswer(
    (signal) =>
      get<ProfileDeliveriesAnswer>(
        "profile/deliveries",
        { id: `profile_id:${profileId}`, namespace },
        { signal },
      ),
    [profileId, namespace, version],
  );
  if (answer !== null && answer.destinations.length === 0 && answer.log.length === 0) return null;
  return (
    <section aria-labelledby="deliveries">
      <h3 id="deliveries">What was sent</h3>
      {error === null ? null : <Failure error={error} />}
      {answer === null ? null : (
        <>
          <Table
            label="Destinations of the profile"
            head={["Destination", "Known there as", "Last taken", "To be sent"]}
          >
            {answer.destinations.map((one) => (
              <tr key={one.destination}>
                <th scope="row">
                  <a href={link("destinations", one.destination)}>
                    <Data>{one.destination}</Data>
                  </a>
                </th>
                <td>
                  <Data>{one.known === null ? "not at all" : Object.values(one.known.key).join(", ")}</Data>
                </td>
                <td>
                  <Ago at={timeOf(one.known?.ackedAtMs ?? null)} nowMs={Date.now()} />
                </td>
                <td>{nextOf(one)}</td>
              </tr>
            ))}
          </Table>
          {answer.destinations.map((one) => (
            <Attempts key={one.destination} one={one} />
          ))}
          <h4>Messages of triggers</h4>
          <TriggerLog log={answer.log} of="profile" />
        </>
      )}
    </section>
  );
}

function nextOf({ reason, unsent, queued, deadLetters, refused }: DeliveryReport): string {
  const parts = [
    reason === null
      ? unsent.length === 0
        ? "nothing: it has everything"
        : unsent.join(", ")
      : reasonText(reason),
    queued.length === 0 ? "" : `${queued.length} in the queue`,
    deadLetters.length === 0 ? "" : `${deadLetters.length} dead letters`,
    ...refused.map(({ field, why }) => `never ${field}: ${why}`),
  ];
  return parts.filter((text) => text !== "").join("; ");
}

function Attempts({ one }: { readonly one: DeliveryReport }) {
  if (one.attempts.length === 0) return null;
  return (
    <details>
      <summary>
        Attempts at <Data>{one.destination}</Data> ({one.attempts.length})
      </summary>
      <Table label={`Attempts at ${one.destination}`} head={["When", "What", "Outcome", "Took"]}>
        {one.attempts.map(({ atMs, operation, outcome, status, reason, durationMs }, at) => (
          <tr key={`${atMs}-${at}`}>
            <td>
              <At at={new Date(atMs).toISOString()} />
            </td>
            <th scope="row">{operation}</th>
            <td>
              {outcome}
              {status === null ? "" : ` (${status})`}
              {reason === null ? null : (
                <>
                  : <Data>{reason}</Data>
                </>
              )}
            </td>
            <td>{durationText(durationMs)}</td>
          </tr>
        ))}
      </Table>
    </details>
  );
}

function timeOf(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
