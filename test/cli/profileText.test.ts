import { expect, test } from "bun:test";
import type { WholeProfile } from "../../src/admin/profileOperation.ts";
import { ageWords, profileText } from "../../src/cli/profileText.ts";

const at = "2026-11-24T09:00:00.000Z";
const joined = { messageId: "i-1", type: "identify", name: null, source: "web", timestamp: at };
const base = { updatedAt: at, receivedAt: at, ageMs: 3_600_000, source: "web", eventMessageId: "i-1" };

const ann: WholeProfile = {
  profileId: "prf_1",
  version: 7,
  asOf: "2026-11-24T10:00:00.000Z",
  firstSeenAt: at,
  lastSeenAt: at,
  identifiers: [
    {
      type: "user_id",
      value: "42",
      firstSeen: joined,
      joinedBy: joined,
      joinedTo: { type: "anonymous_id", value: "a-1" },
    },
    { type: "anonymous_id", value: "a-1", firstSeen: null, joinedBy: null, joinedTo: null },
  ],
  traits: {
    firstName: { ...base, value: "Ann", servedFrom: "live" },
    weather: { ...base, value: "rain", servedFrom: "lastKnown" },
    greeting: {
      value: "Hi",
      updatedAt: null,
      receivedAt: null,
      ageMs: null,
      source: null,
      eventMessageId: null,
      servedFrom: "default",
    },
    views24h: {
      ...base,
      value: 3,
      servedFrom: "live",
      computed: {
        window: "24h",
        eventMessageIds: ["v-3"],
        eventCount: 3,
        nextChangeAt: "2026-11-25T09:00:00.000Z",
        approximate: false,
      },
    },
  },
  segments: [{ name: "buyers", since: at }],
  consent: {
    "email.marketing": {
      status: "granted",
      updatedAt: at,
      source: "shop",
      legalBasis: "consent",
      eventMessageId: "c-1",
    },
  },
  suppressions: [
    { channel: "sms", reason: "bounced", address: null, since: at, source: "mail", eventMessageId: "b-1" },
  ],
  isWhole: true,
};

test("a profile in sections, each line with its origin", () => {
  expect(profileText(ann)).toBe(`prf_1  version 7  as of 2026-11-24T10:00:00.000Z
first seen 2026-11-24T09:00:00.000Z  last seen 2026-11-24T09:00:00.000Z

Identifiers
  user_id       42   first in i-1 (identify, web, 2026-11-24T09:00:00.000Z); one with anonymous_id:a-1 since i-1 (identify, web, 2026-11-24T09:00:00.000Z)
  anonymous_id  a-1

Traits
  firstName  "Ann"   1h old, web, i-1
  weather    "rain"  last known, 1h old, web, i-1
  greeting   "Hi"    default
  views24h   3       1h old, web, i-1, computed of 3 events, window 24h, changes 2026-11-25T09:00:00.000Z

Segments
  buyers  since 2026-11-24T09:00:00.000Z

Consent
  email.marketing  granted  since 2026-11-24T09:00:00.000Z, shop, c-1, legal basis consent

Suppressed
  sms  bounced  every address  since 2026-11-24T09:00:00.000Z, mail, b-1
`);
});

test("what people sent can't speak to the terminal, and stays on its line", () => {
  const odd = "\u001b[2J\u202eevil\n".repeat(40);
  const traits = {
    [odd]: { ...base, source: odd, eventMessageId: odd, value: odd, servedFrom: "live" as const },
  };
  const text = profileText({ ...ann, identifiers: [], traits, segments: [], consent: {}, suppressions: [] });
  expect(text).not.toMatch(/[\u001b\u202e]/);
  expect(text.split("\n")).toHaveLength(15);
});

test("ages in their two largest units", () => {
  const ages = [0, 999, 61_000, 3_600_000, 3_661_000, 90_061_000, 86_400_000 * 400].map(ageWords);
  expect(ages).toEqual(["0s", "0s", "1m 1s", "1h", "1h 1m", "1d 1h", "400d"]);
});
