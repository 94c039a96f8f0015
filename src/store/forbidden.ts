/**
 * Pairs of identifiers that an operator took apart: what ties them doesn't count until the pair is lifted. Kept in the
 * journal, so that they hold for events to come, too.
 */
import type { Event, Namespace } from "../model/event.ts";
import type { Ignored } from "../model/guard.ts";
import type { Identifier } from "../model/identifier.ts";
import type { Journal } from "./journal.ts";
import type { Database } from "./sqlite.ts";

/** Two userIds, or a userId and an anonymousId. */
export interface Pair {
  readonly namespace: Namespace;
  readonly user: string;
  readonly other: Identifier;
}

/** What of an event ties a pair; empty where nothing does. Either userId of two may be the one that an alias names. */
export function tiesOf(event: Event, pair: Pair): readonly ("anonymous_id" | "previous_id")[] {
  if (event.namespace !== pair.namespace || event.userId === null) return [];
  const { user, other } = pair;
  const { userId, anonymousId, previousId } = event;
  const ties: ("anonymous_id" | "previous_id")[] = [];
  if (other.type === "anonymous_id") {
    if (userId === user && anonymousId === other.value) ties.push("anonymous_id");
    if (userId === user && previousId === other.value) ties.push("previous_id");
    return ties;
  }
  const isThere = userId === user && previousId === other.value;
  const isBack = userId === other.value && previousId === user;
  return isThere || isBack ? ["previous_id"] : ties;
}

/** The pairs in force, as the journal has them. */
export function readPairs(database: Database): readonly Pair[] {
  return database
    .query<{ namespace: Namespace; user: string; type: string; value: string }, []>(
      "SELECT namespace, user, other_type AS type, other_value AS value FROM forbidden_pairs ORDER BY id",
    )
    .all()
    .map(({ namespace, user, type, value }) => ({ namespace, user, other: { type, value } }));
}

/** The other sides of the pairs that an identifier is of; an alias's previousId may be a userId or an anonymousId. */
export function pairedWith(
  pairs: readonly Pair[],
  namespace: Namespace,
  { type, value }: Identifier,
): readonly Identifier[] {
  if (type !== "user_id" && type !== "anonymous_id") return [];
  return pairs
    .filter((pair) => pair.namespace === namespace && [pair.user, pair.other.value].includes(value))
    .flatMap(({ user, other }) => [user, other.value])
    .flatMap((id) => ["user_id", "anonymous_id"].map((each) => ({ type: each, value: id })));
}

/** The pairs in force. */
export class Forbidden {
  #pairs: readonly Pair[] = [];

  /** Reads them from the journal. */
  load(journal: Pick<Journal, "database">): void {
    this.#pairs = readPairs(journal.database);
  }

  /** What of an event doesn't count since it ties a pair; null when nothing does. */
  undone(event: Event): Ignored | null {
    if (this.#pairs.length === 0) return null;
    const names = this.#pairs.flatMap((pair) => tiesOf(event, pair));
    return names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, "undone" as const]));
  }

  has(pair: Pair): boolean {
    return this.#pairs.some((other) => isSame(other, pair));
  }
}

/** Writes a pair down; inside the writer's transaction. */
export function forbid(journal: Journal, pair: Pair): void {
  const { namespace, user, other } = pair;
  journal.database
    .query("INSERT INTO forbidden_pairs (namespace, user, other_type, other_value) VALUES (?, ?, ?, ?)")
    .run(namespace, user, other.type, other.value);
}

/** Lifts a pair, whichever way round it was written; inside the writer's transaction. */
export function lift(journal: Journal, { namespace, user, other }: Pair): void {
  const remove = journal.database.query(
    "DELETE FROM forbidden_pairs WHERE namespace = ? AND user = ? AND other_type = ? AND other_value = ?",
  );
  remove.run(namespace, user, other.type, other.value);
  if (other.type === "user_id") remove.run(namespace, other.value, "user_id", user);
}

/** Drops the pairs of an erased person, by the userIds they had; inside the writer's transaction. */
export function forgetPairs(journal: Journal, namespace: Namespace, users: readonly string[]): void {
  const remove = journal.database.query(
    "DELETE FROM forbidden_pairs WHERE namespace = ? AND (user = ? OR (other_type = 'user_id' AND other_value = ?))",
  );
  for (const user of users) remove.run(namespace, user, user);
}

function isSame(left: Pair, right: Pair): boolean {
  if (left.namespace !== right.namespace || left.other.type !== right.other.type) return false;
  const straight = left.user === right.user && left.other.value === right.other.value;
  return (
    straight ||
    (left.other.type === "user_id" && left.user === right.other.value && left.other.value === right.user)
  );
}
