/** What a random life checks of segments: who is in them, and that the change log alone tells it. */
import { expect } from "bun:test";
import { compileRules, type Rules } from "../../src/model/rules.ts";
import type { Event } from "../../src/model/event.ts";
import { identifierKey } from "../../src/model/identifier.ts";
import type { StoredProfile } from "../../src/store/profiles.ts";
import { expectedSegments } from "../model/segmentOracle.ts";
import type { TestStore } from "../support/openTestStore.ts";

export class SegmentModel {
  readonly #rules: Rules;
  /** Segments by profileId, as a follower of the feed knows them. */
  readonly #heard = new Map<string, Set<string>>();
  /** Profiles whose events changed hands: their rows before were rewritten, perhaps unheard. */
  readonly #rewritten = new Set<string>();
  #afterSeq = 0;
  turns = 0;

  constructor(rules: Rules) {
    this.#rules = rules;
  }

  /** The stored membership is the oracle's at its own instant. */
  compare(profile: StoredProfile, events: readonly Event[], who: string): void {
    const { membership, identifiers, namespace } = profile;
    const atMs = membership?.atMs ?? 0;
    const keys = identifiers.map(({ type, value }) => identifierKey(namespace, type, value));
    const { limits } = compileRules(this.#rules);
    const known = { events, identifiers: keys, rules: this.#rules, limits, lists: new Map() };
    expect([who, atMs, [...(membership?.since.keys() ?? [])]]).toEqual([
      who,
      atMs,
      expectedSegments(known, atMs),
    ]);
  }

  /** Reads on in the change log. */
  hear(opened: TestStore): void {
    const { changes } = opened.store;
    while (this.#afterSeq < changes.head()) {
      const page = changes.read(this.#afterSeq, 100);
      for (const change of page.changes) this.#take(change);
      this.#afterSeq = page.scannedTo;
    }
  }

  /** A follower who only heard of turns knows the audience. */
  compareHeard(opened: TestStore): void {
    const page = opened.store.profiles.page("live", 0, 1_000);
    if (page.kind !== "page") throw new Error("profiles are being rebuilt");
    for (const { profileId, membership } of page.profiles) {
      if (this.#rewritten.has(profileId)) continue;
      expect([profileId, [...(this.#heard.get(profileId) ?? [])].sort()]).toEqual([
        profileId,
        [...(membership?.since.keys() ?? [])],
      ]);
    }
  }

  #take({ profileId, segments, cause, mergedFrom }: ReturnType<TestStore["changes"]>[number]): void {
    if (cause === "erase") this.#heard.delete(profileId);
    for (const former of mergedFrom ?? []) this.#heard.delete(former);
    if (cause === "undo" || (cause === "merge" && mergedFrom === undefined)) this.#rewritten.add(profileId);
    const heard = this.#heard.get(profileId) ?? new Set();
    const isSure = !this.#rewritten.has(profileId);
    for (const name of segments.exited) expect(heard.delete(name) || !isSure).toBe(true);
    for (const name of segments.entered) {
      expect(heard.has(name) && isSure).toBe(false);
      heard.add(name);
    }
    this.turns += segments.entered.length + segments.exited.length;
    this.#heard.set(profileId, heard);
  }
}
