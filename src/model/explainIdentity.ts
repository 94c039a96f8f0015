/** Why are two identifiers one profile, or why not? Answered from the events of both. Pure. */
import type { Edge } from "./edge.ts";
import type { Identifier } from "./identifier.ts";

/** One identifier, the profile it leads to, and what that profile's events say. */
export interface Explained {
  readonly identifier: Identifier;
  /** Null: it leads to none. */
  readonly profileId: string | null;
  readonly edges: readonly Edge[];
}

export type Explanation =
  /** One profile: the edges that lead from one to the other, each beginning where the one before ended. */
  | { readonly kind: "same"; readonly profileId: string; readonly chain: readonly Edge[] }
  /** Two profiles: what touches both and yet joins nothing. */
  | { readonly kind: "different"; readonly near: readonly NearMiss[] }
  | { readonly kind: "missing"; readonly missing: readonly Identifier[] };

/** An explanation, and whether all events of both profiles were looked at. */
export interface ExplainedIdentity {
  readonly explanation: Explanation;
  readonly isWhole: boolean;
}

/** Something that might be taken for a reason to join two profiles. */
export interface NearMiss {
  /**
   * `shared`: both were tied to this identifier, which belongs to the newest; `untrusted`, `blocked`, `limit`, `undone`:
   * an event ties them that doesn't count.
   */
  readonly why: "shared" | "untrusted" | "blocked" | "limit" | "undone";
  readonly identifier: Identifier;
  readonly edges: readonly Edge[];
}

/** Explains two identifiers. */
export function explainIdentity(a: Explained, b: Explained): Explanation {
  const missing = [a, b].filter(({ profileId }) => profileId === null).map(({ identifier }) => identifier);
  if (missing.length > 0 || a.profileId === null) return { kind: "missing", missing };
  if (a.profileId !== b.profileId) return { kind: "different", near: nearMisses(a, b) };
  const edges = a.edges.filter(({ standing }) => standing === "counts");
  const chain =
    pathBetween(edges, a.identifier, b.identifier, (through) => through.type === "user_id") ??
    pathBetween(edges, a.identifier, b.identifier, () => true) ??
    [];
  return { kind: "same", profileId: a.profileId, chain };
}

/** The shortest way by the oldest edges; null if there is none. `through`: what it may lead through. */
function pathBetween(
  edges: readonly Edge[],
  from: Identifier,
  to: Identifier,
  through: (identifier: Identifier) => boolean,
): readonly Edge[] | null {
  const around = new Map<string, Edge[]>();
  for (const edge of edges.toSorted(
    (left, right) => left.timestampMs - right.timestampMs || left.seq - right.seq,
  ))
    for (const end of [edge.from, edge.to])
      around.set(nameOf(end), [...(around.get(nameOf(end)) ?? []), edge]);
  const ways = new Map<string, readonly Edge[]>([[nameOf(from), []]]);
  for (const [name, way] of ways) {
    if (name === nameOf(to)) return way;
    const here = way.length === 0 ? from : (way.at(-1)?.to ?? from);
    if (way.length > 0 && !through(here)) continue;
    for (const edge of around.get(name) ?? []) {
      const turned = nameOf(edge.from) === name ? edge : { ...edge, from: edge.to, to: edge.from };
      if (!ways.has(nameOf(turned.to))) ways.set(nameOf(turned.to), [...way, turned]);
    }
  }
  return null;
}

function nearMisses(a: Explained, b: Explained): readonly NearMiss[] {
  const found: NearMiss[] = [];
  const ends = new Map(
    b.edges.flatMap((edge) => [edge.from, edge.to].map((end) => [nameOf(end), end] as const)),
  );
  const shared = new Map(
    a.edges
      .flatMap((edge) => [edge.from, edge.to])
      .filter((end) => ends.has(nameOf(end)))
      .map((end) => [nameOf(end), end] as const),
  );
  for (const identifier of shared.values()) {
    const edges = [...oldestOf(a.edges, identifier), ...oldestOf(b.edges, identifier)];
    for (const standing of ["untrusted", "blocked", "limit", "undone"] as const) {
      const ignored = edges.filter((edge) => edge.standing === standing);
      if (ignored.length > 0) found.push({ why: standing, identifier, edges: ignored });
    }
    const sides = [a, b].map((side) =>
      oldestOf(side.edges, identifier).filter(({ standing }) => standing === "counts"),
    );
    if (identifier.type !== "user_id" && sides.every((counted) => counted.length > 0))
      found.push({ why: "shared", identifier, edges: sides.flat() });
  }
  return found;
}

/** Of every kind and standing the oldest edge that ends there. */
function oldestOf(edges: readonly Edge[], end: Identifier): readonly Edge[] {
  const oldest = new Map<string, Edge>();
  for (const edge of edges.toSorted(
    (left, right) => left.timestampMs - right.timestampMs || left.seq - right.seq,
  )) {
    if (nameOf(edge.from) !== nameOf(end) && nameOf(edge.to) !== nameOf(end)) continue;
    const key = `${edge.by} ${edge.standing}`;
    if (!oldest.has(key)) oldest.set(key, edge);
  }
  return [...oldest.values()];
}

function nameOf({ type, value }: Identifier): string {
  return `${type}:${value}`;
}
