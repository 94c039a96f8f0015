/**
 * Traits: last writer wins, per path.
 *
 * A write at path p beats older writes at p, above p and below p. Objects are taken apart down to their leaves;
 * arrays, `{}` and whatever lies below the depth limit are written whole. null is a write too: it clears, and the
 * clearing has a time. The tree that is kept is a function of the set of writes, not of their order:
 *
 *   leaf    the newest write at this path, and nothing below it is newer
 *   branch  children that are newer than every write at or above this path; `cut` is the newest write at this very
 *           path (its value has been beaten by a child), −1 when there is none that an ancestor's does not outdo
 */
import type { Json, JsonObject } from "./event.ts";
import { compareStamps, release, retain, stampAt, type Stamp, type StampTable, type Write } from "./stamp.ts";
import { jsonEqual } from "./traitChanges.ts";

export type TraitNode = [slot: number, value: Json] | [cut: number, children: TraitChildren, branch: 1];

/** Always looked up through `childOf`: keys are a client's own words, "constructor" among them. */
export interface TraitChildren {
  [key: string]: TraitNode;
}

/** What a profile keeps of its traits. */
export interface TraitTree extends StampTable {
  traits: TraitChildren;
  /** Top-level names ever written, cleared ones too. */
  names: number;
  /** Size of the tree: keys and values in UTF-8 bytes and a constant for each node; stamps are not counted. */
  bytes: number;
}

/** Paths have at most this many keys; what lies deeper is written whole. */
export const maxTraitDepth = 8;

/** Counted for each node beside its key and value. */
const nodeBytes = 16;

/** A trait's value and where it is from; `value` is null when it was cleared. */
export interface TraitReading {
  readonly value: Json;
  readonly updatedAtMs: number;
  readonly receivedAtMs: number;
  readonly source: string;
  readonly eventMessageId: string;
}

/** A dictionary without inherited keys. */
export function emptyChildren(): TraitChildren {
  return Object.create(null) as TraitChildren;
}

/** The child of that name. Nodes are arrays and nothing that an object inherits is, so this is safe for every key. */
export function childOf(children: TraitChildren, key: string): TraitNode | undefined {
  const node: unknown = children[key];
  return Array.isArray(node) ? (node as TraitNode) : undefined;
}

/** Writes a value at one top-level name. The caller has made sure that it may be written. */
export function writeTrait(tree: TraitTree, write: Write, name: string, value: Json): void {
  if (name === "__proto__") return;
  if (childOf(tree.traits, name) === undefined) tree.names += 1;
  writeAt(tree, write, tree.traits, name, value, 1);
}

function writeAt(
  tree: TraitTree,
  write: Write,
  parent: TraitChildren,
  key: string,
  value: Json,
  depth: number,
): void {
  if (!isTakenApart(value, depth)) {
    writeLeaf(tree, write, parent, key, value);
    return;
  }
  const children = openBranch(tree, write, parent, key);
  if (children === null) return;
  for (const child in value) {
    const inner = value[child];
    if (inner !== undefined && child !== "__proto__") writeAt(tree, write, children, child, inner, depth + 1);
  }
}

/** True for an object that is written leaf by leaf at this depth. */
function isTakenApart(value: Json, depth: number): value is JsonObject {
  if (typeof value !== "object" || value === null || Array.isArray(value) || depth >= maxTraitDepth)
    return false;
  for (const key in value as JsonObject) if (key !== "__proto__") return true;
  return false;
}

/** The children to write into, made if need be; null when the path itself was written later. */
function openBranch(tree: TraitTree, write: Write, parent: TraitChildren, key: string): TraitChildren | null {
  const node = childOf(parent, key);
  if (node === undefined) {
    tree.bytes += keyBytes(key);
    return putBranch(parent, key, -1);
  }
  if (node[0] >= 0 && compareStamps(write.stamp, stampAt(tree, node[0])) <= 0) return null;
  if (node.length === 3) return node[1];
  tree.bytes -= leafBytes(node[1]);
  return putBranch(parent, key, node[0]);
}

function putBranch(parent: TraitChildren, key: string, cut: number): TraitChildren {
  const children = emptyChildren();
  parent[key] = [cut, children, 1];
  return children;
}

function writeLeaf(tree: TraitTree, write: Write, parent: TraitChildren, key: string, value: Json): void {
  const node = childOf(parent, key);
  if (node === undefined) {
    parent[key] = [retain(tree, write), value];
    tree.bytes += keyBytes(key) + leafBytes(value);
    return;
  }
  if (node[0] >= 0 && compareStamps(write.stamp, stampAt(tree, node[0])) <= 0) return;
  const slot = retain(tree, write);
  if (node[0] >= 0) release(tree, node[0]);
  node[0] = slot;
  if (node.length === 3) {
    if (prune(tree, write.stamp, node[1])) return;
    parent[key] = [slot, value];
    tree.bytes += leafBytes(value);
  } else if (node[1] !== value) {
    tree.bytes += leafBytes(value) - leafBytes(node[1]);
    node[1] = value;
  }
}

/** Removes what is not newer than the stamp; true when something is left. */
function prune(tree: TraitTree, stamp: Stamp, children: TraitChildren): boolean {
  let left = false;
  for (const key in children) {
    const node = childOf(children, key);
    if (node === undefined) continue;
    if (outlives(tree, stamp, node)) {
      left = true;
    } else {
      tree.bytes -= keyBytes(key);
      delete children[key];
    }
  }
  return left;
}

function outlives(tree: TraitTree, stamp: Stamp, node: TraitNode): boolean {
  const beaten = node[0] >= 0 && compareStamps(stampAt(tree, node[0]), stamp) <= 0;
  if (beaten) release(tree, node[0]);
  if (node.length === 2) {
    if (beaten) tree.bytes -= leafBytes(node[1]);
    return !beaten;
  }
  if (beaten) node[0] = -1;
  return prune(tree, stamp, node[1]);
}

function keyBytes(key: string): number {
  return nodeBytes + Buffer.byteLength(key);
}

function leafBytes(value: Json): number {
  if (typeof value === "string") return Buffer.byteLength(value) + 2;
  if (typeof value === "object" && value !== null) return Buffer.byteLength(JSON.stringify(value));
  return 8;
}

/** Bytes that the value would add to the tree if nothing were at that key yet: the most that writing it can add. */
export function traitBytes(key: string, value: Json, depth = 1): number {
  if (!isTakenApart(value, depth)) return keyBytes(key) + leafBytes(value);
  let bytes = keyBytes(key);
  for (const child in value) {
    const inner = value[child];
    if (inner !== undefined && child !== "__proto__") bytes += traitBytes(child, inner, depth + 1);
  }
  return bytes;
}

/** The value that a node stands for; undefined when all of it has been cleared. */
export function valueOf(node: TraitNode): Json | undefined {
  if (node.length === 2) return node[1] === null ? undefined : node[1];
  let value: Record<string, Json> | undefined;
  for (const key in node[1]) {
    const child = childOf(node[1], key);
    const inner = child === undefined ? undefined : valueOf(child);
    if (inner === undefined) continue;
    value ??= Object.create(null) as Record<string, Json>;
    value[key] = inner;
  }
  return value;
}

/** Every trait that has a value now, as plain JSON in dictionaries without inherited keys. */
export function readTraits(tree: TraitTree): Record<string, Json> {
  const traits = Object.create(null) as Record<string, Json>;
  for (const name in tree.traits) {
    const node = childOf(tree.traits, name);
    const value = node === undefined ? undefined : valueOf(node);
    if (value !== undefined) traits[name] = value;
  }
  return traits;
}

/** One trait with its provenance, that of the newest write in it; undefined when it was never written. */
export function readTrait(tree: TraitTree, name: string): TraitReading | undefined {
  const node = childOf(tree.traits, name);
  const newest = node === undefined ? undefined : newestStamp(tree, node);
  if (node === undefined || newest === undefined) return undefined;
  return {
    value: valueOf(node) ?? null,
    updatedAtMs: newest[0],
    receivedAtMs: newest[0] + newest[1],
    source: newest[4],
    eventMessageId: newest[3],
  };
}

/** That of the newest write in a node; undefined for a node that holds none. */
export function newestStamp(tree: TraitTree, node: TraitNode): Stamp | undefined {
  if (node.length === 2) return stampAt(tree, node[0]);
  let newest: Stamp | undefined;
  for (const key in node[1]) {
    const child = childOf(node[1], key);
    const stamp = child === undefined ? undefined : newestStamp(tree, child);
    if (stamp !== undefined && (newest === undefined || compareStamps(stamp, newest) > 0)) newest = stamp;
  }
  return newest;
}

/** One leaf of a trait, by its JSON Pointer (RFC 6901) within the trait, and the write that it is from. */
export interface Leaf {
  readonly pointer: string;
  readonly stamp: Stamp;
}

/** The leaves of a trait that have a value; of one that is no object, itself under the empty pointer. */
export function readLeaves(tree: TraitTree, name: string): readonly Leaf[] {
  const node = childOf(tree.traits, name);
  const leaves: Leaf[] = [];
  if (node !== undefined) collectLeaves(tree, node, "", leaves);
  return leaves;
}

function collectLeaves(tree: TraitTree, node: TraitNode, pointer: string, leaves: Leaf[]): void {
  if (node.length === 2) {
    if (node[1] !== null) leaves.push({ pointer, stamp: stampAt(tree, node[0]) });
    return;
  }
  for (const key in node[1]) {
    const child = childOf(node[1], key);
    if (child === undefined) continue;
    const step = key.replaceAll("~", "~0").replaceAll("/", "~1");
    collectLeaves(tree, child, `${pointer}/${step}`, leaves);
  }
}

/** True when writing the value would leave every leaf of it as it is, but for its stamp. */
export function holdsAlready(node: TraitNode, value: Json, depth = 1): boolean {
  if (!isTakenApart(value, depth)) return node.length === 2 && jsonEqual(node[1], value);
  if (node.length === 2) return false;
  for (const key in value) {
    const inner = value[key];
    if (inner === undefined || key === "__proto__") continue;
    const child = childOf(node[1], key);
    if (child === undefined || !holdsAlready(child, inner, depth + 1)) return false;
  }
  return true;
}
