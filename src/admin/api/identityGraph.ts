/** Why a profile's identifiers are one, as a graph: identifiers, and what events say that ties them. Pure. */
import { iso } from "../../esp/profileView.ts";
import { edgesOf, type Edge } from "../../model/edge.ts";
import type { Identifier } from "../../model/identifier.ts";
import type { Identity } from "../../model/identity.ts";
import type { HistoryEntry } from "../../store/profiles.ts";
import type { GraphEdge, IdentityGraph } from "./profileWire.ts";

/** Ties shown, those that count first. */
const maxEdges = 60;

interface Tied {
  readonly oldest: Edge;
  readonly newest: Edge;
  readonly count: number;
}

/** The graph that these events make: one edge for each pair, kind and standing, with the event that made it first. */
export function identityGraph(
  own: readonly Identifier[],
  events: readonly HistoryEntry[],
  identity: Identity,
): IdentityGraph {
  const tied = new Map<string, Tied>();
  for (const edge of events.flatMap((event) => edgesOf(event, identity))) {
    if (isOtherReading(edge, own)) continue;
    const key = JSON.stringify([edge.by, edge.standing, nameOf(edge.from), nameOf(edge.to)]);
    const known = tied.get(key);
    tied.set(key, {
      oldest: known === undefined || isOlder(edge, known.oldest) ? edge : known.oldest,
      newest: known === undefined || isOlder(known.newest, edge) ? edge : known.newest,
      count: (known?.count ?? 0) + 1,
    });
  }
  const ordered = [...tied.values()].sort(
    (left, right) => rank(left) - rank(right) || (isOlder(left.oldest, right.oldest) ? -1 : 1),
  );
  const edges = ordered.slice(0, maxEdges).map(edgeOf);
  return { nodes: nodesOf(own, edges), edges, left: ordered.length - edges.length };
}

/** What an alias names may be a userId or an anonymousId; where it is the one, the other says nothing. */
function isOtherReading({ by, type, to, standing }: Edge, own: readonly Identifier[]): boolean {
  const isOwn = (other: string) => own.some((id) => id.type === other && id.value === to.value);
  if (type !== "alias" || standing !== "counts") return false;
  return by === "link"
    ? !isOwn("anonymous_id") && isOwn("user_id")
    : !isOwn("user_id") && isOwn("anonymous_id");
}

function rank({ oldest }: Tied): number {
  return oldest.standing === "counts" ? 0 : 1;
}

function isOlder(left: Edge, right: Edge): boolean {
  return (left.timestampMs - right.timestampMs || left.seq - right.seq) < 0;
}

function edgeOf({ oldest, newest, count }: Tied): GraphEdge {
  const { from, to, by, standing, messageId, type, source, timestampMs } = oldest;
  return {
    from,
    to,
    by,
    standing,
    count,
    event: { messageId, type, source, timestamp: iso(timestampMs) },
    lastAt: iso(newest.timestampMs),
  };
}

/** The profile's own identifiers first, then those that events named beside them. */
function nodesOf(own: readonly Identifier[], edges: readonly GraphEdge[]): IdentityGraph["nodes"] {
  const nodes = new Map(
    own.map(({ type, value }) => [nameOf({ type, value }), { type, value, isOwn: true }]),
  );
  for (const { type, value } of edges.flatMap(({ from, to }) => [from, to])) {
    const name = nameOf({ type, value });
    if (!nodes.has(name)) nodes.set(name, { type, value, isOwn: false });
  }
  return [...nodes.values()];
}

function nameOf({ type, value }: Identifier): string {
  return `${type}:${value}`;
}
