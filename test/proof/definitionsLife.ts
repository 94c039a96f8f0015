/**
 * Definitions that change among events, joins, restarts and kills. In the end everything must be as if the last
 * definitions had been there from the first event on: against a rebuild of the same journal, byte for byte, and against
 * a fresh folder that is sent the same events. A follower who only heard the feed must know the same.
 */
import { expect } from "bun:test";
import { crashPoints, rulesCrashPoints } from "../../src/lib/crashPoint.ts";
import { canonicalJson } from "../../src/model/canonicalJson.ts";
import { readComputed } from "../../src/model/computed.ts";
import type { Definition } from "../../src/model/definition.ts";
import type { Json, JsonObject } from "../../src/model/event.ts";
import { ecommercePack } from "../../src/model/packs.ts";
import { emptyState } from "../../src/model/profile.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import type { SegmentDefinition } from "../../src/model/segmentRule.ts";
import { readTraits } from "../../src/model/trait.ts";
import type { StoredProfile } from "../../src/store/profiles.ts";
import { copyFolder } from "../support/copyFolder.ts";
import { FakeClock } from "../support/fakeClock.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { Random } from "../support/random.ts";
import { tempFolder, type TempFolder } from "../support/tempFolder.ts";

const event = "Product Viewed";
const minuteMs = 60_000;
const views: Definition = { name: "views", aggregate: "count", event };
const products: Definition = { name: "views", aggregate: "unique", event, property: "product_id" };
const newest: Definition = { name: "newest", aggregate: "last", event, property: "product_id" };
const seen9m: Definition = { name: "seen9m", aggregate: "count", event, windowMs: 9 * minuteMs };
const shop = ecommercePack("EUR");

const keen = (times: number): SegmentDefinition => ({
  name: "keen",
  rule: { kind: "trait", path: ["views"], test: { condition: { atLeast: times } } },
});
const lately: SegmentDefinition = {
  name: "lately",
  rule: { kind: "event", event, windowMs: 6 * minuteMs },
};
const lost: SegmentDefinition = {
  name: "lost",
  rule: {
    kind: "all",
    of: [
      { kind: "segment", name: "keen" },
      { kind: "not", of: { kind: "segment", name: "lately" } },
    ],
  },
};
const reds = (colour: string): SegmentDefinition => ({
  name: "reds",
  rule: { kind: "trait", path: ["colour"], test: { condition: { is: colour } } },
});

const of = (computed: readonly Definition[], ...segments: readonly SegmentDefinition[]): Rules => ({
  ...noRules,
  computed,
  segments,
});

/** What an operator chooses from. */
const choices: readonly Rules[] = [
  of([views], keen(2), lately, lost),
  of([views, seen9m], keen(3), reds("red")),
  of([products, newest], keen(2), reds("blue")),
  of([...shop, seen9m, newest], lately),
  of([views, ...shop], keen(2), lately, lost, reds("red")),
  noRules,
];

const namedPoints = [...crashPoints, ...rulesCrashPoints];

interface Sent {
  readonly call: "track" | "identify" | "alias";
  readonly body: JsonObject;
  readonly receivedAtMs: number;
}

/** Counts over all lives, so that a run can be seen to have done something. */
export interface LifeCounts {
  changes: number;
  restarts: number;
  kills: number;
}

/** One life; throws what does not agree. */
export async function liveThroughDefinitions(seed: number, steps: number, counts: LifeCounts): Promise<void> {
  using folder = tempFolder();
  await using life = new Life(folder, new Random(seed), counts);
  await life.live(steps);
  await life.compare();
}

class Life implements AsyncDisposable {
  readonly #folder: TempFolder;
  readonly #random: Random;
  readonly #counts: LifeCounts;
  readonly #clock = new FakeClock();
  readonly #sent: Sent[] = [];
  readonly #applying: Promise<unknown>[] = [];
  #opened: TestStore | null = null;
  #image = 0;
  #rules: Rules = noRules;
  /** Where the process is killed next: visits left, and how many events were answered then. */
  #killAt: { readonly point: string; visits: number } | null = null;
  #killed: { readonly path: string; readonly answered: number } | null = null;
  #answered = 0;

  constructor(folder: TempFolder, random: Random, counts: LifeCounts) {
    this.#folder = folder;
    this.#random = random;
    this.#counts = counts;
  }

  async live(steps: number): Promise<void> {
    const random = this.#random;
    await this.#open(this.#folder.at("data-0"));
    for (let step = 0; step < steps; step += 1) {
      this.#clock.advance(1_000 + random.below(2 * minuteMs));
      const dice = random.below(100);
      if (dice < 80) await this.#send(this.#next());
      else if (dice < 92) this.#change();
      else if (dice < 95) await this.#restart();
      else
        this.#killAt = {
          point: namedPoints[random.below(namedPoints.length)] ?? "",
          visits: 1 + random.below(3),
        };
      if (this.#killed !== null) await this.#comeBack();
    }
    this.#killAt = null;
    await this.#applied();
    if (this.#killed !== null) await this.#comeBack();
    this.#rules = choices[this.#random.below(choices.length)] ?? noRules;
    await this.#store().store.admin.applyRules(this.#rules);
    await this.#store().store.admin.settle();
  }

  async compare(): Promise<void> {
    const opened = this.#store();
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
    const lived = shownOf(opened);
    expect(toldOf(opened)).toEqual(comparable(opened));
    await opened.store.admin.rebuild();
    await opened.live();
    expect(shownOf(opened)).toEqual(lived);
    const clock = this.#clock;
    await using fresh = await openTestStore(this.#folder.at("fresh"), { rules: this.#rules, clock });
    for (const { call, body, receivedAtMs } of this.#sent) await fresh.accept(call, body, { receivedAtMs });
    await fresh.store.admin.settle();
    expect(withoutHistory(fresh)).toEqual(withoutHistory(opened));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened?.close();
  }

  #store(): TestStore {
    if (this.#opened === null) throw new Error("the store is not open");
    return this.#opened;
  }

  async #open(path: string): Promise<void> {
    const crash = (name: string) => this.#visit(name);
    const options = { rules: this.#rules, keepsRules: true, clock: this.#clock, crash };
    this.#opened = await openTestStore(path, options);
    await this.#opened.live();
    // What liveConfig.ts does at a start.
    await this.#opened.store.admin.applyRules(this.#rules);
  }

  /** What the files hold at this moment is what SIGKILL would leave. */
  #visit(name: string): void {
    const at = this.#killAt;
    if (at === null || at.point !== name || this.#opened === null) return;
    at.visits -= 1;
    if (at.visits > 0) return;
    this.#killAt = null;
    this.#image += 1;
    const path = this.#folder.at(`data-${this.#image}`);
    copyFolder(this.#opened.folder, path);
    this.#killed = { path, answered: this.#answered };
  }

  /** The next process on the files of the killed one: clients send again what it had not answered. */
  async #comeBack(): Promise<void> {
    const killed = this.#killed;
    this.#killed = null;
    if (killed === null) return;
    this.#counts.kills += 1;
    await this.#opened?.close();
    this.#applying.length = 0;
    await this.#open(killed.path);
    for (const { call, body, receivedAtMs } of this.#sent.slice(killed.answered))
      await this.#store().accept(call, body, { receivedAtMs });
  }

  async #restart(): Promise<void> {
    this.#counts.restarts += 1;
    // Now and then in the middle of a change: closing ends it.
    if (this.#random.chance(0.5)) await this.#applied();
    const { folder } = this.#store();
    await this.#opened?.close();
    this.#applying.length = 0;
    await this.#open(folder);
  }

  #change(): void {
    this.#counts.changes += 1;
    this.#rules = choices[this.#random.below(choices.length)] ?? noRules;
    const applied = this.#store().store.admin.applyRules(this.#rules);
    // A stop ends it, and nobody listens then.
    applied.catch(() => {});
    this.#applying.push(applied);
  }

  async #applied(): Promise<void> {
    await Promise.allSettled(this.#applying.splice(0));
  }

  async #send(sent: Sent): Promise<void> {
    this.#sent.push(sent);
    await this.#store().accept(sent.call, sent.body, { receivedAtMs: sent.receivedAtMs });
    this.#answered = this.#sent.length;
  }

  #next(): Sent {
    const random = this.#random;
    const receivedAtMs = this.#clock.nowMs();
    // A moment of its own each, some of them late.
    const happenedMs = receivedAtMs - (random.chance(0.2) ? random.below(12 * minuteMs) : 0) - 1;
    const common = { messageId: `m${this.#sent.length}`, timestamp: new Date(happenedMs).toISOString() };
    const [userId, anonymousId] = [`u${random.below(4)}`, `a${random.below(4)}`];
    const properties = { product_id: `p${random.below(3)}`, price: 5, quantity: 1, currency: "EUR" };
    const dice = random.below(100);
    if (dice < 60) {
      const name = random.chance(0.3) ? "Product Added" : event;
      const who = random.chance(0.7) ? { userId } : { anonymousId };
      return { call: "track", receivedAtMs, body: { ...common, ...who, event: name, properties } };
    }
    if (dice < 94) {
      const traits = { colour: random.chance(0.5) ? "red" : "blue" };
      const who = random.chance(0.4) ? { userId, anonymousId } : { userId };
      return { call: "identify", receivedAtMs, body: { ...common, ...who, traits } };
    }
    return { call: "alias", receivedAtMs, body: { ...common, userId, previousId: `u${random.below(4)}` } };
  }
}

function profilesOf(opened: TestStore): readonly StoredProfile[] {
  const page = opened.store.profiles.page("live", 0, 1_000);
  if (page.kind !== "page") throw new Error("profiles are being rebuilt");
  return page.profiles;
}

/** Everything that is said of every profile, and who is in which segment since when. */
function shownOf(opened: TestStore): readonly string[] {
  return profilesOf(opened).map(({ profileId, identifiers, state, definitions, membership }) =>
    canonicalJson({
      profileId,
      identifiers: identifiers.map(({ type, value }) => `${type}:${value}`),
      traits: readTraits(state),
      computed: readComputed(state, definitions, opened.clock.nowMs()),
      segments: Object.fromEntries(membership?.since ?? []),
    }),
  );
}

/** The same without ids, and without since when: a segment is entered when it is defined, or when its time comes. */
function withoutHistory(opened: TestStore): readonly string[] {
  return profilesOf(opened)
    .map(({ identifiers, state, definitions, membership }) =>
      canonicalJson({
        identifiers: identifiers.map(({ type, value }) => `${type}:${value}`).sort(),
        traits: readTraits(state),
        computed: readComputed(state, definitions, opened.clock.nowMs()),
        segments: [...(membership?.since.keys() ?? [])].sort(),
      }),
    )
    .sort();
}

type Known = Record<string, { traits: Record<string, Json>; segments: readonly string[] }>;

/** What a follower of the feed may be held to: windows move without a word. */
function comparable(opened: TestStore): Known {
  const known: Known = {};
  for (const { profileId, state, definitions, membership } of profilesOf(opened)) {
    const are = readComputed(state, definitions, 0);
    const plain = definitions.computed.filter(({ windowMs }) => windowMs === null).map(({ name }) => name);
    known[profileId] = {
      traits: Object.fromEntries(plain.map((name) => [name, are[name] ?? null])),
      segments: [...(membership?.since.keys() ?? [])].sort(),
    };
  }
  return known;
}

/** The same, by the feed alone. */
function toldOf(opened: TestStore): Known {
  const heard = new Map<string, { traits: Map<string, Json>; segments: Set<string> }>();
  for (const { profileId, mergedFrom, traits, segments } of opened.changes()) {
    for (const gone of mergedFrom ?? []) heard.delete(gone);
    const told = heard.get(profileId) ?? { traits: new Map<string, Json>(), segments: new Set<string>() };
    heard.set(profileId, told);
    for (const [name, change] of Object.entries(traits)) told.traits.set(name, change.new);
    for (const name of segments.entered) told.segments.add(name);
    for (const name of segments.exited) told.segments.delete(name);
  }
  const known: Known = {};
  for (const { profileId, definitions } of profilesOf(opened)) {
    const untouched = readComputed(emptyState(), definitions, 0);
    const told = heard.get(profileId);
    const plain = definitions.computed.filter(({ windowMs }) => windowMs === null).map(({ name }) => name);
    known[profileId] = {
      traits: Object.fromEntries(
        plain.map((name) => [name, told?.traits.get(name) ?? untouched[name] ?? null]),
      ),
      segments: [...(told?.segments ?? [])].sort(),
    };
  }
  return known;
}
