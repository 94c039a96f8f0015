/** What profiles have of each trait: how many, how old, of which type. */
import { ageBoundsMs } from "../../src/model/audit/traitCells.ts";
import type { AuditsAnswer, TraitRowAnswer } from "../../src/admin/api/auditWire.ts";
import { At, Data, Table } from "./pieces.tsx";
import { link } from "./route.ts";
import { countText, durationText } from "./words.ts";

type Props = Pick<AuditsAnswer, "traits" | "segments"> & { readonly scannedAt: string };

export function TraitTable({ traits, segments, scannedAt }: Props) {
  return (
    <>
      <p>
        Of all live profiles, <At at={scannedAt} />.
      </p>
      {traits.length === 0 ? (
        <p>No trait is there that at least three profiles have.</p>
      ) : (
        <Table label="Traits" head={["Trait", "Have it", "Age", "Too old", "Types", "Different values"]}>
          {traits.map((row) => (
            <tr key={row.trait}>
              <th scope="row">
                <a href={link("audits", "trait", row.trait)}>
                  <Data>{row.trait}</Data>
                </a>
              </th>
              <td>
                {row.coverage} % <small>({countText(row.present)})</small>
              </td>
              <td>
                <Ages row={row} />
              </td>
              <td>
                {row.stale === null || row.maxAgeMs === null
                  ? "–"
                  : `${row.stale} % over ${durationText(row.maxAgeMs)}`}
              </td>
              <td>{typesText(row)}</td>
              <td>{countText(row.distinct)}</td>
            </tr>
          ))}
        </Table>
      )}
      {segments.length === 0 ? null : (
        <p>
          Segments:{" "}
          {segments.map(({ segment, profiles }, index) => (
            <span key={segment}>
              {index === 0 ? "" : ", "}
              <a href={link("segments", segment)}>
                <Data>{segment}</Data>
              </a>{" "}
              {countText(profiles)}
            </span>
          ))}
          .
        </p>
      )}
    </>
  );
}

function typesText({ types }: TraitRowAnswer): string {
  const sorted = Object.entries(types).sort(([, left], [, right]) => right - left);
  return sorted.length === 1
    ? (sorted[0]?.[0] ?? "")
    : sorted.map(([type, share]) => `${type} ${share} %`).join(", ");
}

const heightPx = 28;
const barPx = 10;

/** A bar for each step of ages, from a minute to a year; what is beyond the max age is marked. */
function Ages({ row }: { readonly row: TraitRowAnswer }) {
  const { ages, maxAgeMs } = row;
  const most = Math.max(...ages);
  if (most <= 0) return <>–</>;
  const words = ages.flatMap((count, step) =>
    count === 0 ? [] : [`${stepText(step)}: ${countText(count)}`],
  );
  return (
    <svg
      class="spark ages"
      viewBox={`0 0 ${ages.length * barPx} ${heightPx}`}
      role="img"
      aria-label={`Ages of ${row.trait}: ${words.join(", ")}`}
    >
      {ages.map((count, step) => {
        const height = count === 0 ? 1 : Math.max(3, (count / most) * heightPx);
        const isOld = maxAgeMs !== null && (ageBoundsMs[step - 1] ?? 0) >= maxAgeMs;
        return (
          <rect
            key={step}
            class={isOld ? "kind-3" : "kind-0"}
            x={step * barPx}
            y={heightPx - height}
            width={barPx - 2}
            height={height}
          />
        );
      })}
    </svg>
  );
}

function stepText(step: number): string {
  const bound = ageBoundsMs[step];
  return bound === undefined ? "older" : `up to ${durationText(bound)}`;
}
