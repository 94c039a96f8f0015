/** Joining the evidence of two profiles. */
import { addCartAct } from "./cart.ts";
import { emptyEvidence, spansAt, type Evidence, type HasEvidence } from "./computed.ts";
import type { Definitions } from "./definition.ts";
import { evidenceOf, mergeEvidence } from "./evidence.ts";
import { emptyBook, mergeBooks } from "./orders.ts";
import { mergeSpans } from "./spans.ts";

/** Two profiles that are joined; the pids name whose evidence is in. */
export interface Joining {
  readonly definitions: Definitions;
  readonly into: number;
  readonly from: number;
}

/**
 * Joins the evidence of two profiles, in place; `from` is only read.
 *
 * What is kept one by one is a set, and a set joined twice is the same set. What is pressed (evidence.ts, orders.ts)
 * adds up, so a profile must not go in twice: `parts` says which profiles are in, and how far they had got. If all of
 * one side is known to the other, the other is the union. Sides that share a part and each have others besides can't
 * be told apart where they are pressed; a profile is merged into one survivor only, so that never comes up.
 */
export function mergeComputed(into: HasEvidence, from: HasEvidence, joining: Joining): void {
  if (from.evidence === undefined) return;
  const mine = (into.evidence ??= emptyEvidence());
  const theirs = from.evidence;
  const known = partsOf(mine, joining.into);
  const added = partsOf(theirs, joining.from);
  if (covers(known, added)) return;
  if (covers(added, known)) Object.assign(mine, structuredClone(theirs));
  else unite(mine, theirs, joining.definitions);
  for (const [pid, folded] of added) known.set(pid, Math.max(known.get(pid) ?? 0, folded));
  mine.folded = known.get(joining.into) ?? 0;
  known.delete(joining.into);
  mine.parts = [...known].sort(([left], [right]) => left - right);
}

function partsOf(evidence: Evidence, pid: number): Map<number, number> {
  const parts = new Map(evidence.parts);
  return evidence.folded === 0 ? parts : parts.set(pid, evidence.folded);
}

function covers(known: ReadonlyMap<number, number>, added: ReadonlyMap<number, number>): boolean {
  for (const [pid, folded] of added) if ((known.get(pid) ?? 0) < folded) return false;
  return true;
}

function unite(into: Evidence, from: Evidence, definitions: Definitions): void {
  for (const plan of definitions.plans) {
    const theirs = evidenceOf(from.events, plan.key);
    if (theirs === undefined) continue;
    const mine = evidenceOf(into.events, plan.key) ?? (into.events[plan.key] = [[], null]);
    mergeEvidence(mine, theirs, plan);
  }
  for (const plan of definitions.spans) {
    const theirs = from.spans?.[plan.place];
    if (theirs !== undefined)
      mergeSpans(spansAt(into, definitions.spans.length, plan.place), theirs, plan, definitions.limits.spans);
  }
  for (const act of from.cart ?? []) addCartAct((into.cart ??= []), act, definitions.limits.cartActs);
  if (from.orders !== null) mergeBooks((into.orders ??= emptyBook()), from.orders, definitions.limits.orders);
}
