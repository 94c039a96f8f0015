/**
 * A random life of a store, held against the reference at many moments: requests of all calls from shared devices with
 * late times, repeats, aliases, erasures, rebuilds, clean stops, lost profiles, and kills at every crash point. The
 * seed decides everything, so a failure can be run again.
 */
import { expect } from "bun:test";
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { judge, restore } from "../../src/ingest/judge.ts";
import { crashPoints } from "../../src/lib/crashPoint.ts";
import { seededIds } from "../../src/lib/id.ts";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { Event, EventType, JsonObject } from "../../src/model/event.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import type { Frame } from "../../src/store/accept.ts";
import { checkFolds } from "../../src/store/audit/checkJournal.ts";
import { openReadOnlyStore } from "../../src/store/readOnlyStore.ts";
import { copyFolder } from "../support/copyFolder.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { ComputedModel } from "./computedModel.ts";
import { SegmentModel } from "./segmentModel.ts";
import { Reference } from "../support/reference.ts";
import { tempFolder } from "../support/tempFolder.ts";

const users = ["u1", "u2", "u3", "u4"];
const devices = ["a1", "a2", "a3", "u1"];
const emails = ["ann@x.example", "bob@x.example", "cem@x.example"];
const identifiers: readonly (readonly [string, string])[] = [
  ...users.map((value) => ["user_id", value] as const),
  ...devices.map((value) => ["anonymous_id", value] as const),
  ...emails.map((value) => ["email", value] as const),
];
/** How a text that one event alone carries looks; to be found again in the files. */
const markBegin = "mark-";
const markForm = /^mark-\d+-end/;
const longestMark = 40;

interface Sent {
  readonly frame: Frame;
  readonly events: readonly Event[];
}

/** Lives one random life of `steps` steps and checks it to the end; with computed traits and segments, those too. */
export async function liveAndCompare(
  seed: number,
  steps: number,
  definitions: readonly Definition[] = [],
  segments: Rules["segments"] = [],
  undoes = false,
): Promise<void> {
  const life = new Life(seed, { ...noRules, computed: definitions, segments }, undoes);
  try {
    await life.begin();
    for (let step = 0; step < steps; step += 1) await life.step();
    await life.compare();
    await life.comparePermuted();
  } catch (error) {
    throw new Error(`seed ${seed}, ${steps} steps: ${life.story.slice(-12).join("; ")}`, { cause: error });
  } finally {
    await life.end();
  }
}

/** What the audit's sample says of every profile. */
async function differentFolds(folder: string): Promise<readonly string[]> {
  const store = openReadOnlyStore(folder);
  try {
    const deps = {
      restore,
      onProgress: () => {},
      signal: new AbortController().signal,
      breathe: () => Promise.resolve(),
    };
    const { drafts } = await checkFolds(store, store.watermark, 0, 0, deps);
    return drafts.map(({ sentence }) => sentence);
  } finally {
    await store.close();
  }
}

class Life {
  readonly story: string[] = [];
  readonly #random: () => number;
  readonly #seed: number;
  readonly #undoes: boolean;
  readonly #computed: ComputedModel | null;
  readonly #rules: Rules;
  readonly #segments: SegmentModel | null;
  readonly #clock = new FakeClock();
  readonly #folder = tempFolder();
  readonly #reference = new Reference();
  readonly #sent: Sent[] = [];
  #accepted: { readonly event: Event; readonly frame: Frame }[] = [];
  readonly #erasedMarks = new Set<string>();
  #marks = 0;
  #generation = 0;
  #store: TestStore | null = null;
  #crash: (point: string) => void = () => {};

  constructor(seed: number, rules: Rules, undoes: boolean) {
    const definitions = rules.computed;
    this.#seed = seed;
    this.#undoes = undoes;
    this.#rules = rules;
    this.#segments = rules.segments.length === 0 ? null : new SegmentModel(rules);
    const ids = seededIds(seed);
    this.#random = () => ids.random();
    this.#computed =
      definitions.length === 0 ? null : new ComputedModel(definitions, this.#random, () => this.#newMark());
  }

  get opened(): TestStore {
    if (this.#store === null) throw new Error("no store is open");
    return this.#store;
  }

  async begin(): Promise<void> {
    this.#store = await this.#open(this.#path());
  }

  async end(): Promise<void> {
    await this.#store?.close();
    this.#folder[Symbol.dispose]();
  }

  async step(): Promise<void> {
    this.#clock.advance(Math.floor(this.#random() * 3) * 1_000);
    if (this.#segments !== null) await this.#passTime();
    if (this.#undoes && this.#random() < 0.1) {
      await this.#undo();
      return;
    }
    const dice = this.#random() * 100;
    if (dice < 62) await this.#send(this.#newFrame());
    else if (dice < 72) await this.#send(this.#pick(this.#sent)?.frame ?? this.#newFrame());
    else if (dice < 77) await this.#erase();
    else if (dice < 82) await this.#restart(false);
    else if (dice < 85) await this.#restart(true);
    else if (dice < 88) await this.#killIdle();
    else if (dice < 94) await this.#killAt(this.#pick(crashPoints) ?? "", this.#random() < 0.25);
    else if (dice < 97) await this.#rebuild();
    else await this.compare();
  }

  /** Hours may pass, and the clock may be set back; what fell due is told sooner or later. */
  async #passTime(): Promise<void> {
    const dice = this.#random();
    if (dice < 0.2) this.#clock.advance(Math.floor(this.#random() * 9 * 60_000));
    else if (dice < 0.23) this.#clock.advance(-Math.floor(this.#random() * 120_000));
    this.#segments?.hear(this.opened);
  }

  /** Every identifier gives what the reference gives, and the profiles are those that a rebuild would give. */
  async compare(): Promise<void> {
    this.story.push("compare");
    const opened = this.opened;
    await opened.live();
    await opened.store.admin.settle();
    for (const [type, value] of identifiers)
      expect([type, value, read(opened, type, value)]).toEqual([
        type,
        value,
        this.#reference.find(type, value),
      ]);
    this.#compareComputed();
    this.#compareSegments();
    const report = await opened.store.admin.verify(() => {});
    expect(await differentFolds(opened.folder)).toEqual([]);
    expect(report.problems).toEqual([]);
    expect(opened.fatal).toEqual([]);
  }

  /** The same events in another order and in other requests give the same profiles. */
  async comparePermuted(): Promise<void> {
    if (this.#reference.hasOldMarks) return;
    this.story.push("permute");
    await this.opened.close();
    const index = new Map(this.#accepted.map(({ event }) => [nameOf(event), event.index] as const));
    const permuting = (frame: Frame, mintId: () => string) => {
      const verdict = judge(frame, mintId);
      if (verdict.kind !== "judged") return verdict;
      const events = verdict.events.map((judged) =>
        judged.kind === "event"
          ? { ...judged, event: { ...judged.event, index: index.get(nameOf(judged.event)) ?? 0 } }
          : judged,
      );
      return { ...verdict, events };
    };
    this.#store = await openTestStore(this.#path(), {
      clock: this.#clock,
      judge: permuting,
      rules: this.#rules,
    });
    for (const { frame } of this.#shuffled(this.#accepted)) await this.opened.store.accept.submit(frame);
    await this.opened.store.admin.settle();
    for (const pair of this.#reference.pairs)
      await this.opened.store.admin.undo({ namespace: "live", ...pair });
    await this.opened.store.admin.settle();
    this.#compareComputed();
    for (const [type, value] of identifiers) {
      expect([type, value, unordered(read(this.opened, type, value))]).toEqual([
        type,
        value,
        unordered(this.#reference.find(type, value)),
      ]);
    }
  }

  #compareComputed(): void {
    for (const [type, value] of identifiers) {
      const profile = this.opened.find(type, value);
      const events = this.#reference.eventsOf(type, value);
      if (profile !== null && events !== null)
        this.#computed?.compare(profile, events, this.#clock.nowMs(), `${type}:${value}`);
    }
  }

  #compareSegments(): void {
    for (const [type, value] of identifiers) {
      const profile = this.opened.find(type, value);
      const events = this.#reference.eventsOf(type, value);
      if (profile !== null && events !== null) this.#segments?.compare(profile, events, `${type}:${value}`);
    }
    this.#segments?.hear(this.opened);
    this.#segments?.compareHeard(this.opened);
  }

  #path(): string {
    this.#generation += 1;
    return this.#folder.at(`data-${this.#generation}`);
  }

  #open(folder: string): Promise<TestStore> {
    return openTestStore(folder, {
      clock: this.#clock,
      hotProfiles: 3,
      rules: this.#rules,
      ids: seededIds(this.#seed + this.#generation),
      crash: (point) => this.#crash(point),
    });
  }

  async #send(frame: Frame): Promise<void> {
    const verdict = judge(frame, () => "");
    const events =
      verdict.kind === "judged"
        ? verdict.events.flatMap((judged) => (judged.kind === "event" ? [judged.event] : []))
        : [];
    this.story.push(`send ${frame.source} ${frame.call} ${Buffer.from(frame.body).toString()}`);
    this.#sent.push({ frame, events });
    const answer = await this.opened.store.accept.submit(frame);
    const repeats = this.#take(frame, events);
    const known = frame.lane === "import" && repeats > 0 ? { known: repeats } : {};
    expect(answer).toEqual({ kind: "accepted", rejected: [], ...known });
  }

  /** Returns how many were repeats. */
  #take(frame: Frame, events: readonly Event[]): number {
    const fresh = events.filter((event) => this.#reference.accept(event));
    for (const event of fresh) this.#accepted.push({ event, frame: single(frame, event) });
    return events.length - fresh.length;
  }

  /** Takes a pair apart, or lets what ties it count again. */
  async #undo(): Promise<void> {
    const known = this.#random() < 0.4 ? this.#pick(this.#reference.pairs) : undefined;
    const user = this.#pick(users) ?? "";
    const type = this.#random() < 0.6 ? "user_id" : "anonymous_id";
    const value = this.#pick(type === "user_id" ? users.filter((name) => name !== user) : devices) ?? "";
    const pair = known ?? { user, other: { type, value } };
    const isLifting = known !== undefined;
    this.story.push(`${isLifting ? "lift" : "undo"} ${JSON.stringify(pair)}`);
    await this.opened.live();
    await this.opened.store.admin.settle();
    const act = isLifting ? "liftUndo" : "undo";
    const answer = await this.opened.store.admin[act]({ namespace: "live", ...pair });
    expect(answer.kind === "done").toBe(this.#reference.undo(pair, isLifting));
  }

  async #erase(): Promise<void> {
    const [type, value] = this.#pick(identifiers) ?? ["", ""];
    this.story.push(`erase ${type}:${value}`);
    await this.opened.live();
    await this.opened.store.admin.settle();
    const erased = await this.opened.store.admin.erase("live", type, value);
    expect(erased !== null).toBe(this.#reference.erase(type, value));
    this.#dropErased();
    if (this.#random() < 0.3) await this.#compact();
  }

  #dropErased(): void {
    for (const { event, frame } of this.#accepted)
      if (!this.#reference.holds(event))
        for (const mark of marksIn(single(frame, event).body)) this.#erasedMarks.add(mark);
    this.#accepted = this.#accepted.filter(({ event }) => this.#reference.holds(event));
  }

  /** After it no file of the folder holds a text that only erased events carried. */
  async #compact(): Promise<void> {
    this.story.push("compact");
    await this.opened.live();
    await this.opened.store.admin.compact();
    const left = filesBelow(this.opened.folder).flatMap((path) => marksIn(readFileSync(path)));
    expect(left.filter((mark) => this.#erasedMarks.has(mark))).toEqual([]);
  }

  async #restart(withoutProfiles: boolean): Promise<void> {
    this.story.push(withoutProfiles ? "lose the profiles" : "restart");
    const { folder } = this.opened;
    await this.opened.close();
    if (withoutProfiles)
      for (const name of readdirSync(folder))
        if (name.startsWith("profiles-")) rmSync(join(folder, name), { recursive: true });
    this.#store = await this.#open(folder);
  }

  /** The process is killed while nothing is under way: what is on disk at that moment is what the next one finds. */
  async #killIdle(): Promise<void> {
    this.story.push("kill");
    const image = this.#path();
    copyFolder(this.opened.folder, image);
    await this.#continueFrom(image);
  }

  /** The process is killed at a crash point of what it does next; the files as they are at that moment live on. */
  async #killAt(point: string, erasing: boolean): Promise<void> {
    this.story.push(`kill at ${point}`);
    await this.opened.live();
    await this.opened.store.admin.settle();
    const image = this.#path();
    let taken = false;
    // Only what was committed when the image was taken is in it: the point may be met first by what time told before.
    const committed = new Set<string>();
    let kept: ReadonlySet<string> = new Set();
    this.#crash = (reached) => {
      committed.add(reached);
      if (taken || reached !== point) return;
      taken = true;
      kept = new Set(committed);
      copyFolder(this.opened.folder, image);
    };
    if (erasing) await this.#eraseUnder(() => taken && !kept.has("afterActCommit"));
    else await this.#sendUnder(() => taken && !kept.has("afterJournalCommit"));
    this.#crash = () => {};
    if (taken) await this.#continueFrom(image);
  }

  async #sendUnder(lost: () => boolean): Promise<void> {
    const before = this.#accepted.length;
    await this.#send(this.#newFrame());
    if (!lost()) return;
    for (const { event } of this.#accepted.splice(before)) this.#reference.forget(event);
  }

  async #eraseUnder(lost: () => boolean): Promise<void> {
    const [type, value] = this.#pick(identifiers) ?? ["", ""];
    this.story.push(`erase ${type}:${value}`);
    const erased = await this.opened.store.admin.erase("live", type, value);
    if (lost()) return;
    expect(erased !== null).toBe(this.#reference.erase(type, value));
    this.#dropErased();
  }

  async #continueFrom(image: string): Promise<void> {
    const former = this.opened;
    await former.close();
    rmSync(former.folder, { recursive: true });
    this.#store = await this.#open(image);
  }

  async #rebuild(): Promise<void> {
    this.story.push("rebuild");
    await this.opened.live();
    await this.opened.store.admin.rebuild();
  }

  #newFrame(): Frame {
    const size = this.#random() < 0.2 ? 2 + Math.floor(this.#random() * 4) : 1;
    const bodies = Array.from({ length: size }, () => this.#newEvent());
    const [first] = bodies;
    const body = size === 1 ? first?.[1] : { batch: bodies.map(([type, event]) => ({ type, ...event })) };
    const trusted = this.#random() < 0.6;
    return {
      call: size === 1 ? (first?.[0] ?? "track") : "batch",
      source: trusted ? "shop" : "web",
      namespace: "live",
      trusted,
      receivedAtMs: this.#clock.nowMs(),
      lane: this.#random() < 0.1 ? "import" : "live",
      body: new TextEncoder().encode(JSON.stringify(body)),
    };
  }

  #newEvent(): readonly [EventType, JsonObject] {
    const type =
      this.#pick<EventType>([
        "track",
        "track",
        "identify",
        "identify",
        "identify",
        "page",
        "screen",
        "group",
        "alias",
      ]) ?? "track";
    const userId = type === "alias" || this.#random() < 0.5 ? this.#pick(users) : undefined;
    const anonymousId = userId === undefined || this.#random() < 0.5 ? this.#pick(devices) : undefined;
    return [
      type,
      {
        ...(userId === undefined ? {} : { userId }),
        ...(anonymousId === undefined ? {} : { anonymousId }),
        messageId: `m${Math.floor(this.#random() * 400)}`,
        ...(this.#random() < 0.85
          ? {
              timestamp: new Date(
                this.#clock.nowMs() - Math.floor(this.#random() * 8) * 60_000,
              ).toISOString(),
            }
          : {}),
        context: { note: this.#newMark() },
        ...(type === "track" ? (this.#computed?.track() ?? { event: "Seen" }) : {}),
        ...(type === "group" ? { groupId: "g1" } : {}),
        ...(type === "alias" ? { previousId: this.#pick([...users, ...devices]) ?? "a1" } : {}),
        ...(type === "identify" ? { traits: this.#newTraits() } : {}),
      },
    ];
  }

  #newTraits(): JsonObject {
    return {
      [this.#pick(["plan", "colour", "constructor"]) ?? "plan"]:
        this.#pick(["red", "blue", 7, null, true]) ?? null,
      ...(this.#random() < 0.5 ? { note: this.#newMark() } : {}),
      ...(this.#random() < 0.5 ? { email: this.#pick(emails) ?? null } : {}),
    };
  }

  #newMark(): string {
    this.#marks += 1;
    return `mark-${this.#marks}-end`;
  }

  #pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.#random() * from.length)];
  }

  #shuffled<T>(from: readonly T[]): T[] {
    return from
      .map((value) => ({ value, at: this.#random() }))
      .sort((a, b) => a.at - b.at)
      .map(({ value }) => value);
  }
}

function nameOf(event: Event): string {
  return `${event.source} ${event.messageId}`;
}

/** Looks for the few marks among many bytes, most of them holes: a text of all of them would cost four times as much. */
function marksIn(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const marks: string[] = [];
  for (let at = buffer.indexOf(markBegin); at >= 0; at = buffer.indexOf(markBegin, at + 1)) {
    const mark = markForm.exec(buffer.toString("latin1", at, at + longestMark))?.[0];
    if (mark !== undefined) marks.push(mark);
  }
  return marks;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** The frame that brings this one event alone. */
function single(frame: Frame, event: Event): Frame {
  if (frame.call !== "batch") return frame;
  const { batch } = JSON.parse(Buffer.from(frame.body).toString()) as { batch: { messageId: string }[] };
  const body = batch[event.index];
  return { ...frame, call: event.type, body: new TextEncoder().encode(JSON.stringify(body)) };
}

type Answer = ReturnType<Reference["find"]>;

function read(opened: TestStore, type: string, value: string): Answer {
  const found = opened.find(type, value);
  if (found === null) return null;
  return {
    identifiers: found.identifiers.map((id) => `${id.type}:${id.value}`),
    traits: opened.traits(type, value) as NonNullable<Answer>["traits"],
    firstMs: found.state.first,
    lastMs: found.state.last,
    history: opened.history(type, value, 3).map(({ messageId }) => messageId),
  };
}

function unordered(answer: Answer): unknown {
  return answer === null
    ? null
    : { ...answer, history: [...answer.history].sort(), traits: canonicalJson(answer.traits) };
}
