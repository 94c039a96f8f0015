/**
 * The writer's working set: decoded profiles and identifiers over LMDB, two generations old. Everything the fold
 * touches in a group is dirty until the group is committed; a failed commit discards it and the next read starts
 * from LMDB again.
 */
import { assert } from "../lib/assert.ts";
import type { IdentifierKey } from "../model/identifier.ts";
import type { Namespace } from "../model/event.ts";
import type { ProfileState } from "../model/profile.ts";
import type { ClaimEntry } from "./claims.ts";
import { EvidencePieces } from "./evidencePieces.ts";
import type { Due, PieceEdit, ProfileBatch, ProfileEdit, ProfilesMeta, StoredProfiles } from "./lmdb.ts";
import type { HotProfile, LinkEntry } from "./hotProfile.ts";
import { parseProfile, profileText, tombstone } from "./profileText.ts";
import { indexedOf, IndexKeeper, notIndexed, type AudienceSizes } from "./profileIndex.ts";

/**
 * Where an identifier leads: a profile's number; its claims (email and what is configured); another identifier (email_sha256); or the number
 * and the link of an anonymousId that its profile no longer keeps at hand.
 */
export type IdEntry =
  number | ClaimEntry | { readonly same: IdentifierKey } | { readonly pid: number; readonly link: LinkEntry };

/** Links that a profile keeps at hand; the longest unused move to the identifier's own entry. */
const maxLinksAtHand = 48;

/** Of LMDB; an entry that changes has one page copied at most, and what is above them is shared. */
const pageBytes = 4_096;

/** UTF-8 of a UTF-16 unit. */
const maxBytesACharacter = 3;

/** A trait is stored with where it is from: short ones take several times their own length. */
const textBytesATakenByte = 4;

export class HotProfiles {
  readonly #store: StoredProfiles;
  readonly #generationSize: number;
  #young = new Map<number, HotProfile | number>();
  #old = new Map<number, HotProfile | number>();
  #youngIds = new Map<IdentifierKey, IdEntry>();
  #oldIds = new Map<IdentifierKey, IdEntry>();
  /** Numbers whose profiles were removed or merged. */
  readonly #cleared = new Set<number>();
  readonly #dirty = new Map<number, HotProfile | number | null>();
  readonly #dirtyIds = new Map<IdentifierKey, IdEntry | null>();
  readonly #index: IndexKeeper;

  /** `generationSize`: profiles a generation; two generations are held. */
  constructor(store: StoredProfiles, generationSize: number) {
    this.#store = store;
    this.#generationSize = generationSize;
    this.#index = new IndexKeeper(store.readMeta()?.audiences ?? []);
  }

  /** Sizes of the audiences as of the last group that settled. */
  get audiences(): AudienceSizes {
    return this.#index.sizes;
  }

  /** The profile with that number, or the one it merged into. */
  profile(pid: number): HotProfile | undefined {
    let at = pid;
    for (let hops = 0; hops < 1_000; hops += 1) {
      const found = this.#load(at);
      if (typeof found !== "number") return found ?? undefined;
      at = found;
    }
    throw new Error("merged profiles form a circle");
  }

  /** Where an identifier leads. */
  id(key: IdentifierKey): IdEntry | undefined {
    const dirty = this.#dirtyIds.get(key);
    if (dirty !== undefined) return dirty ?? undefined;
    const young = this.#youngIds.get(key);
    if (young !== undefined) return young;
    let entry = this.#oldIds.get(key);
    if (entry === undefined) {
      const text = this.#store.readId(key);
      if (text === undefined) return undefined;
      entry = parseIdEntry(text);
    }
    this.#youngIds.set(key, entry);
    return entry;
  }

  create(pid: number, namespace: Namespace, state: ProfileState): HotProfile {
    const profile: HotProfile = {
      pid,
      namespace,
      version: 0,
      head: 0,
      identifiers: [],
      identifiersText: null,
      textLength: 0,
      links: new Map(),
      state,
      pieces: new EvidencePieces(),
      membership: null,
      hasStaleDue: false,
      indexed: notIndexed,
    };
    this.touch(profile);
    return profile;
  }

  /** Says that a profile changed in this group. */
  touch(profile: HotProfile): void {
    this.#dirty.set(profile.pid, profile);
  }

  setId(key: IdentifierKey, entry: IdEntry | null): void {
    this.#dirtyIds.set(key, entry);
  }

  /** `from` resolves to `into` from now on. */
  bury(from: HotProfile, into: HotProfile): void {
    assert(from.pid !== into.pid, "a profile can't merge into itself");
    this.#leave(from.pid);
    this.#dirty.set(from.pid, into.pid);
  }

  /** A number that has no profile resolves to another's from now on. */
  redirect(pid: number, into: HotProfile): void {
    assert(pid !== into.pid, "a profile can't lead to itself");
    this.#leave(pid);
    this.#dirty.set(pid, into.pid);
  }

  /** Removes a profile without successor (erasure). */
  remove(pid: number): void {
    this.#leave(pid);
    this.#dirty.set(pid, null);
  }

  /** Numbers of the profiles that this group changed. */
  changed(): number[] {
    return [...this.#dirty.keys()];
  }

  /** The profiles that this group changed, those apart that it removed or merged. */
  dirtyProfiles(): HotProfile[] {
    return [...this.#dirty.values()].filter((found) => found !== null && typeof found !== "number");
  }

  /** Removes an entry of the index that stands for nothing. */
  dropDue(due: Due): void {
    this.#index.dropDue(due);
  }

  /** The group as LMDB takes it; `takenBytes`: of the events in it, by which profiles may have grown. */
  batch(meta: Omit<ProfilesMeta, "audiences">, takenBytes: number): ProfileBatch {
    for (const profile of this.#dirty.values()) {
      if (profile !== null && typeof profile !== "number" && profile.links.size > maxLinksAtHand)
        this.#shelveLinks(profile);
    }
    const { edits, sizes } = this.#index.editsFor(this.dirtyProfiles());
    let touchedBytes = this.#touchedBytes() + edits.length * pageBytes;
    const pieces: PieceEdit[] = [];
    const texts = this.#texts(pieces);
    for (const { text } of pieces) touchedBytes += pageBytes + (text?.length ?? 0) * maxBytesACharacter;
    return {
      profiles: texts,
      clearedPids: [...this.#cleared],
      pieces,
      putIds: (put) => this.#putIds(put),
      index: edits,
      meta: { ...meta, audiences: sizes },
      touchedBytes,
      grownBytes: takenBytes * textBytesATakenByte,
    };
  }

  /** The group is in LMDB: what it changed is clean now. */
  settled(): void {
    for (const [pid, profile] of this.#dirty) {
      if (profile === null) this.#forget(pid);
      else {
        this.#young.set(pid, profile);
        if (typeof profile !== "number") profile.indexed = indexedOf(profile.membership);
      }
    }
    this.#index.settled();
    this.#cleared.clear();
    for (const [key, entry] of this.#dirtyIds) {
      if (entry === null) this.#forgetId(key);
      else this.#youngIds.set(key, entry);
    }
    this.#dirty.clear();
    this.#dirtyIds.clear();
    this.#age();
  }

  /** The group failed: what it touched is forgotten, since profiles are changed in place. */
  discard(): void {
    for (const pid of this.#dirty.keys()) this.#forget(pid);
    for (const key of this.#dirtyIds.keys()) this.#forgetId(key);
    this.#dirty.clear();
    this.#dirtyIds.clear();
    this.#index.discard();
    this.#cleared.clear();
  }

  /** Forgets everything that is not dirty (tests, and after LMDB was replaced). */
  clear(): void {
    this.discard();
    this.#young.clear();
    this.#old.clear();
    this.#youngIds.clear();
    this.#oldIds.clear();
  }

  /** A profile is about to be removed or merged: the index has to let go of it. */
  #leave(pid: number): void {
    const found = this.#load(pid);
    if (typeof found !== "object" || found === null) return;
    this.#index.leave(found);
    this.#cleared.add(pid);
  }

  #texts(pieces: PieceEdit[]): ProfileEdit[] {
    const texts: ProfileEdit[] = [];
    for (const [pid, profile] of this.#dirty) {
      if (profile === null) texts.push([pid, null]);
      else if (typeof profile === "number") texts.push([pid, [tombstone(profile)]]);
      else texts.push([pid, profileText(profile, (number, text) => void pieces.push({ pid, number, text }))]);
    }
    return texts;
  }

  #putIds(put: (key: string, text: string | null) => void): void {
    for (const [key, entry] of this.#dirtyIds) put(key, entry === null ? null : JSON.stringify(entry));
  }

  #touchedBytes(): number {
    let bytes = (this.#dirty.size + this.#dirtyIds.size) * pageBytes;
    for (const profile of this.#dirty.values())
      if (profile !== null && typeof profile !== "number") bytes += profile.textLength;
    return bytes;
  }

  #load(pid: number): HotProfile | number | null | undefined {
    const dirty = this.#dirty.get(pid);
    if (dirty !== undefined) return dirty;
    const young = this.#young.get(pid);
    if (young !== undefined) return young;
    let found = this.#old.get(pid);
    if (found === undefined) {
      const text = this.#store.readProfile(pid);
      if (text === undefined) return undefined;
      found = parseProfile(pid, text, this.#store);
    }
    this.#young.set(pid, found);
    return found;
  }

  #age(): void {
    if (this.#young.size > this.#generationSize) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    if (this.#youngIds.size > this.#generationSize * 4) {
      this.#oldIds = this.#youngIds;
      this.#youngIds = new Map();
    }
  }

  #forget(pid: number): void {
    this.#young.delete(pid);
    this.#old.delete(pid);
  }

  #forgetId(key: IdentifierKey): void {
    this.#youngIds.delete(key);
    this.#oldIds.delete(key);
  }

  #shelveLinks(profile: HotProfile): void {
    // A Map keeps insertion order and a used link is put in anew, so the first ones are the longest unused.
    for (const [key, link] of profile.links) {
      if (profile.links.size <= maxLinksAtHand / 2) return;
      profile.links.delete(key);
      this.setId(key, { pid: profile.pid, link });
    }
  }
}

/** Adds an identifier to the list, in place; true if it was new. */
export function addIdentifier(
  profile: HotProfile,
  key: IdentifierKey,
  compare: (left: IdentifierKey, right: IdentifierKey) => number,
): boolean {
  if (profile.identifiers.includes(key)) return false;
  profile.identifiers.push(key);
  profile.identifiers.sort(compare);
  profile.identifiersText = null;
  return true;
}

/** Takes an identifier from the list, in place; true if it was there. */
export function removeIdentifier(profile: HotProfile, key: IdentifierKey): boolean {
  const at = profile.identifiers.indexOf(key);
  if (at < 0) return false;
  profile.identifiers.splice(at, 1);
  profile.identifiersText = null;
  return true;
}

/** The identifiers as the journal stores them. */
export function identifiersText(profile: HotProfile): string {
  profile.identifiersText ??= JSON.stringify(profile.identifiers.map((key) => key.slice(1)));
  return profile.identifiersText;
}

/** The claims in an identifier's entry; undefined for every other kind of entry. */
export function claimEntry(entry: IdEntry | undefined): ClaimEntry | undefined {
  return typeof entry === "object" && "claims" in entry ? entry : undefined;
}

/** Reads an identifier's entry as stored. */
export function parseIdEntry(text: string): IdEntry {
  return JSON.parse(text) as IdEntry;
}
