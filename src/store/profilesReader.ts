/** Profiles on the main thread: LMDB reads, history by chain, and a small memory of rendered answers. */
import { Refusal } from "../errors.ts";
import type { Definitions } from "../model/definition.ts";
import type { Json, Namespace } from "../model/event.ts";
import { factsIn } from "../model/facts.ts";
import { ignoredIn } from "../model/guard.ts";
import { identifierKey, identifierOf } from "../model/identifier.ts";
import { normaliseValue } from "../model/identity.ts";
import { usersOf } from "../model/link.ts";
import { claimEntry, parseIdEntry } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import { parseProfile } from "./profileText.ts";
import type { JournalReader } from "./journalReader.ts";
import type { ProfileStore } from "./lmdb.ts";
import type { ProfileIds } from "./profileId.ts";
import type { ClaimEntry } from "./claims.ts";
import { ProfileMemories, type ProfileMemory } from "./profileMemory.ts";
import type { HistoryEntry, Lookup, Profiles, StoredProfile, Trace, Trail } from "./profiles.ts";
import { parsePrev, rowFlags, rowKind, typeOf, type EventRow } from "./row.ts";

export class ProfilesReader implements Profiles {
  readonly #reader: JournalReader;
  readonly #profileIds: ProfileIds;
  #definitions: Definitions;
  readonly #locate: (messageId: string) => Promise<readonly number[]>;
  #store: ProfileStore | null = null;
  #visible = 0;
  readonly #memories = new ProfileMemories();

  /** `locate` asks the writer's index where a messageId stands. */
  constructor(
    reader: JournalReader,
    profileIds: ProfileIds,
    definitions: Definitions,
    locate: (messageId: string) => Promise<readonly number[]>,
  ) {
    this.#reader = reader;
    this.#profileIds = profileIds;
    this.#definitions = definitions;
    this.#locate = locate;
  }

  get definitions(): Definitions {
    return this.#definitions;
  }

  /** Reads from this folder from now on; null while profiles are rebuilt. */
  use(store: ProfileStore | null, visible: number): void {
    this.#store = store;
    this.#visible = visible;
    this.#memories.clear();
  }

  /** Other rules are in use; followed by `use` with profiles that were folded with them. */
  useRules(definitions: Definitions): void {
    this.#definitions = definitions;
  }

  /** The writer committed a group: later reads must see it. */
  advance(visible: number, changedPids: Float64Array): void {
    this.#visible = visible;
    this.#store?.refresh();
    // Whenever an identifier comes to lead elsewhere, the profile it led to changes too, so forgetting by pid suffices.
    this.#memories.forget(changedPids);
  }

  find(namespace: Namespace, type: string, value: string): Lookup {
    const store = this.#store;
    if (store === null) return { kind: "rebuilding" };
    const found = this.#findHot(store, namespace, type, value);
    return found === undefined || found.namespace !== namespace
      ? { kind: "missing" }
      : { kind: "found", profile: this.#stored(found) };
  }

  trail(namespace: Namespace, type: string, value: string): Trail {
    const store = this.#store;
    if (store === null) return { kind: "rebuilding" };
    const found = this.#findHot(store, namespace, type, value);
    const entry = this.#claimEntryOf(store, namespace, type, value);
    if (entry?.more === true) return { kind: "tooMany" };
    const user = (id: string) => this.#byPointer(store, identifierKey(namespace, "user_id", id));
    const tied = [
      found,
      ...(type === "anonymous_id" ? this.#linkedUsers(store, found, namespace, value).map(user) : []),
      ...(entry?.claims ?? []).flatMap((claim) => [
        claim.user === null ? undefined : user(claim.user),
        claim.anonymous === null
          ? undefined
          : this.#byPointer(store, identifierKey(namespace, "anonymous_id", claim.anonymous)),
      ]),
    ];
    return { kind: "found", heads: tied.flatMap((profile) => (profile === undefined ? [] : [profile.head])) };
  }

  memory<Value>(maxBytes: number): ProfileMemory<Value> {
    return this.#memories.open(maxBytes);
  }

  page(namespace: Namespace, afterPid: number, limit: number): ReturnType<Profiles["page"]> {
    const store = this.#store;
    if (store === null) return { kind: "rebuilding" };
    const found = store.scan(afterPid, limit);
    const profiles: StoredProfile[] = [];
    for (const { pid, text } of found) {
      const profile = parseProfile(pid, text, store);
      if (typeof profile !== "number" && profile.namespace === namespace)
        profiles.push(this.#stored(profile));
    }
    return { kind: "page", profiles, nextPid: found.length < limit ? null : (found.at(-1)?.pid ?? null) };
  }

  /** Names of the segments there are. */
  segmentNames(): readonly string[] {
    return [...this.#definitions.segments.byName.keys()].sort();
  }

  /** Every segment with the size of its audience; null while profiles are rebuilt. */
  audienceSizes(namespace: Namespace): readonly (readonly [segment: string, size: number])[] | null {
    if (this.#store === null) return null;
    const found = this.#store.readMeta()?.audiences.filter(([of]) => of === namespace) ?? [];
    return this.segmentNames().map((name) => [name, found.find(([, of]) => of === name)?.[2] ?? 0]);
  }

  /** Numbers of the profiles in a segment, in order after `afterPid`; null while profiles are rebuilt. */
  membersOf(
    namespace: Namespace,
    segment: string,
    afterPid: number,
    limit: number,
  ): readonly number[] | null {
    return this.#store?.membersOf(namespace, segment, afterPid, limit) ?? null;
  }

  /** The profile of that number. */
  byPid(pid: number): StoredProfile | undefined {
    const found = this.#store === null ? undefined : this.#root(this.#store, pid);
    return found && this.#stored(found);
  }

  history(
    pid: number,
    cursor: string | null,
    limit: number,
  ): { readonly events: readonly HistoryEntry[]; readonly nextCursor: string | null } {
    const store = this.#store;
    const profile = store === null ? undefined : this.#root(store, pid);
    if (store === null || profile === undefined) return { events: [], nextCursor: null };
    const events: HistoryEntry[] = [];
    const waiting = cursor === null ? [profile.head] : this.#ownHeads(store, profile.pid, cursor);
    // After a merge several chains run side by side; always take the newest of their heads.
    while (waiting.length > 0 && events.length < limit) {
      waiting.sort((a, b) => a - b);
      const row = this.#reader.row(waiting.pop() ?? 0);
      if (row === null) continue;
      events.push(this.#entry(row));
      for (const prev of parsePrev(row.prev)) if (!waiting.includes(prev)) waiting.push(prev);
    }
    return { events, nextCursor: waiting.some((seq) => seq > 0) ? waiting.join(",") : null };
  }

  entry(seq: number): HistoryEntry | null {
    const row = this.#reader.row(seq);
    return row === null || row.kind !== rowKind.event || row.body === null ? null : this.#entry(row);
  }

  async trace(namespace: Namespace, messageId: string): Promise<readonly Trace[]> {
    const traces: Trace[] = [];
    for (const seq of await this.#locate(messageId)) {
      const row = this.#reader.row(seq);
      if (
        row === null ||
        row.kind !== rowKind.event ||
        ((row.flags & rowFlags.test) !== 0) !== (namespace === "test")
      )
        continue;
      const owner = row.pid === null || this.#store === null ? undefined : this.#root(this.#store, row.pid);
      traces.push({
        entry: this.#entry(row),
        profileId: owner === undefined ? null : this.#profileIds.encode(owner.pid),
        folded: row.pid !== null && row.seq <= this.#visible && (row.flags & rowFlags.foldFailed) === 0,
      });
    }
    return traces;
  }

  /** The seqs of a cursor, as far as they are this profile's: a made-up cursor opens nobody else's history. */
  #ownHeads(store: ProfileStore, pid: number, cursor: string): number[] {
    if (!/^\d{1,15}(,\d{1,15}){0,999}$/.test(cursor)) throw new Refusal("invalid_cursor");
    return parsePrev(cursor).filter((seq) => {
      const owner = this.#reader.row(seq)?.pid ?? null;
      return owner !== null && this.#root(store, owner)?.pid === pid;
    });
  }

  #findHot(store: ProfileStore, namespace: Namespace, type: string, value: string): HotProfile | undefined {
    switch (type) {
      case "user_id":
      case "anonymous_id":
        return this.#byPointer(store, identifierKey(namespace, type, value));
      case "email_sha256": {
        const text = store.readId(identifierKey(namespace, type, value.toLowerCase()));
        const entry = text === undefined ? undefined : parseIdEntry(text);
        return typeof entry === "object" && "same" in entry ? this.#byClaim(store, entry.same) : undefined;
      }
      case "profile_id": {
        const pid = this.#profileIds.decode(value);
        return pid === null ? undefined : this.#root(store, pid);
      }
      default: {
        const claimed = this.#definitions.identity.claimed.find((candidate) => candidate.type === type);
        const plain = claimed === undefined ? null : normaliseValue(claimed, value);
        return plain === null ? undefined : this.#byClaim(store, identifierKey(namespace, type, plain));
      }
    }
  }

  /** The claims on an identifier, under its own name or the hash of one. */
  #claimEntryOf(
    store: ProfileStore,
    namespace: Namespace,
    type: string,
    value: string,
  ): ClaimEntry | undefined {
    const claimed = this.#definitions.identity.claimed.find((candidate) => candidate.type === type);
    const plain = claimed === undefined ? value.toLowerCase() : normaliseValue(claimed, value);
    if (plain === null || (claimed === undefined && type !== "email_sha256")) return undefined;
    const text = store.readId(identifierKey(namespace, type, plain));
    const entry = text === undefined ? undefined : parseIdEntry(text);
    if (typeof entry !== "object" || !("same" in entry)) return claimEntry(entry);
    const same = store.readId(entry.same);
    return same === undefined ? undefined : claimEntry(parseIdEntry(same));
  }

  /** Everybody whom an anonymousId was linked to at some time; some of its events are theirs. */
  #linkedUsers(
    store: ProfileStore,
    home: HotProfile | undefined,
    namespace: Namespace,
    value: string,
  ): readonly string[] {
    const key = identifierKey(namespace, "anonymous_id", value);
    const text = store.readId(key);
    const entry = text === undefined ? undefined : parseIdEntry(text);
    const shelved = typeof entry === "object" && "link" in entry ? entry.link : undefined;
    const link = home?.links.get(key) ?? shelved;
    return link === undefined ? [] : usersOf(link.record);
  }

  #byPointer(store: ProfileStore, key: string): HotProfile | undefined {
    const text = store.readId(key);
    if (text === undefined) return undefined;
    const entry = parseIdEntry(text);
    if (typeof entry === "number") return this.#root(store, entry);
    return "pid" in entry ? this.#root(store, entry.pid) : undefined;
  }

  #byClaim(store: ProfileStore, key: string): HotProfile | undefined {
    const text = store.readId(key);
    const entry = text === undefined ? undefined : claimEntry(parseIdEntry(text));
    return entry === undefined ? undefined : this.#root(store, entry.holder);
  }

  #root(store: ProfileStore, pid: number): HotProfile | undefined {
    let at = pid;
    for (let hops = 0; hops < 1_000; hops += 1) {
      const text = store.readProfile(at);
      if (text === undefined) return undefined;
      const profile = parseProfile(at, text, store);
      if (typeof profile !== "number") return profile;
      at = profile;
    }
    return undefined;
  }

  #stored(profile: HotProfile): StoredProfile {
    return {
      pid: profile.pid,
      profileId: this.#profileIds.encode(profile.pid),
      namespace: profile.namespace,
      version: profile.version,
      identifiers: profile.identifiers.map(identifierOf),
      state: profile.state,
      membership: profile.membership,
      definitions: this.#definitions,
    };
  }

  #entry(row: EventRow): HistoryEntry {
    return {
      seq: row.seq,
      messageId: row.message_id ?? "",
      type: typeOf(row.flags),
      name: row.name,
      source: this.#reader.sourceName(row.source),
      timestampMs: row.timestamp_ms,
      receivedAtMs: row.received_at_ms ?? row.timestamp_ms,
      committedAtMs: row.committed_at_ms,
      trusted: (row.flags & rowFlags.trusted) !== 0,
      ignored: ignoredIn(row.extra),
      facts: factsIn(row.extra),
      body: row.body === null ? null : (JSON.parse(Buffer.from(row.body).toString("utf8")) as Json),
    };
  }
}
