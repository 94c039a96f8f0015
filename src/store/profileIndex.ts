/**
 * What stands in the profile store beside a profile so that it is found without its identifiers: by when it falls due,
 * and by the segments it is in. Written in the batch of the profile; sizes of audiences follow from the differences.
 */
import type { Namespace } from "../model/event.ts";
import { dueAtMs, type Membership } from "../model/membership.ts";

/** What the index holds of one profile. */
export interface Indexed {
  readonly dueMs: number | null;
  readonly segments: readonly string[];
}

export const notIndexed: Indexed = { dueMs: null, segments: [] };

/** One entry to put or to remove. */
export type IndexEdit =
  | { readonly kind: "due"; readonly isThere: boolean; readonly dueMs: number; readonly pid: number }
  | {
      readonly kind: "member";
      readonly isThere: boolean;
      readonly namespace: Namespace;
      readonly segment: string;
      readonly pid: number;
    };

/** Number of profiles by namespace and segment; those of nobody are left out. */
export type AudienceSizes = readonly (readonly [namespace: Namespace, segment: string, size: number])[];

/** What the index should hold of a profile. */
export function indexedOf(membership: Membership | null): Indexed {
  if (membership === null) return notIndexed;
  return { dueMs: dueAtMs(membership), segments: [...membership.since.keys()] };
}

/** From what the index holds of a profile to what it should hold. */
function indexEdits(pid: number, namespace: Namespace, was: Indexed, is: Indexed, edits: IndexEdit[]): void {
  if (was.dueMs !== is.dueMs) {
    if (was.dueMs !== null) edits.push({ kind: "due", isThere: false, dueMs: was.dueMs, pid });
    if (is.dueMs !== null) edits.push({ kind: "due", isThere: true, dueMs: is.dueMs, pid });
  }
  for (const segment of was.segments)
    if (!is.segments.includes(segment))
      edits.push({ kind: "member", isThere: false, namespace, segment, pid });
  for (const segment of is.segments)
    if (!was.segments.includes(segment))
      edits.push({ kind: "member", isThere: true, namespace, segment, pid });
}

/** The sizes after these edits; the very same value if none touches them. */
function sizesAfter(sizes: AudienceSizes, edits: readonly IndexEdit[]): AudienceSizes {
  if (!edits.some(({ kind }) => kind === "member")) return sizes;
  const counts = new Map(sizes.map(([namespace, segment, size]) => [`${namespace} ${segment}`, size]));
  for (const edit of edits) {
    if (edit.kind !== "member") continue;
    const key = `${edit.namespace} ${edit.segment}`;
    counts.set(key, (counts.get(key) ?? 0) + (edit.isThere ? 1 : -1));
  }
  return [...counts]
    .filter(([, size]) => size > 0)
    .map(([key, size]) => {
      const space = key.indexOf(" ");
      return [key.slice(0, space) === "test" ? "test" : "live", key.slice(space + 1), size] as const;
    });
}

/** A profile as far as the index is concerned. */
interface Indexable {
  readonly pid: number;
  readonly namespace: Namespace;
  readonly membership: Membership | null;
  /** What the index holds of it. */
  readonly indexed: Indexed;
}

/** What a group does to the index, until it is committed or discarded. */
export class IndexKeeper {
  /** Profiles that the group removed or merged. */
  readonly #gone = new Map<number, Indexable>();
  readonly #stray: { readonly dueMs: number; readonly pid: number }[] = [];
  #sizes: AudienceSizes;
  #nextSizes: AudienceSizes;

  constructor(sizes: AudienceSizes) {
    this.#sizes = sizes;
    this.#nextSizes = sizes;
  }

  /** As of the last group that settled. */
  get sizes(): AudienceSizes {
    return this.#sizes;
  }

  /** The profile is removed or merged. */
  leave(profile: Indexable): void {
    this.#gone.set(profile.pid, profile);
  }

  /** An entry that stands for nothing goes. */
  dropDue(due: { readonly dueMs: number; readonly pid: number }): void {
    this.#stray.push(due);
  }

  /** What brings the index to where these profiles, and those that are gone, want it, and the sizes it then has. */
  editsFor(profiles: readonly Indexable[]): {
    readonly edits: readonly IndexEdit[];
    readonly sizes: AudienceSizes;
  } {
    const edits: IndexEdit[] = [];
    for (const { pid, namespace, indexed } of this.#gone.values())
      indexEdits(pid, namespace, indexed, notIndexed, edits);
    for (const { pid, namespace, indexed, membership } of profiles)
      indexEdits(pid, namespace, indexed, indexedOf(membership), edits);
    for (const due of this.#stray) edits.push({ kind: "due", isThere: false, ...due });
    this.#nextSizes = sizesAfter(this.#sizes, edits);
    return { edits, sizes: this.#nextSizes };
  }

  /** The edits are in the store. */
  settled(): void {
    this.#sizes = this.#nextSizes;
    this.#gone.clear();
    this.#stray.length = 0;
  }

  /** The group failed. */
  discard(): void {
    this.#nextSizes = this.#sizes;
    this.#gone.clear();
    this.#stray.length = 0;
  }
}
