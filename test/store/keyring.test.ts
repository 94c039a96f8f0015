import { timingSafeEqual } from "node:crypto";
import { describe, expect, test } from "bun:test";
import { keyInAuthorization, KeyTable } from "../../src/store/keyring.ts";
import type { KeyRow } from "../../src/store/messages.ts";

const writeText = "wk_0123456789abcdef";
const secretText = "sk_0123456789abcdef";

const writeRow: KeyRow = {
  id: "key_w",
  kind: "write",
  namespace: "live",
  source: "web",
  trust: "browser",
  scopes: ["write"],
  readableTraits: null,
  blocks: null,
  idTypes: null,
  writeKey: writeText,
  secretSha256: null,
  createdAtMs: 1,
  revokedAtMs: null,
};
const secretRow: KeyRow = {
  id: "key_s",
  kind: "secret",
  namespace: "test",
  source: "shop",
  trust: "server",
  scopes: ["read", "write", "unheard-of"],
  readableTraits: ["plan"],
  blocks: null,
  idTypes: null,
  writeKey: null,
  secretSha256: new Bun.CryptoHasher("sha256").update(secretText).digest("hex"),
  createdAtMs: 2,
  revokedAtMs: null,
};

describe("a key table", () => {
  test("compares as often for a secret that nobody has as for one that somebody has", () => {
    let compared = 0;
    const table = new KeyTable([writeRow, secretRow], (one, other) => {
      compared += 1;
      return timingSafeEqual(one, other);
    });
    for (const [text, isKnown] of [
      [secretText, true],
      ["sk_0123456789abcdeg", false],
      ["sk_", false],
    ] as const) {
      compared = 0;
      expect([table.lookup(text) !== undefined, compared]).toEqual([isKnown, 1]);
    }
  });

  test("finds keys by their text and tells no secret", () => {
    const table = new KeyTable([writeRow, secretRow]);
    expect(table.lookup(writeText)).toEqual({
      id: "key_w",
      kind: "write",
      namespace: "live",
      source: "web",
      trust: "browser",
      scopes: ["write"],
      readableTraits: null,
      blocks: null,
      idTypes: null,
    });
    expect(table.lookup(secretText)).toEqual({
      id: "key_s",
      kind: "secret",
      namespace: "test",
      source: "shop",
      trust: "server",
      scopes: ["read", "write"],
      readableTraits: ["plan"],
      blocks: null,
      idTypes: null,
    });
    expect(JSON.stringify(table.lookup(secretText))).not.toContain(secretRow.secretSha256 ?? "");
  });

  test.each([
    "",
    "wk_0123456789abcdeg",
    "WK_0123456789ABCDEF",
    `${writeText} `,
    secretRow.secretSha256 ?? "",
    "x".repeat(10_000),
    "__proto__",
  ])("does not find %p", (presented) => {
    expect(new KeyTable([writeRow, secretRow]).lookup(presented)).toBeUndefined();
  });

  test("finds none that is revoked, and forgets what it remembered when the rows change", () => {
    const table = new KeyTable([writeRow]);
    const header = `Bearer ${writeText}`;
    expect(table.fromAuthorization(header)?.id).toBe("key_w");
    expect(table.fromAuthorization(header)?.id).toBe("key_w");
    table.replace([{ ...writeRow, revokedAtMs: 5 }]);
    expect(table.fromAuthorization(header)).toBeUndefined();
    expect(table.lookup(writeText)).toBeUndefined();
    table.replace([{ ...writeRow, source: "other" }]);
    expect(table.fromAuthorization(header)?.source).toBe("other");
  });

  test("holds up to a flood of different headers with one good key", () => {
    const table = new KeyTable([writeRow]);
    for (let round = 0; round < 3_000; round += 1) {
      expect(table.fromAuthorization(`Basic ${btoa(`${writeText}:${round}`)}`)?.id).toBe("key_w");
      expect(table.fromAuthorization(`Bearer wrong-${round}`)).toBeUndefined();
    }
  });
});

test.each([
  [`Basic ${btoa("wk_1:")}`, "wk_1"],
  [`Basic ${btoa("wk_1:pass:word")}`, "wk_1"],
  [`bAsIc   ${btoa("wk_1")}`, "wk_1"],
  [`Basic ${btoa(":password")}`, ""],
  ["Bearer sk_1", "sk_1"],
  ["bearer sk_1 ", "sk_1"],
  ["Basic", null],
  ["Bearer ", null],
  ["sk_1", null],
  ["Digest sk_1", null],
  ["Bearer sk_1, Bearer sk_2", null],
  ["Bearer sk_1 sk_2", null],
  [`Bearer ${"x".repeat(2_000)}`, null],
])("%j carries %j", (header, key) => {
  expect(keyInAuthorization(header)).toBe(key);
});
