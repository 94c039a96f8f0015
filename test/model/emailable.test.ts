import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { computedValue } from "../../src/model/computed.ts";
import { noConsentRules } from "../../src/model/consentRule.ts";
import type { Event, Json } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { mayDeliver } from "../../src/model/mayDeliver.ts";
import { merge } from "../../src/model/merge.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { compileRules, noRules } from "../../src/model/rules.ts";
import { dealt, eventWith } from "./arbitrary.ts";
import { consentEventLists } from "./consentArbitrary.ts";

const definitions = compileRules({
  ...noRules,
  computed: [{ name: "emailable", aggregate: "emailable", topic: null }],
  consent: { ...noConsentRules, defaults: { email: "granted" } },
});
const [trait] = definitions.computed;
if (trait === undefined) throw new Error("no trait");
const tMs = 100;

function valueOf(state: ProfileState): Json {
  return trait === undefined ? null : computedValue(state, trait, tMs);
}

function withEmail(messageId: string, email: string | null): Event {
  return eventWith({ type: "identify", name: null, traits: { email }, messageId, timestampMs: 4 });
}

test("is what the gate says, and each change of it is told with the event that made it", () => {
  fc.assert(
    fc.property(consentEventLists, fc.nat(20), fc.boolean(), (words, at, isLost) => {
      const events = [...words];
      events.splice(at, 0, withEmail("e-1", "Ann@example.org"));
      if (isLost) events.push({ ...withEmail("e-2", null), timestampMs: 9 });
      const state = emptyState();
      let told: Json = valueOf(state);
      for (const event of events) {
        const change = fold(state, { ...event, receivedAtMs: tMs }, {}, definitions).changed?.["emailable"];
        if (change !== undefined) {
          expect(change.old).toBe(told);
          told = change.new;
        }
        expect(told).toBe(valueOf(state));
        const verdict = mayDeliver(
          { namespace: "live", state, definitions },
          { destination: { isLive: true }, channel: "email", topic: null, now: tMs },
        );
        expect(told).toBe(verdict.kind === "allow");
      }
    }),
    { numRuns: 500 },
  );
});

test("a merge tells it too", () => {
  fc.assert(
    fc.property(
      consentEventLists.chain((words) => dealt([withEmail("e-1", "ann@example.org"), ...words], 2)),
      (hands) => {
        const [into = emptyState(), from = emptyState()] = hands.map((hand) => {
          const state = emptyState();
          for (const event of hand) fold(state, event, {}, definitions);
          return state;
        });
        const old = valueOf(into);
        const change = merge(into, from, { definitions, into: 1, from: 2 })?.["emailable"];
        expect(change ?? null).toEqual(old === valueOf(into) ? null : { old, new: valueOf(into) });
      },
    ),
    { numRuns: 500 },
  );
});
