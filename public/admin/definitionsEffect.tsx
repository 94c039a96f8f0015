/** What a change of the definitions would be and do. */
import type { ConfigDifference, ConfigPlanned } from "../../src/admin/workReports.ts";
import { Data, Table } from "./pieces.tsx";
import { countText } from "./words.ts";

const partNames: Readonly<Record<string, string>> = {
  computed: "computed trait",
  traits: "trait",
  segments: "segment",
  consent: "consent",
  identity: "identity",
  trackingPlan: "tracking plan",
  destinations: "destination",
  triggers: "trigger",
  audits: "audit setting",
  freshness: "freshness setting",
};

export function Difference({ difference }: { readonly difference: ConfigDifference }) {
  const { rules, plan, destinations, watching, atNextStart, needsRebuild } = difference;
  const atWork = [...rules, ...plan, ...destinations, ...watching];
  const isSame = atWork.length + atNextStart.length + needsRebuild.length === 0;
  if (isSame) return <p>Nothing is wrong, and nothing is another than what is in use.</p>;
  return (
    <>
      <p>Nothing is wrong. Against what is in use:</p>
      <ul class="difference">
        {atWork.map(({ part, name, kind }) => (
          <li key={`${part} ${name}`} class={kind}>
            <strong>{kind}</strong> {partNames[part] ?? part} <Data>{name}</Data>
          </li>
        ))}
        {atNextStart.map((name) => (
          <li key={name}>
            <strong>at the next start only</strong> <Data>{name}</Data>
          </li>
        ))}
        {needsRebuild.map(({ name, kind }) => (
          <li key={name} class="wrong">
            <strong>needs rebuild</strong> identity <Data>{name}</Data> is {kind}: who is who can't change
            while the server runs. Stop it and start it with this file.
          </li>
        ))}
      </ul>
    </>
  );
}

export function Effect({ plan: { effect, ...difference } }: { readonly plan: ConfigPlanned }) {
  if (effect === null) return null;
  const traits = Object.entries(effect.traits);
  const segments = Object.entries(effect.segments);
  // What is another in its definition but not for anybody is worth a line as well.
  const quiet = difference.rules.filter(
    ({ part, name }) =>
      (part === "computed" && effect.traits[name] === undefined) ||
      (part === "segments" && effect.segments[name] === undefined),
  );
  return (
    <>
      {traits.length === 0 ? null : (
        <Table label="Traits that would change" head={["Trait", "Profiles with another value"]}>
          {traits.map(([name, count]) => (
            <tr key={name}>
              <th scope="row">
                <Data>{name}</Data>
              </th>
              <td>{countText(count)}</td>
            </tr>
          ))}
        </Table>
      )}
      {segments.length === 0 ? null : (
        <Table label="Segments that would change" head={["Segment", "Would enter", "Would leave"]}>
          {segments.map(([name, { entered, exited }]) => (
            <tr key={name}>
              <th scope="row">
                <Data>{name}</Data>
              </th>
              <td>{countText(entered)}</td>
              <td>{countText(exited)}</td>
            </tr>
          ))}
        </Table>
      )}
      {quiet.length === 0 ? null : (
        <p>
          For nobody would change: <Data>{quiet.map(({ name }) => name).join(", ")}</Data>.
        </p>
      )}
    </>
  );
}
