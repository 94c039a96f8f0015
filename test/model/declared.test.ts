import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalState } from "../../src/model/canonical.ts";
import { brokenRule, compileDeclared, type DeclaredTrait } from "../../src/model/declared.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { hasFormat, isDateText, type TextFormat } from "../../src/model/format.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { readTraits } from "../../src/model/trait.ts";
import {
  decidedTraits,
  decideTraits,
  reservedTraits,
  withDecision,
  type TraitRules,
} from "../../src/model/traitRules.ts";
import { eventWith, shuffledWithRepeats, traitEvents } from "./arbitrary.ts";

function broken(declaration: Omit<DeclaredTrait, "name">, value: Json): string | null {
  return brokenRule({ name: "t", ...declaration }, value);
}

describe("a declared type", () => {
  const samples: Record<DeclaredTrait["type"], Json> = {
    string: "42",
    number: 42,
    boolean: true,
    date: "2026-11-24",
    money: { amount: 1, currency: "EUR" },
    list: [1],
    object: { a: 1 },
  };

  test("takes its own values and null, and none of another type", () => {
    for (const type of Object.keys(samples) as DeclaredTrait["type"][]) {
      expect(broken({ type }, null)).toBeNull();
      for (const [other, value] of Object.entries(samples)) {
        const alsoText = type === "string" && other === "date";
        const alsoObject = type === "object" && other === "money";
        const expected = type === other || alsoText || alsoObject ? null : "type";
        expect([type, other, broken({ type }, value)]).toEqual([type, other, expected]);
      }
    }
  });

  test("counts characters, not code units", () => {
    expect(broken({ type: "string", maxLength: 3 }, "👩👩👩")).toBeNull();
    expect(broken({ type: "string", maxLength: 3 }, "👩👩👩x")).toBe("maxLength");
    expect(broken({ type: "string", maxLength: 3 }, "abcd")).toBe("maxLength");
    expect(broken({ type: "string", minLength: 2 }, "👩")).toBe("minLength");
    expect(broken({ type: "string", minLength: 2 }, "ab")).toBeNull();
  });

  test("bounds numbers and amounts, both ends included", () => {
    for (const type of ["number", "money"] as const) {
      const value = (amount: number): Json => (type === "number" ? amount : { amount, currency: "EUR" });
      const results = [-1, 0, 10, 10.1].map((amount) => broken({ type, min: 0, max: 10 }, value(amount)));
      expect(results).toEqual(["min", null, null, "max"]);
    }
  });

  test("takes money with amount and currency, and nothing else", () => {
    const values: Json[] = [
      { amount: "1", currency: "EUR" },
      { amount: 1 },
      { amount: 1, currency: "EUR", note: "x" },
      { amount: 1, currency: "eur" },
      { amount: 1, currency: "USD" },
      { amount: 1, currency: "EUR" },
    ];
    const results = values.map((value) => broken({ type: "money", currency: "EUR" }, value));
    expect(results).toEqual(["type", "type", "type", "currency", "currency", null]);
  });

  test("looks into lists", () => {
    const list = { type: "list", items: "string", maxItems: 2, oneOf: ["a", "b"] } as const;
    const values: Json[] = [[], ["a", "b"], ["a", "b", "a"], ["a", 1], ["a", null], ["c"]];
    expect(values.map((value) => broken(list, value))).toEqual([
      null,
      null,
      "maxItems",
      "items",
      "items",
      "oneOf",
    ]);
  });
});

describe("formats", () => {
  const good: Record<TextFormat, string[]> = {
    email: ["ann@example.com", "Ann@Example.com"],
    url: ["https://example.com/a?b#c", "http://localhost:80"],
    uuid: ["018f3c1e-0000-7000-8000-00000000000A"],
    phone: ["+4930123456", "+12025550123"],
    country: ["DE", "US"],
    language: ["de", "pt-BR", "zh-Hant-TW"],
    timezone: ["Europe/Berlin", "UTC", "Asia/Calcutta"],
    currency: ["EUR"],
  };
  const bad: Record<TextFormat, string[]> = {
    email: ["ann", "@x", " ann@example.com", "a@b\n"],
    url: ["javascript:alert(1)", "example.com", "https://", "https://a b", "ftp://x"],
    uuid: ["018f3c1e00007000800000000000000a", "x"],
    phone: ["030 123456", "+0123456789", "+1234567890123456", "12025550123"],
    country: ["de", "ZZ", "EU", "DEU", ""],
    language: ["", "german!", "d", "de_DE"],
    timezone: ["Mars/Olympus", "", "+01:00", "Europe/Berlin; x"],
    currency: ["eur", "EURO", ""],
  };

  test("take what keeps to them and nothing else, however long", () => {
    for (const format of Object.keys(good) as TextFormat[]) {
      for (const text of good[format])
        expect([format, text, hasFormat(text, format)]).toEqual([format, text, true]);
      for (const text of [...bad[format], "a".repeat(100_000)])
        expect([format, text, hasFormat(text, format)]).toEqual([format, text, false]);
    }
  });

  test("know the calendar", () => {
    const days = ["2024-02-29", "2026-11-24T09:00Z", "2026-11-24T09:00:00.123+02:00"];
    expect(days.map(isDateText)).toEqual([true, true, true]);
    const none = [
      "2026-02-29",
      "2026-13-01",
      "2026-11-24T09:00",
      "2026-11-24T25:00Z",
      "24.11.2026",
      "2026-1-1",
    ];
    expect(none.filter(isDateText)).toEqual([]);
  });
});

const rules: TraitRules = {
  names: new Set(["views24h"]),
  declared: compileDeclared([
    { name: "a", type: "string", maxLength: 3 },
    { name: "b", type: "number", min: 0, coerce: true },
    { name: "c", type: "object", setBy: ["shop"] },
    { name: "constructor", type: "boolean", protected: true },
  ]),
};

describe("an event's traits under rules", () => {
  test("are taken as they came where nothing is broken, and untouched where nothing is declared", () => {
    const event = eventWith({ type: "identify", traits: { a: "x", b: 2, toString: 1 } });
    expect(decideTraits(event, rules)).toBeNull();
    const nothing = { names: new Set<string>(), declared: new Map() };
    const decide = (traits: Event["traits"]) =>
      decideTraits(eventWith({ type: "identify", traits }), nothing);
    expect(decide({ a: 1 })).toBeNull();
    const told = Object.fromEntries([...reservedTraits].map((name) => [name, null]));
    expect(decide({ ...told, a: 1 })?.keptOut).toMatchObject([
      { error: { code: "trait_reserved" }, traits: told },
    ]);
    expect(decideTraits(eventWith({ type: "track", traits: { a: 1 } }), rules)).toBeNull();
  });

  test("are sorted by what is wrong with them; no value is told", () => {
    const traits = { a: "secret", b: -7, c: {}, constructor: true, views24h: 9, free: "x" };
    const decision = decideTraits(eventWith({ type: "identify", traits }), rules);
    expect(decision?.event.traits).toEqual(Object.assign(Object.create(null), { free: "x" }));
    expect(decision?.stored).toEqual({ out: ["a", "b", "c", "constructor", "views24h"] });
    expect(decision?.keptOut.map(({ error, traits: out }) => [error.code, Object.keys(out)])).toEqual([
      ["trait_reserved", ["views24h"]],
      ["forbidden", ["c", "constructor"]],
      ["invalid_trait", ["a", "b"]],
    ]);
    const messages = decision?.keptOut.map(({ error }) => error.message).join(" ");
    expect(messages).toContain("a (maxLength), b (min)");
    expect(messages).not.toMatch(/secret|-7/);
  });

  test("change their type only where that is declared, and then keep to the other rules too", () => {
    const decide = (b: Json) => decideTraits(eventWith({ type: "identify", traits: { b } }), rules);
    expect(decide("42")?.event.traits).toEqual({ b: 42 });
    expect(decide("42")?.keptOut).toEqual([]);
    expect(decide("-1")?.keptOut[0]?.error.message).toContain("b (min)");
    for (const odd of ["", " 1", "1e3", "0x1", "Infinity", "1,5", true, [1]])
      expect([odd, decide(odd)?.keptOut[0]?.error.message]).toEqual([
        odd,
        expect.stringContaining("b (type)"),
      ]);
  });

  test("may be cleared by whoever may set them", () => {
    const clear = (part: Partial<Event>) =>
      decideTraits(eventWith({ type: "identify", traits: { c: null, constructor: null }, ...part }), rules);
    expect(clear({ source: "shop", trusted: true })).toBeNull();
    expect(clear({ source: "shop" })?.stored).toEqual({ out: ["constructor"] });
    expect(clear({ trusted: true })?.stored).toEqual({ out: ["c"] });
  });

  test("any permutation and repetition of what was accepted gives one state, also after the rules are gone", () => {
    fc.assert(
      fc.property(
        traitEvents.chain((events) => fc.tuple(fc.constant(events), shuffledWithRepeats(events))),
        ([events, again]) => {
          const straight = canonicalState(foldAll(events.map(taken)));
          expect(canonicalState(foldAll(again.map(taken)))).toBe(straight);
          expect(canonicalState(foldAll(again.map(replayed)))).toBe(straight);
          expectAllKeepRules(foldAll(events.map(taken)));
        },
      ),
      { numRuns: 1_500 },
    );
  });
});

function taken(event: Event): Event {
  return decideTraits(event, rules)?.event ?? event;
}

/** As it is made again from the journal: from the traits that came, and what was written down. */
function replayed(event: Event): Event {
  const decision = decideTraits(event, rules);
  const extra = decision === null ? '{"context":{}}' : withDecision('{"context":{}}', decision.stored);
  return { ...event, traits: decidedTraits(event.traits, extra) };
}

function foldAll(events: readonly Event[]): ProfileState {
  const state = emptyState();
  for (const event of events) fold(state, event, { refused: null });
  return state;
}

/** Single writes keep to the rules, and no mixture of them breaks one. */
function expectAllKeepRules(state: ProfileState): void {
  const values = readTraits(state);
  for (const [name, trait] of rules.declared) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value !== undefined) expect([name, brokenRule(trait, value)]).toEqual([name, null]);
  }
}
