/** One text for every state that means the same, for comparing states: never stored. */
import type { Evidence } from "./computed.ts";
import { canonicalJson } from "./canonicalJson.ts";
import type { Json } from "./event.ts";
import type { ProfileState } from "./profile.ts";
import { stampAt, type StampTable } from "./stamp.ts";
import { childOf, type TraitChildren, type TraitNode } from "./trait.ts";

/** The state with its stamps in place, keys sorted. Equal states give equal text, whatever order made them. */
export function canonicalState(state: ProfileState): string {
  return canonicalJson({
    first: state.first,
    last: state.last,
    names: state.names,
    bytes: state.bytes,
    traits: traitsJson(state, state.traits),
    consent: state.consent === undefined ? null : (state.consent as unknown as Json),
    evidence: state.evidence === undefined ? null : evidenceJson(state.evidence),
  });
}

/** Without whose evidence is in: that tells how the state came about, not what it is. */
function evidenceJson(evidence: Evidence): Json {
  const { events, spans, cart, orders } = evidence;
  return JSON.parse(JSON.stringify({ events, spans, cart, orders })) as Json;
}

function traitsJson(table: StampTable, children: TraitChildren): Json {
  const plain = Object.create(null) as Record<string, Json>;
  for (const key in children) {
    const node = childOf(children, key);
    if (node !== undefined) plain[key] = nodeJson(table, node);
  }
  return plain;
}

function nodeJson(table: StampTable, node: TraitNode): Json {
  const stamp = node[0] < 0 ? null : stampAt(table, node[0]).slice(0, 5);
  return node.length === 2 ? [stamp, node[1]] : [stamp, traitsJson(table, node[1]), 1];
}
