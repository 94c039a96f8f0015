/** Identifiers: how values are compared, which name nobody, in which order they are listed. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { blockedValues, exampleAddresses, isBlockedValue } from "../../src/model/blocked.ts";
import type { Event } from "../../src/model/event.ts";
import { ignoredIn, withoutBlocked, withoutIgnored } from "../../src/model/guard.ts";
import {
  builtInIdentity,
  claimsOf,
  compileIdentity,
  isBlocked,
  normaliseValue,
  type IdentifierType,
} from "../../src/model/identity.ts";

const identify: Event = {
  namespace: "live",
  source: "shop",
  trusted: true,
  type: "identify",
  name: null,
  messageId: "m1",
  userId: "u1",
  anonymousId: "a1",
  previousId: null,
  groupId: null,
  timestampMs: 1,
  receivedAtMs: 1,
  index: 0,
  properties: {},
  traits: {},
};

function typeNamed(type: string, rules: Parameters<typeof compileIdentity>[0] = []): IdentifierType {
  const found = compileIdentity(rules).types.get(type);
  if (found === undefined) throw new Error(`there is no ${type}`);
  return found;
}

describe("a value names nobody:", () => {
  test.each([
    ...blockedValues,
    "0",
    "000",
    "-",
    "00000000-0000-0000-0000-000000000000",
    " NULL ",
    "[object Object]",
    "NaN",
    "Guest",
    "null@shop.example",
    "undefined@undefined",
    ...exampleAddresses.names.map((name) => `${name}@Example.com`),
    ...exampleAddresses.domains.map((domain) => `test@${domain}`),
  ])("%p", (value) => expect(isBlockedValue(value)).toBe(true));
});

test.each(["42", "10", "guest-7", "nobody", "ann@example.com", "test@shop.example", "0x0", "-10", "Nulla"])(
  "%p names somebody",
  (value) => expect(isBlockedValue(value)).toBe(false),
);

test("lists of one's own add to the usual one and take from it", () => {
  const type = typeNamed("user_id", [{ type: "user_id", block: ["Demo"], allow: ["0"] }]);
  expect([" demo", "0", "null", "42"].map((value) => isBlocked(type, value))).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test.each([
  ["phone", "+49 (30) 123-456", "+4930123456"],
  ["phone", "0049.30/123456", "+4930123456"],
  ["phone", 4930123456, "4930123456"],
  ["phone", "call me", null],
  ["lower", " AbC ", "abc"],
  ["none", " AbC ", "AbC"],
  ["none", "", null],
  ["none", "x".repeat(513), null],
  ["none", "\ud800", null],
  ["none", true, null],
  ["email", " Ann@Example.com", "ann@example.com"],
] as const)("%s of %p is %p", (normalise, value, expected) => {
  expect(normaliseValue(typeNamed("code", [{ type: "code", normalise }]), value)).toBe(expected);
});

test("claims are of traits and of external ids, each value once, none that names nobody", () => {
  const identity = compileIdentity([{ type: "phone", normalise: "phone" }, { type: "card" }]);
  const event: Event = {
    ...identify,
    traits: { email: "Ann@x.example", phone: "+49 30 123456", card: "guest", other: "x" },
    externalIds: [
      ["phone", "0049 30 123456"],
      ["card", "c-1"],
      ["email", "else@x.example"],
      ["other", "y"],
    ],
  };
  expect(claimsOf(event, identity).map(({ type, value }) => `${type}:${value}`)).toEqual([
    "email:ann@x.example",
    "phone:+4930123456",
    "card:c-1",
  ]);
  const ignored = withoutIgnored(event, { "card:c-1": "limit" });
  expect(claimsOf(ignored, identity).map(({ type }) => type)).toEqual(["email", "phone"]);
});

test("identifiers are listed by priority, then by name of the type, then by value", () => {
  const { compare } = compileIdentity([
    { type: "phone", priority: 1 },
    { type: "card" },
    { type: "anonymous_id", priority: 9 },
  ]);
  const listed = ["Lanonymous_id:b", "Lcard:1", "Luser_id:2", "Lphone:1", "Lemail:a@b", "Lanonymous_id:a"];
  expect(listed.toSorted(compare)).toEqual([
    "Lphone:1",
    "Luser_id:2",
    "Lemail:a@b",
    "Lcard:1",
    "Lanonymous_id:a",
    "Lanonymous_id:b",
  ]);
});

test("what is configured has another fingerprint, whatever its order", () => {
  const a = { type: "card", limit: 1 };
  const b = { type: "phone" };
  expect(builtInIdentity.fingerprint).toBe("");
  expect(compileIdentity([a, b]).fingerprint).toBe(compileIdentity([b, a]).fingerprint);
  expect(compileIdentity([a]).fingerprint).not.toBe(compileIdentity([b]).fingerprint);
  expect(() => compileIdentity([b, b])).toThrow("twice");
});

test("what the guards took from an event is taken again from what was written down", () => {
  const ids = fc.constantFrom("u1", "guest", "0", "a1", null);
  fc.assert(
    fc.property(
      ids,
      ids,
      ids,
      fc.constantFrom("ann@x.example", "test@test.com", 7),
      (user, anonymous, previous, email) => {
        const event: Event = {
          ...identify,
          type: previous === null ? "identify" : "alias",
          userId: user,
          anonymousId: anonymous,
          previousId: previous,
          traits: previous === null ? { email } : {},
        };
        const guarded = withoutBlocked(event, builtInIdentity);
        const extra = guarded.ignored === undefined ? null : JSON.stringify({ ignored: guarded.ignored });
        expect(withoutIgnored(event, ignoredIn(extra))).toEqual(guarded);
        for (const id of [guarded.userId, guarded.anonymousId, guarded.previousId])
          expect(id === null || !isBlockedValue(id)).toBe(true);
        expect(guarded.userId).toBe(user === "u1" || user === "a1" ? user : null);
        if (guarded.userId === null) expect(user === null ? null : guarded.previousId).toBeNull();
      },
    ),
  );
});

test("docs/concepts.md lists every value that names nobody", () => {
  const page = readFileSync(join(import.meta.dir, "../../docs/concepts.md"), "utf8");
  const [, section = ""] = /### Values that name nobody\n([^#]*)/.exec(page) ?? [];
  const listed = new Set([...section.matchAll(/`([^`]+)`/g)].map(([, value]) => value));
  for (const value of [...blockedValues, ...exampleAddresses.names, ...exampleAddresses.domains])
    expect(value === "" || listed.has(value)).toBe(true);
});
