/**
 * A change log and profiles in memory, for tests of what reads them. They keep the promises of the real ones (the
 * suites in test/conformance/ hold both to them) and can be put into states that are hard to bring about for real.
 */
import { Refusal } from "../../src/errors.ts";
import type { Change } from "../../src/model/change.ts";
import { noDefinitions, type Definitions } from "../../src/model/definition.ts";
import type { Event, EventType, JsonObject, Namespace } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import type { TraitChanges } from "../../src/model/traitChanges.ts";
import {
  compareIdentifierKeys,
  identifierKey,
  identifierOf,
  normaliseEmail,
} from "../../src/model/identifier.ts";
import { merge } from "../../src/model/merge.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import type { ChangeLog } from "../../src/store/changeLog.ts";
import { tellsOfPeople } from "../../src/store/changeLogReader.ts";
import { ProfileMemories, type ProfileMemory } from "../../src/store/profileMemory.ts";
import type {
  HistoryEntry,
  Lookup,
  Profiles,
  StoredProfile,
  Trace,
  Trail,
} from "../../src/store/profiles.ts";
import { FakeClock } from "./fakeClock.ts";

/** One event as a test writes it; what is left out has a default. */
export interface SentEvent {
  readonly namespace?: Namespace;
  readonly type?: EventType;
  readonly name?: string;
  readonly userId?: string;
  readonly anonymousId?: string;
  readonly messageId?: string;
  readonly source?: string;
  readonly timestampMs?: number;
  readonly traits?: JsonObject;
  readonly properties?: JsonObject;
}

interface Held {
  readonly pid: number;
  readonly namespace: Namespace;
  version: number;
  identifiers: string[];
  state: ProfileState;
  history: HistoryEntry[];
}

/** What a merge within an event brought along. */
interface Joined {
  readonly mergedFrom: string[];
  traits: TraitChanges;
}

export class MemoryStore {
  readonly clock: FakeClock;
  readonly changes = new MemoryChangeLog();
  readonly profiles: MemoryProfiles;
  readonly #definitions: Definitions;
  #seq = 0;

  constructor(clock = new FakeClock(), definitions = noDefinitions) {
    this.clock = clock;
    this.#definitions = definitions;
    this.profiles = new MemoryProfiles(this.changes, definitions);
  }

  /** Takes one event in; returns its seq. */
  send(sent: SentEvent): number {
    const seq = (this.#seq += 1);
    const event = eventOf(sent, seq, this.clock.nowMs());
    const joined: Joined = { mergedFrom: [], traits: {} };
    const owner = this.profiles.ownerOf(event, seq, joined);
    const { changed } = fold(owner.state, event, {}, this.#definitions);
    this.profiles.note(owner, event, seq, this.clock.nowMs(), JSON.parse(JSON.stringify(bodyOf(sent))));
    this.#log(owner, seq, event, combined(joined.traits, changed ?? {}), joined.mergedFrom);
    return seq;
  }

  /** Forgets a profile; its erasure is in the log, nothing of it. */
  erase(namespace: Namespace, type: string, value: string): number {
    const seq = (this.#seq += 1);
    const profileId = this.profiles.remove(namespace, type, value);
    const nowMs = this.clock.nowMs();
    this.changes.append({
      seq,
      namespace,
      profileId,
      identifiers: [],
      cause: "erase",
      event: null,
      timestampMs: nowMs,
      receivedAtMs: null,
      committedAtMs: nowMs,
      traits: {},
      segments: { entered: [], exited: [] },
    });
    return seq;
  }

  #log(owner: Held, seq: number, event: Event, traits: TraitChanges, mergedFrom: readonly string[]): void {
    const { messageId, type, name, source } = event;
    const change: Change = {
      seq,
      namespace: event.namespace,
      profileId: profileIdOf(owner.pid),
      identifiers: owner.identifiers.map(identifierOf),
      cause: mergedFrom.length > 0 ? "merge" : "event",
      event: { messageId, type, name, source },
      timestampMs: event.timestampMs,
      receivedAtMs: event.receivedAtMs,
      committedAtMs: this.clock.nowMs(),
      traits,
      segments: { entered: [], exited: [] },
    };
    this.changes.append(mergedFrom.length > 0 ? { ...change, mergedFrom } : change);
  }
}

/** Two steps as one: the old value of the first, the new value of the last. */
function combined(first: TraitChanges, then: TraitChanges): TraitChanges {
  const both: TraitChanges = { ...first };
  for (const [name, change] of Object.entries(then))
    both[name] = { old: (first[name] ?? change).old, new: change.new };
  return both;
}

function eventOf(sent: SentEvent, seq: number, nowMs: number): Event {
  return {
    namespace: sent.namespace ?? "live",
    source: sent.source ?? "web",
    trusted: true,
    type: sent.type ?? (sent.traits === undefined ? "track" : "identify"),
    name: sent.name ?? (sent.traits === undefined ? "Thing Happened" : null),
    messageId: sent.messageId ?? `m-${seq}`,
    userId: sent.userId ?? null,
    anonymousId: sent.anonymousId ?? null,
    previousId: null,
    groupId: null,
    timestampMs: sent.timestampMs ?? nowMs,
    receivedAtMs: nowMs,
    index: 0,
    properties: sent.properties ?? {},
    traits: sent.traits ?? {},
  };
}

function bodyOf({ userId, anonymousId, traits, properties, name }: SentEvent): object {
  return { userId, anonymousId, traits, properties, event: name };
}

function profileIdOf(pid: number): string {
  return `prf_${String(pid).padStart(8, "0")}`;
}

class MemoryChangeLog implements ChangeLog {
  epoch = 3;
  readonly #changes: Change[] = [];
  readonly #waiters = new Set<{ readonly beyond: number; readonly wake: (there: boolean) => void }>();
  #head = 0;
  #floor = 0;
  #isHeld = false;
  #isClosed = false;

  append(change: Change): void {
    this.#changes.push(change);
    if (!this.#isHeld) this.#advance();
  }

  /** From here on nothing new becomes visible, and readers see only what lies up to `head`. */
  hold(head = this.#head): void {
    this.#isHeld = true;
    this.#head = head;
  }

  release(): void {
    this.#isHeld = false;
    this.#advance();
  }

  /** Forgets everything up to `seq`. */
  trim(seq: number): void {
    this.#floor = seq;
    while ((this.#changes[0]?.seq ?? Number.POSITIVE_INFINITY) <= seq) this.#changes.shift();
  }

  head(): number {
    return this.#head;
  }

  newest(): number {
    return Math.max(this.#head, this.#changes.at(-1)?.seq ?? 0);
  }

  floor(): number {
    return this.#floor;
  }

  read(afterSeq: number, limit: number): { readonly changes: readonly Change[]; readonly scannedTo: number } {
    const there = this.#changes.filter(({ seq }) => seq > afterSeq && seq <= this.#head);
    const changes = there.slice(0, limit);
    const last = changes.at(-1);
    return { changes, scannedTo: last !== undefined && changes.length === limit ? last.seq : this.#head };
  }

  readPeople(afterSeq: number): { readonly changes: readonly Change[]; readonly scannedTo: number } {
    const { changes, scannedTo } = this.read(afterSeq, Number.MAX_SAFE_INTEGER);
    return { changes: changes.filter(tellsOfPeople), scannedTo };
  }

  waitBeyond(seq: number, signal: AbortSignal): Promise<boolean> {
    if (this.#head > seq) return Promise.resolve(true);
    if (signal.aborted || this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      const stop = () => waiter.wake(false);
      const waiter = {
        beyond: seq,
        wake: (there: boolean) => {
          this.#waiters.delete(waiter);
          signal.removeEventListener("abort", stop);
          resolve(there);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      this.#waiters.add(waiter);
    });
  }

  #advance(): void {
    this.#head = this.newest();
    for (const waiter of this.#waiters) if (waiter.beyond < this.#head) waiter.wake(true);
  }
}

export class MemoryProfiles implements Profiles {
  /** While true, every lookup says so. */
  get isRebuilding(): boolean {
    return this.#isRebuilding;
  }

  set isRebuilding(is: boolean) {
    this.#isRebuilding = is;
    this.#memories.clear();
  }

  #isRebuilding = false;
  readonly #held = new Map<number, Held>();
  readonly #heirs = new Map<number, number>();
  readonly #ids = new Map<string, number>();
  readonly #traces: { readonly namespace: Namespace; readonly entry: HistoryEntry; readonly pid: number }[] =
    [];
  readonly #memories = new ProfileMemories();
  readonly #log: ChangeLog;
  readonly definitions: Definitions;

  constructor(log: ChangeLog, definitions = noDefinitions) {
    this.#log = log;
    this.definitions = definitions;
  }

  trail(namespace: Namespace, type: string, value: string): Trail {
    const found = this.find(namespace, type, value);
    if (found.kind === "rebuilding") return found;
    return { kind: "found", heads: found.kind === "found" ? [found.profile.version] : [] };
  }

  /** The profile an event belongs to, made or merged if need be. */
  ownerOf(event: Event, seq: number, joined: Joined): Held {
    const { namespace, userId, anonymousId } = event;
    const keys = [
      ...(userId === null ? [] : [identifierKey(namespace, "user_id", userId)]),
      ...(anonymousId === null ? [] : [identifierKey(namespace, "anonymous_id", anonymousId)]),
    ];
    const known = keys.map((key) => this.#ids.get(key)).filter((pid) => pid !== undefined);
    const [first = seq, second = first] = known;
    const owner = this.#held.get(first) ?? {
      pid: seq,
      namespace,
      version: 0,
      identifiers: [],
      state: emptyState(),
      history: [],
    };
    this.#held.set(owner.pid, owner);
    if (second !== first) this.#join(owner, second, joined);
    const email = normaliseEmail(event.traits["email"]);
    const claimed = email === null ? keys : [...keys, identifierKey(namespace, "email", email)];
    for (const key of claimed) {
      this.#ids.set(key, owner.pid);
      if (!owner.identifiers.includes(key)) owner.identifiers.push(key);
    }
    owner.identifiers.sort(compareIdentifierKeys);
    return owner;
  }

  /** Notes what an event did to a profile. */
  note(owner: Held, event: Event, seq: number, committedAtMs: number, body: JsonObject): void {
    const { messageId, type, name, source, timestampMs, receivedAtMs, namespace } = event;
    const entry: HistoryEntry = {
      seq,
      messageId,
      type,
      name,
      source,
      timestampMs,
      receivedAtMs,
      committedAtMs,
      trusted: event.trusted,
      ignored: event.ignored ?? {},
      body,
    };
    owner.version = seq;
    owner.history.push(entry);
    this.#traces.push({ namespace, entry, pid: owner.pid });
    this.#memories.forget([owner.pid]);
  }

  /** Removes a profile and all that leads to it; returns its profileId. */
  remove(namespace: Namespace, type: string, value: string): string {
    const pid = this.#ids.get(identifierKey(namespace, type, value));
    if (pid === undefined) throw new Error("there is no such profile to erase");
    this.#held.delete(pid);
    for (const [key, owner] of this.#ids) if (owner === pid) this.#ids.delete(key);
    this.#memories.forget([pid]);
    return profileIdOf(pid);
  }

  find(namespace: Namespace, type: string, value: string): Lookup {
    if (this.isRebuilding) return { kind: "rebuilding" };
    const found = this.#held.get(this.#pidOf(namespace, type, value) ?? -1);
    if (found === undefined || found.namespace !== namespace) return { kind: "missing" };
    return { kind: "found", profile: stored(found, this.definitions) };
  }

  memory<Value>(maxBytes: number): ProfileMemory<Value> {
    return this.#memories.open(maxBytes);
  }

  page(namespace: Namespace, afterPid: number, limit: number): ReturnType<Profiles["page"]> {
    if (this.isRebuilding) return { kind: "rebuilding" };
    const after = [...this.#held.values()]
      .filter(({ pid }) => pid > afterPid)
      .toSorted((a, b) => a.pid - b.pid);
    const page = after.slice(0, limit);
    const profiles = page
      .filter((held) => held.namespace === namespace)
      .map((held) => stored(held, this.definitions));
    return { kind: "page", profiles, nextPid: page.length < limit ? null : (page.at(-1)?.pid ?? null) };
  }

  history(pid: number, cursor: string | null, limit: number): ReturnType<Profiles["history"]> {
    if (cursor !== null && !/^\d{1,15}$/.test(cursor)) throw new Refusal("invalid_cursor");
    const before = cursor === null ? Number.POSITIVE_INFINITY : Number(cursor);
    const all = (this.#held.get(pid)?.history ?? [])
      .toSorted((a, b) => b.seq - a.seq)
      .filter(({ seq }) => seq < before);
    const events = all.slice(0, limit);
    return { events, nextCursor: all.length > limit ? String(events.at(-1)?.seq) : null };
  }

  entry(): null {
    return null;
  }

  trace(namespace: Namespace, messageId: string): Promise<readonly Trace[]> {
    const found = this.#traces.filter(
      (trace) => trace.namespace === namespace && trace.entry.messageId === messageId,
    );
    return Promise.resolve(
      found.map(({ entry, pid }) => ({
        entry,
        profileId: profileIdOf(this.#heirs.get(pid) ?? pid),
        folded: entry.seq <= this.#log.head(),
      })),
    );
  }

  #pidOf(namespace: Namespace, type: string, value: string): number | undefined {
    if (type === "profile_id") {
      const pid = /^prf_\d{8}$/.test(value) ? Number(value.slice(4)) : -1;
      return this.#heirs.get(pid) ?? pid;
    }
    if (type === "email_sha256") {
      return [...this.#ids].find(
        ([key]) => key.startsWith(identifierKey(namespace, "email", "")) && hashOf(key) === value,
      )?.[1];
    }
    const plain = type === "email" ? (normaliseEmail(value) ?? "") : value;
    return this.#ids.get(identifierKey(namespace, type, plain));
  }

  #join(into: Held, fromPid: number, joined: Joined): void {
    const from = this.#held.get(fromPid);
    if (from === undefined) throw new Error("an identifier leads nowhere");
    joined.traits =
      merge(into.state, from.state, {
        definitions: this.definitions,
        into: into.pid,
        from: from.pid,
      }) ?? {};
    into.identifiers.push(...from.identifiers);
    into.history.push(...from.history);
    for (const [key, pid] of this.#ids) if (pid === fromPid) this.#ids.set(key, into.pid);
    for (const [pid, heir] of this.#heirs) if (heir === fromPid) this.#heirs.set(pid, into.pid);
    this.#heirs.set(fromPid, into.pid);
    this.#held.delete(fromPid);
    this.#memories.forget([fromPid]);
    joined.mergedFrom.push(profileIdOf(fromPid));
  }
}

function hashOf(emailKey: string): string {
  return new Bun.CryptoHasher("sha256").update(identifierOf(emailKey).value).digest("hex");
}

function stored(held: Held, definitions: Definitions): StoredProfile {
  const { pid, namespace, version, identifiers, state } = held;
  return {
    pid,
    profileId: profileIdOf(pid),
    namespace,
    version,
    identifiers: identifiers.map(identifierOf),
    state: structuredCloneState(state),
    membership: null,
    definitions,
  };
}

/** A copy, as every read of the real store gives one. */
function structuredCloneState(state: ProfileState): ProfileState {
  return JSON.parse(JSON.stringify(state)) as ProfileState;
}
