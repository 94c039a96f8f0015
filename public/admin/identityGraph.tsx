/** The identity graph of a profile: drawn, and the same as a table. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { GraphEdge, Identifier, IdentityGraph } from "../../src/admin/api/profileWire.ts";
import { At, Data, Table } from "./pieces.tsx";
import type { NamespaceName } from "./namespaceName.ts";
import { link } from "./route.ts";

type Node = IdentityGraph["nodes"][number];

const rowPx = 46;
const boxHeightPx = 32;
const charPx = 7.4;
/** More would make the drawing unreadable; the table has all. */
const maxPerColumn = 12;

/** Where each kind of tie comes from. */
const ways: Readonly<Record<GraphEdge["by"], string>> = {
  link: "one event carried both",
  alias: "an alias said so",
  claim: "a trait named it",
};

const standings: Readonly<Record<string, string>> = {
  counts: "counts",
  blocked: "does not count: the value is blocked",
  limit: "does not count: the profile had its fill of such identifiers",
  untrusted: "does not count: a browser may not say so",
  undone: "does not count: it was undone",
};

export function Graph({ graph, profileId, namespace }: GraphProps) {
  const place = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const { current } = place;
    if (current === null) return undefined;
    const sizes = new ResizeObserver(() => setWidth(current.clientWidth));
    setWidth(current.clientWidth);
    sizes.observe(current);
    return () => sizes.disconnect();
  }, []);
  if (graph.edges.length === 0) return null;
  return (
    <section aria-labelledby="graph">
      <h3 id="graph">Why they are one</h3>
      <div ref={place} class="graph">
        {width === 0 ? null : <Drawing graph={graph} width={width} />}
      </div>
      <details>
        <summary>The {graph.edges.length} links as a table</summary>
        <Edges graph={graph} profileId={profileId} namespace={namespace} />
      </details>
    </section>
  );
}

interface GraphProps {
  readonly graph: IdentityGraph;
  readonly profileId: string;
  readonly namespace: NamespaceName;
}

interface Placed {
  readonly node: Node;
  readonly x: number;
  readonly y: number;
}

function Drawing({ graph, width }: { readonly graph: IdentityGraph; readonly width: number }) {
  const { placed, boxWidth, height, isWhole } = layOut(graph.nodes, width);
  const at = (identifier: Identifier) => placed.get(nameOf(identifier));
  const label =
    `Identity graph: ${graph.nodes.length} identifiers and ${graph.edges.length} links; ` +
    "the table that follows says the same.";
  return (
    <>
      <svg
        viewBox={`0 0 ${width} ${height}`}
        width={width}
        height={height}
        class="drawing"
        role="img"
        aria-label={label}
      >
        {graph.edges.map((edge, index) => {
          const from = at(edge.from);
          const to = at(edge.to);
          return from === undefined || to === undefined ? null : (
            <Tie key={index} edge={edge} number={index + 1} from={from} to={to} boxWidth={boxWidth} />
          );
        })}
        {[...placed.values()].map((place) => (
          <Box key={nameOf(place.node)} place={place} boxWidth={boxWidth} />
        ))}
      </svg>
      {isWhole ? null : <small>Not all identifiers are drawn; the table has all links.</small>}
    </>
  );
}

function Box({ place: { node, x, y }, boxWidth }: { readonly place: Placed; readonly boxWidth: number }) {
  const room = Math.max(4, Math.floor((boxWidth - 12) / charPx));
  return (
    <g class={node.isOwn ? "node" : "node other"}>
      <title>{nameOf(node)}</title>
      <rect x={x} y={y} width={boxWidth} height={boxHeightPx} rx={6} />
      <text x={x + boxWidth / 2} y={y + 12} class="type">
        {shortened(node.type, room)}
      </text>
      <text x={x + boxWidth / 2} y={y + 26}>
        {shortened(node.value, room)}
      </text>
    </g>
  );
}

function Tie(props: {
  readonly edge: GraphEdge;
  readonly number: number;
  readonly from: Placed;
  readonly to: Placed;
  readonly boxWidth: number;
}) {
  const { edge, number, boxWidth } = props;
  const [left, right] = props.from.x <= props.to.x ? [props.from, props.to] : [props.to, props.from];
  const isUpright = left.x === right.x;
  const x1 = left.x + boxWidth;
  const y1 = left.y + boxHeightPx / 2;
  const x2 = isUpright ? right.x + boxWidth : right.x;
  const y2 = right.y + boxHeightPx / 2;
  const bend = isUpright ? 22 : (x2 - x1) / 2;
  const inward = isUpright ? x2 + bend : x2 - bend;
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${inward} ${y2} ${x2} ${y2}`;
  // Many ties end at one person: the number stands near the other end, where each has room of its own.
  const isNearLeft = isUpright ? edge.to.value === left.node.value : left.node.type === "anonymous_id";
  const share = isNearLeft ? 0.22 : 0.78;
  const x = onCurve(share, x1, x1 + bend, inward, x2);
  const y = onCurve(share, y1, y1, y2, y2);
  return (
    <g class={edge.standing === "counts" ? `tie ${edge.by}` : "tie void"}>
      <title>{`${number}: ${nameOf(edge.from)} and ${nameOf(edge.to)}: ${ways[edge.by]}`}</title>
      <path d={path} />
      <circle cx={x} cy={y} r={8} />
      <text x={x} y={y + 4}>
        {number}
      </text>
    </g>
  );
}

/** One coordinate of a point on a Bézier curve. */
function onCurve(share: number, p0: number, p1: number, p2: number, p3: number): number {
  const rest = 1 - share;
  return rest ** 3 * p0 + 3 * rest ** 2 * share * p1 + 3 * rest * share ** 2 * p2 + share ** 3 * p3;
}

function Edges({ graph, profileId, namespace }: GraphProps) {
  return (
    <>
      <Table label="Links" head={["Link", "Between", "And", "Why", "First said by", "When", "Times"]}>
        {graph.edges.map(({ from, to, by, standing, count, event }, index) => (
          <tr key={index}>
            <th scope="row">{index + 1}</th>
            <td>
              <Data>{nameOf(from)}</Data>
            </td>
            <td>
              <Data>{nameOf(to)}</Data>
            </td>
            <td>
              {ways[by]}
              {standing === "counts" ? null : (
                <>
                  ; <strong>{standings[standing] ?? standing}</strong>
                </>
              )}
            </td>
            <td>
              <a href={link("profiles", `profile_id:${profileId}`, namespace, event.messageId)}>
                <span title={`messageId ${event.messageId}`}>{event.type}</span>
              </a>{" "}
              from <Data>{event.source}</Data>
            </td>
            <td>
              <At at={event.timestamp} />
            </td>
            <td>{count}</td>
          </tr>
        ))}
      </Table>
      {graph.left === 0 ? null : <small>{graph.left} more are not shown.</small>}
    </>
  );
}

/** Devices to the left, people in the middle, what they claim to the right. */
function layOut(nodes: readonly Node[], width: number) {
  const columns = [
    nodes.filter(({ type }) => type === "anonymous_id"),
    nodes.filter(({ type }) => type === "user_id"),
    nodes.filter(({ type }) => type !== "anonymous_id" && type !== "user_id"),
  ].filter((column) => column.length > 0);
  const gap = Math.max(36, width * 0.08);
  const boxWidth = Math.min(260, (width - gap * (columns.length - 1) - 30) / columns.length);
  const rows = Math.max(...columns.map((column) => Math.min(column.length, maxPerColumn)));
  const height = rows * rowPx;
  const placed = new Map<string, Placed>();
  for (const [index, column] of columns.entries()) {
    const shown = column.slice(0, maxPerColumn);
    const top = (height - shown.length * rowPx) / 2 + (rowPx - boxHeightPx) / 2;
    for (const [row, node] of shown.entries())
      placed.set(nameOf(node), { node, x: index * (boxWidth + gap), y: top + row * rowPx });
  }
  return { placed, boxWidth, height, isWhole: placed.size === nodes.length };
}

function shortened(text: string, room: number): string {
  if (text.length <= room) return text;
  const head = text.slice(0, room - 1);
  return `${head.isWellFormed() ? head : head.slice(0, -1)}…`;
}

function nameOf({ type, value }: Identifier): string {
  return `${type}:${value}`;
}
