import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { canonicalState } from "../../src/model/canonical.ts";
import {
  consentChoices,
  consentOf,
  maxConsentMarks,
  shownConsent,
  suppressionsOf,
} from "../../src/model/consent.ts";
import { consentActsOf } from "../../src/model/consentEvent.ts";
import { noConsentRules, type ConsentRules, type ConsentStatus } from "../../src/model/consentRule.ts";
import { consentRefusal } from "../../src/model/consentRefusal.ts";
import { compareOrderKeys, orderKeyOf, type Event, type JsonObject } from "../../src/model/event.ts";
import { fold } from "../../src/model/fold.ts";
import { mayDeliver, type DeliveryAsked } from "../../src/model/mayDeliver.ts";
import { merge } from "../../src/model/merge.ts";
import { emptyState, type ProfileState } from "../../src/model/profile.ts";
import { compileRules, noRules } from "../../src/model/rules.ts";
import { dealt, eventWith, shuffledWithRepeats } from "./arbitrary.ts";
import { consentEventLists } from "./consentArbitrary.ts";

function definitionsWith(consent: Partial<ConsentRules>) {
  return compileRules({ ...noRules, consent: { ...noConsentRules, ...consent } });
}

const plain = definitionsWith({});

function folded(events: readonly Event[], definitions = plain): ProfileState {
  const state = emptyState();
  for (const event of events) fold(state, event, {}, definitions);
  return state;
}

let made = 0;
function word(name: string, properties: JsonObject = {}, part: Partial<Event> = {}): Event {
  made += 1;
  return eventWith({ name, properties, trusted: true, messageId: `w-${made}`, timestampMs: made, ...part });
}

function withEmail(email: string): Event {
  return word("", {}, { type: "identify", name: null, traits: { email } });
}

describe("order can't hurt", () => {
  test("any order and repetition of the same words ends the same", () => {
    fc.assert(
      fc.property(
        consentEventLists.chain((events) => fc.tuple(fc.constant(events), shuffledWithRepeats(events))),
        ([events, again]) => {
          expect(canonicalState(folded(again))).toBe(canonicalState(folded(events)));
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("profiles joined in any way say what one profile with all the events says", () => {
    fc.assert(
      fc.property(
        consentEventLists.chain((events) => fc.tuple(fc.constant(events), dealt(events, 3))),
        ([events, hands]) => {
          const [a = emptyState(), b = emptyState(), c = emptyState()] = hands.map((hand) => folded(hand));
          const left = structuredClone(a);
          merge(left, b);
          merge(left, c);
          merge(left, b);
          const right = structuredClone(c);
          const middle = structuredClone(b);
          merge(middle, a);
          merge(right, middle);
          const whole = canonicalState(folded(events));
          expect(canonicalState(left)).toBe(whole);
          expect(canonicalState(right)).toBe(whole);
        },
      ),
      { numRuns: 1_000 },
    );
  });

  test("consent is what the last word in order says, and a no to the channel is a no to its topics", () => {
    fc.assert(
      fc.property(consentEventLists, (events) => {
        const state = folded(events);
        for (const channel of ["email", "sms", "push"])
          for (const topic of [null, "marketing", "orders"])
            expect(consentOf(state, channel, topic).status).toBe(lastWord(events, channel, topic));
      }),
      { numRuns: 1_000 },
    );
  });

  test("beyond the limit the newest words stay, in any order of arrival", () => {
    const events = Array.from({ length: maxConsentMarks + 20 }, (_, at) =>
      word("Consent Changed", { channel: "email", topic: `t${at}`, status: "granted" }),
    );
    const state = folded(events);
    expect(consentChoices(state)).toHaveLength(maxConsentMarks);
    expect(consentOf(state, "email", "t0").status).toBe("unknown");
    expect(consentOf(state, "email", "t20").status).toBe("granted");
    expect(canonicalState(folded(events.toReversed()))).toBe(canonicalState(state));
  });
});

/** The same from the whole history, by another way: sort, then walk. */
function lastWord(events: readonly Event[], channel: string, topic: string | null): ConsentStatus {
  let own: ConsentStatus | null = null;
  let whole: ConsentStatus | null = null;
  let isWholeNewer = false;
  for (const event of events.toSorted(inOrder)) {
    const said = wordIn(event);
    if (said === null || said.channel !== channel) continue;
    if (said.topic === null) whole = said.status;
    else if (said.topic === topic) own = said.status;
    else continue;
    isWholeNewer = said.topic === null;
  }
  if (own === null || (isWholeNewer && whole === "denied")) return whole ?? "unknown";
  return own;
}

function inOrder(left: Event, right: Event): number {
  return compareOrderKeys(orderKeyOf(left), orderKeyOf(right)) || (left.source < right.source ? -1 : 1);
}

function wordIn({ name, properties }: Event) {
  const channel = properties["channel"];
  const topic = properties["topic"] ?? null;
  if (name === "Consent Changed") return { channel, topic, status: properties["status"] as ConsentStatus };
  if (name === "Unsubscribed" && topic !== null) return { channel, topic, status: "denied" as const };
  return name === "Resubscribed" ? { channel, topic, status: "granted" as const } : null;
}

describe("what events say", () => {
  const said: readonly (readonly [name: string, properties: JsonObject, shown: JsonObject])[] = [
    ["Unsubscribed", {}, { consent: {}, suppressions: { email: ["unsubscribed"] } }],
    ["Email Unsubscribed", { topic: "news" }, { consent: { "email.news": "denied" }, suppressions: {} }],
    ["Unsubscribed", { channel: "sms" }, { consent: {}, suppressions: { sms: ["unsubscribed"] } }],
    ["Resubscribed", {}, { consent: { email: "granted" }, suppressions: {} }],
    ["Email Bounced", {}, { consent: {}, suppressions: { email: ["bounced"] } }],
    ["Email Bounced", { bounce_type: "Permanent" }, { consent: {}, suppressions: { email: ["bounced"] } }],
    ["Email Bounced", { bounceType: "Transient" }, { consent: {}, suppressions: {} }],
    ["Email Bounced", { type: "soft" }, { consent: {}, suppressions: {} }],
    ["Email Marked as Spam", {}, { consent: {}, suppressions: { email: ["complained"] } }],
    [
      "Consent Changed",
      { channel: "push", status: "granted" },
      { consent: { push: "granted" }, suppressions: {} },
    ],
    [
      "Suppression Changed",
      { channel: "sms", suppressed: true },
      { consent: {}, suppressions: { sms: ["manual"] } },
    ],
    ["Email Opened", {}, { consent: {}, suppressions: {} }],
  ];
  for (const [name, properties, shown] of said)
    test(`${name} ${JSON.stringify(properties)}`, () => {
      expect(JSON.parse(JSON.stringify(shownConsent(folded([word(name, properties)]))))).toEqual(shown);
    });

  test("a word keeps its time, source, legal basis and event", () => {
    const event = word("Consent Changed", {
      channel: "email",
      topic: "marketing",
      status: "granted",
      legalBasis: "legitimate interest",
    });
    expect(consentOf(folded([event]), "email", "marketing")).toEqual({
      status: "granted",
      atMs: event.timestampMs,
      source: event.source,
      legalBasis: "legitimate interest",
      eventMessageId: event.messageId,
    });
  });

  test("the change tells old and new, and the same word again is no change", () => {
    const state = emptyState();
    const changed = () => word("Consent Changed", { channel: "email", status: "denied" });
    expect(fold(state, changed(), {}, plain).consent).toEqual({
      consent: { email: { old: "unknown", new: "denied" } },
      suppressions: {},
    });
    expect(fold(state, changed(), {}, plain).consent).toBeUndefined();
    expect(fold(state, word("Unsubscribed"), {}, plain).consent).toEqual({
      consent: {},
      suppressions: { email: { old: [], new: ["unsubscribed"] } },
    });
  });

  test("a banner's categories count as configured; of two for one key, one no is enough", () => {
    const definitions = definitionsWith({
      categories: { Marketing: ["email.marketing", "push"], Tracking: ["push"] },
    });
    const preferences = { Marketing: true, Tracking: false, Unheard: true };
    const consentContext = { preferences, email: null };
    const event = word("Segment Consent Preference Updated", {}, { consentContext });
    expect(shownConsent(folded([event], definitions)).consent).toEqual({
      "email.marketing": "granted",
      push: "denied",
    });
    expect(folded([event]).consent).toBeUndefined();
    expect(definitions.fingerprint).not.toBe(plain.fingerprint);
  });

  test("identify alone changes nothing, whatever its traits are called", () => {
    const event = word(
      "",
      {},
      { type: "identify", name: null, traits: { consent: true, unsubscribed: true } },
    );
    expect(folded([event]).consent).toBeUndefined();
  });
});

describe("what is refused", () => {
  test("a browser's word about consent is not taken, and that is said", () => {
    const event = word("Consent Changed", { channel: "email", status: "granted" }, { trusted: false });
    expect(folded([event]).consent).toBeUndefined();
    expect(consentRefusal(event, noConsentRules)?.error.code).toBe("forbidden");
    expect(consentRefusal({ ...event, trusted: true }, noConsentRules)).toBeNull();
    expect(consentRefusal(word("Product Viewed", {}, { trusted: false }), noConsentRules)).toBeNull();
  });

  const broken: readonly JsonObject[] = [
    {},
    { channel: "email" },
    { channel: "E-Mail!", status: "granted" },
    { channel: "email", topic: "a.b", status: "granted" },
    { channel: "email", status: "yes" },
    { channel: "email", status: "granted", legalBasis: 7 },
  ];
  for (const properties of broken)
    test(`Consent Changed ${JSON.stringify(properties)} says what it lacks`, () => {
      const event = word("Consent Changed", properties);
      expect(consentActsOf(event, noConsentRules).kind).toBe("problem");
      expect(consentRefusal(event, noConsentRules)?.error.code).toBe("invalid_event");
      expect(folded([event]).consent).toBeUndefined();
    });
});

describe("the gate", () => {
  const ask: DeliveryAsked = {
    destination: { isLive: true },
    channel: "email",
    topic: "marketing",
    now: 1_000_000,
  };
  const verdict = (
    events: readonly Event[],
    asked: Partial<DeliveryAsked> = {},
    consent: Partial<ConsentRules> = {},
    namespace: "live" | "test" = "live",
  ) => {
    const definitions = definitionsWith(consent);
    const history = [withEmail("Ann@Example.org"), ...events];
    const state = folded(
      history.map((event, at) => ({ ...event, timestampMs: at + 1, messageId: `g-${at}` })),
      definitions,
    );
    const found = mayDeliver({ namespace, state, definitions }, { ...ask, ...asked });
    return found.kind === "allow" ? "allow" : found.reason;
  };
  const granted = () => word("Consent Changed", { channel: "email", topic: "marketing", status: "granted" });

  test("nothing known: what is configured, closest first; unconfigured, no", () => {
    expect(verdict([])).toBe("consent_unknown");
    expect(verdict([], {}, { otherwise: "granted" })).toBe("allow");
    expect(verdict([], {}, { defaults: { email: "granted" } })).toBe("allow");
    expect(verdict([], {}, { defaults: { email: "granted", "email.marketing": "denied" } })).toBe(
      "consent_unknown",
    );
    expect(verdict([], { topic: "orders" }, { transactional: ["orders"] })).toBe("allow");
  });

  test("yes, no, and a yes that is dated later", () => {
    expect(verdict([granted()])).toBe("allow");
    expect(verdict([granted()], { now: 0 })).toBe("consent_unknown");
    const no = word("Consent Changed", { channel: "email", status: "denied" });
    expect(verdict([granted(), no])).toBe("consent_denied");
    expect(verdict([granted(), no], { topic: "orders" }, { transactional: ["orders"] })).toBe(
      "consent_denied",
    );
  });

  test("erased, test data, no address", () => {
    expect(mayDeliver(null, ask)).toEqual({ kind: "deny", reason: "erased", since: null });
    expect(verdict([granted()], {}, {}, "test")).toBe("test_profile");
    expect(verdict([granted()], { destination: { isLive: false } }, {}, "test")).toBe("allow");
    const state = folded([granted()]);
    expect(mayDeliver({ namespace: "live", state, definitions: plain }, ask)).toMatchObject({
      reason: "no_address",
    });
  });

  test("unsubscribed: until a newer yes, and never for transactional topics", () => {
    const out = () => word("Unsubscribed");
    expect(verdict([granted(), out()])).toBe("unsubscribed");
    expect(verdict([out(), granted()])).toBe("allow");
    expect(verdict([granted(), out(), word("Resubscribed")])).toBe("allow");
    expect(verdict([out()], { topic: "orders" }, { transactional: ["orders"] })).toBe("allow");
    expect(verdict([granted(), out()], { channel: "push" }, { otherwise: "granted" })).toBe("allow");
  });

  test("a bounce is of its address: a new one is not suppressed, the old one still is", () => {
    const bounced = word("Email Bounced", { email: " ANN@example.org " });
    expect(verdict([granted(), bounced])).toBe("bounced");
    expect(verdict([granted(), bounced, withEmail("ann@new.example")])).toBe("allow");
    expect(verdict([granted(), bounced, withEmail("ann@new.example"), withEmail("ann@example.org")])).toBe(
      "bounced",
    );
    const inContext = word(
      "Email Bounced",
      {},
      {
        consentContext: { preferences: null, email: "other@example.org" },
      },
    );
    expect(verdict([granted(), inContext])).toBe("allow");
    expect(verdict([granted(), word("Email Bounced")])).toBe("bounced");
    const lifted = word("Suppression Changed", {
      channel: "email",
      suppressed: false,
      reason: "bounced",
      address: "ann@example.org",
    });
    expect(verdict([granted(), bounced, lifted])).toBe("allow");
  });

  test("a complaint stops everything, transactional topics too", () => {
    const complaint = word("Email Marked As Spam");
    expect(verdict([granted(), complaint, granted()])).toBe("complained");
    expect(verdict([complaint], { topic: "orders" }, { transactional: ["orders"] })).toBe("complained");
  });

  test("it says since when", () => {
    const out = word("Unsubscribed");
    const state = folded([withEmail("ann@example.org"), out]);
    expect(mayDeliver({ namespace: "live", state, definitions: plain }, ask)).toEqual({
      kind: "deny",
      reason: "unsubscribed",
      since: out.timestampMs,
    });
    expect(suppressionsOf(state)).toEqual([
      {
        channel: "email",
        reason: "unsubscribed",
        address: null,
        atMs: out.timestampMs,
        source: out.source,
        eventMessageId: out.messageId,
      },
    ]);
  });
});
