/** The lists that segments name: kept in the journal's `meta`, so that whoever opens the folder decides alike. */
import { listSetOf } from "../lib/digestList.ts";
import { compileRules, type Rules } from "../model/rules.ts";
import type { Definitions } from "../model/definition.ts";
import type { ListsByHash } from "../model/segmentCompile.ts";
import type { SegmentRule } from "../model/segmentRule.ts";

/** Content of lists by its hash. */
export type ListBytes = ReadonlyMap<string, Uint8Array>;

const prefix = "segmentList:";

/** The part of the journal that remembers lists. */
interface Memory {
  getMeta(name: string): string | null;
  setMeta(name: string, value: string): void;
  metaNames(prefix: string): readonly string[];
  removeMeta(name: string): void;
}

/** Keeps the lists that the rules name. Throws when one is neither given nor kept. */
export function keepLists(journal: Memory, rules: Rules, given: ListBytes = new Map()): void {
  const kept = journal.metaNames(prefix);
  for (const hash of hashesIn(rules)) {
    if (kept.includes(prefix + hash)) continue;
    const bytes = given.get(hash);
    if (bytes === undefined) throw new Error("the content of a segment's list is not there");
    journal.setMeta(prefix + hash, Buffer.from(bytes).toString("base64"));
  }
}

/** Lets go of lists that none of these rules name. Called once the journal remembers them. */
export function dropLists(journal: Memory, inUse: readonly Rules[]): void {
  const named = inUse.flatMap(hashesIn).map((hash) => prefix + hash);
  for (const name of journal.metaNames(prefix)) if (!named.includes(name)) journal.removeMeta(name);
}

/** The rules in the form in which fold and reads want them, with the lists that a journal keeps. */
export function definitionsWith(journal: Pick<Memory, "getMeta">, rules: Rules): Definitions {
  const lists = hashesIn(rules).flatMap((hash) => {
    const text = journal.getMeta(prefix + hash);
    return text === null ? [] : [[hash, listSetOf(Buffer.from(text, "base64"))] as const];
  });
  return compileRules(rules, new Map(lists) satisfies ListsByHash);
}

function hashesIn(rules: Rules): readonly string[] {
  return [...new Set(rules.segments.flatMap(({ rule }) => hashesOf(rule)))];
}

function hashesOf(rule: SegmentRule): readonly string[] {
  if (rule.kind === "list") return [rule.sha256];
  if (rule.kind === "not") return hashesOf(rule.of);
  return rule.kind === "all" || rule.kind === "any" ? rule.of.flatMap(hashesOf) : [];
}
