/**
 * Are two profile folders the same? What must be equal between lived profiles and those that a rebuild gives: every
 * profile's version, identifiers, state, newest event, segments and what it will be told of next; where every
 * identifier leads; every link; every merge. And does the index of the lived one hold what its profiles say?
 */
import { canonicalState } from "../model/canonical.ts";
import { identifierOf } from "../model/identifier.ts";
import { parseIdEntry } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import { parseProfile } from "./profileText.ts";
import type { Due, FrozenProfiles, Member } from "./lmdb.ts";
import type { Memberships } from "./memberships.ts";
import { indexedOf, type Indexed } from "./profileIndex.ts";

/** The part of a store that a comparison reads. */
export type Comparable = Pick<
  FrozenProfiles,
  "readProfile" | "readPiece" | "scan" | "scanIds" | "scanDue" | "scanMembers"
>;

const pageEntries = 500;
const maxHops = 1_000;

/** Tells of every difference, and returns how many profiles `lived` holds. */
export function compareProfiles(
  lived: Comparable,
  rebuilt: Comparable,
  memberships: Memberships,
  tell: (problem: string) => void,
): number {
  let count = 0;
  const canonicalProfile = (store: Comparable, pid: number, text: string) =>
    profileAsText(store, pid, text, memberships);
  for (const [pid, left, right] of pairs(pidsOf(lived), pidsOf(rebuilt))) {
    const was = left === undefined ? null : canonicalProfile(lived, pid, left);
    const is = right === undefined ? null : canonicalProfile(rebuilt, pid, right);
    if (was !== null) count += 1;
    if (was === is || (was === null && is?.startsWith("into ") === true)) continue;
    if (is === null) tell(`profile ${pid} stands in the cache but not in the journal`);
    else if (was === null) tell(`profile ${pid} is missing from the cache`);
    else tell(`profile ${pid} differs from what the journal gives`);
  }
  for (const [key, left, right] of pairs(idsOf(lived), idsOf(rebuilt))) {
    const was = left === undefined ? null : canonicalEntry(lived, key, left);
    const is = right === undefined ? null : canonicalEntry(rebuilt, key, right);
    // The identifier itself is personal; where it leads is enough to find it.
    if (was !== is)
      tell(
        `an identifier of type ${identifierOf(key).type} differs: ${leadsTo(was)}, the journal gives ${leadsTo(is)}`,
      );
  }
  compareIndex(lived, tell);
  return count;
}

/** The index holds an entry for every profile that says so, and none besides. */
function compareIndex(store: Comparable, tell: (problem: string) => void): void {
  let [dues, members] = [0, 0];
  for (const [pid, text] of from(pidsOf(store))) {
    const { dueMs, segments } = indexedIn(pid, text, store);
    if (dueMs !== null) dues += 1;
    members += segments.length;
  }
  const indexed = (pid: number): Indexed => indexedIn(pid, store.readProfile(pid), store);
  for (const { dueMs, pid } of duesOf(store)) {
    dues -= 1;
    if (indexed(pid).dueMs !== dueMs) tell(`profile ${pid} does not fall due when the index says`);
  }
  for (const { segment, pid } of membersOf(store)) {
    members -= 1;
    if (!indexed(pid).segments.includes(segment))
      tell(`profile ${pid} is not in the segment that the index says`);
  }
  if (dues !== 0 || members !== 0) tell(`the index lacks ${dues} due times and ${members} members`);
}

function indexedIn(pid: number, text: string | undefined, store: Comparable): Indexed {
  const profile = text === undefined ? 0 : parseProfile(pid, text, store);
  return indexedOf(typeof profile === "number" ? null : profile.membership);
}

function* duesOf(store: Comparable): Iterable<Due> {
  for (let after: Due | null = null; ;) {
    const page: Due[] = store.scanDue(after, Number.MAX_SAFE_INTEGER - 1, pageEntries);
    yield* page;
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

function* membersOf(store: Comparable): Iterable<Member> {
  for (let after: Member | null = null; ;) {
    const page: Member[] = store.scanMembers(after, pageEntries);
    yield* page;
    after = page.at(-1) ?? null;
    if (after === null) return;
  }
}

function from<T>(iterator: Iterator<T>): Iterable<T> {
  return { [Symbol.iterator]: () => iterator };
}

/** A profile as text; null for a number that leads nowhere any more. */
function profileAsText(
  store: Comparable,
  pid: number,
  text: string,
  memberships: Memberships,
): string | null {
  const profile = parseProfile(pid, text, store);
  if (typeof profile === "number") {
    const root = rootOf(store, profile);
    return root === undefined ? null : `into ${root.pid}`;
  }
  const { namespace, version, head, identifiers, state } = profile;
  const segments = [...(profile.membership?.since ?? [])];
  const tellsAtMs = memberships.isEmpty ? null : memberships.tellsAtMs(profile);
  return JSON.stringify([namespace, version, head, identifiers, canonicalState(state), segments, tellsAtMs]);
}

/** Where an identifier leads, with its link or newest claim; null if nowhere. */
function canonicalEntry(store: Comparable, key: string, text: string): string | null {
  const entry = parseIdEntry(text);
  if (typeof entry === "object" && "same" in entry) return `same ${entry.same}`;
  if (typeof entry === "object" && "claims" in entry)
    return `${rootOf(store, entry.holder)?.pid} ${JSON.stringify(entry.claims[0])}`;
  const root = rootOf(store, typeof entry === "number" ? entry : entry.pid);
  if (root === undefined) return null;
  const link = root.links.get(key) ?? (typeof entry === "object" ? entry.link : null);
  return `${root.pid} ${JSON.stringify(link)}`;
}

function leadsTo(entry: string | null): string {
  return entry === null ? "to nothing" : `to ${entry.split(" ")[0]}`;
}

function rootOf(store: Comparable, pid: number): HotProfile | undefined {
  for (let at = pid, hops = 0; hops < maxHops; hops += 1) {
    const text = store.readProfile(at);
    const profile = text === undefined ? undefined : parseProfile(at, text, store);
    if (typeof profile !== "number") return profile;
    at = profile;
  }
  return undefined;
}

function* pidsOf(store: Comparable): Iterator<readonly [number, string]> {
  for (let after: number | undefined = 0; after !== undefined;) {
    const page: { pid: number; text: string }[] = store.scan(after, pageEntries);
    for (const { pid, text } of page) yield [pid, text];
    after = page.at(-1)?.pid;
  }
}

function* idsOf(store: Comparable): Iterator<readonly [string, string]> {
  for (let after: string | undefined = ""; after !== undefined;) {
    const page: { key: string; text: string }[] = store.scanIds(after, pageEntries);
    // LMDB orders keys by their bytes, which is not how JavaScript compares them.
    for (const { key, text } of page) yield [key, text];
    after = page.at(-1)?.key;
  }
}

/** Walks two sorted lists side by side. */
function* pairs<K extends number | string>(
  left: Iterator<readonly [K, string]>,
  right: Iterator<readonly [K, string]>,
): Iterable<readonly [K, string | undefined, string | undefined]> {
  let a = left.next();
  let b = right.next();
  while (a.done !== true || b.done !== true) {
    const order = a.done === true ? 1 : b.done === true ? -1 : compareKeys(a.value[0], b.value[0]);
    const key = order <= 0 && a.done !== true ? a.value[0] : b.done !== true ? b.value[0] : undefined;
    if (key === undefined) return;
    yield [
      key,
      order <= 0 && a.done !== true ? a.value[1] : undefined,
      order >= 0 && b.done !== true ? b.value[1] : undefined,
    ];
    if (order <= 0) a = left.next();
    if (order >= 0) b = right.next();
  }
}

function compareKeys(left: number | string, right: number | string): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  return Buffer.compare(Buffer.from(String(left)), Buffer.from(String(right)));
}
