/** The parts of credentials that a whole server can't show: steps counted, keys that age, vectors of others. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { CompactSign, generateKeyPair, type JWK } from "jose";
import {
  macSteps,
  mintContentToken,
  openContentToken,
  openLink,
  signLink,
  type SigningSecret,
} from "../../../src/esp/credentials/contentTokens.ts";
import { BadTries } from "../../../src/esp/credentials/badTries.ts";
import { Issuers, type IssuerRule } from "../../../src/esp/credentials/issuers.ts";
import { KeySet } from "../../../src/esp/credentials/keySet.ts";
import { oauthRoutes, secretSteps } from "../../../src/esp/credentials/oauthRoutes.ts";
import { SigningKeys } from "../../../src/esp/credentials/signingKeys.ts";
import { AccessTokens } from "../../../src/esp/credentials/accessTokens.ts";
import { guardedCall } from "../../../src/esp/guardedCall.ts";
import { BodyReader } from "../../../src/lib/body.ts";
import { decodeBody } from "../../../src/lib/contentEncoding.ts";
import { seededIds } from "../../../src/lib/id.ts";
import { isPublicAddress } from "../../../src/lib/publicAddress.ts";
import type { Called } from "../../../src/lib/httpCall.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { tempFolder } from "../../support/tempFolder.ts";

const corpora = new URL("../../../../shared/corpora/", import.meta.url);
const secret: SigningSecret = {
  info: {
    id: "key_0123456789ab",
    kind: "secret",
    namespace: "live",
    source: "esp",
    trust: "server",
    scopes: ["content"],
    readableTraits: null,
    blocks: null,
    idTypes: null,
  },
  digest: new Bun.CryptoHasher("sha256").update("sk_of_the_test_000001").digest(),
};
const find = (id: string) => (id === secret.info.id ? secret : null);
const block = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,30}$/);

describe("a content token", () => {
  test("says what it was made for, however large the number", () => {
    const made = fc.record({
      pid: fc.integer({ min: 1, max: 2 ** 40 }),
      epoch: fc.integer({ min: 0, max: 2 ** 40 }),
      blocks: fc.array(block, { minLength: 1, maxLength: 8 }),
    });
    fc.assert(
      fc.property(made, ({ pid, epoch, blocks }) => {
        const token = mintContentToken(secret, { kind: "profile", pid, epoch }, blocks);
        expect(token).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(openContentToken(token, find)).toEqual({
          key: secret.info,
          holder: { kind: "profile", pid, epoch },
          blocks,
        });
      }),
    );
  });

  test("that is anything else opens nothing", () => {
    const text = fc.oneof(
      fc.string(),
      fc.base64String(),
      fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString("base64url")),
    );
    fc.assert(
      fc.property(text, (rest) => {
        expect(openContentToken(rest, find)).toBeNull();
        expect(openContentToken(`ct_${rest}`, find)).toBeNull();
        const query = new URLSearchParams({
          id: rest,
          expires: "9999999999",
          key: secret.info.id,
          signature: rest,
        });
        expect(openLink("hello", query, 0, find)).toBeNull();
      }),
    );
  });

  test("fits into a merge field of 255 characters with three blocks of usual names", () => {
    const holder = { kind: "profile", pid: 10 ** 9, epoch: 30_000_000 } as const;
    const token = mintContentToken(secret, holder, ["cart-reminder", "price-drop", "win-back"]);
    expect(token.length).toBeLessThan(100);
  });

  test("takes the same steps whatever is wrong with it", () => {
    const good = mintContentToken(secret, { kind: "profile", pid: 7, epoch: 1 }, ["hello"]);
    const bytes = Buffer.from(good.slice(3), "base64url");
    const changed = (at: number) => {
      const copy = Buffer.from(bytes);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return `ct_${copy.toString("base64url")}`;
    };
    const steps = countedMacs();
    const counts = [good, changed(3), changed(8), changed(-1 + bytes.length), changed(bytes.length - 16)].map(
      (token) => {
        steps.reset();
        const opened = openContentToken(token, find, steps);
        expect(opened !== null).toBe(token === good);
        return steps.counts();
      },
    );
    expect(new Set(counts)).toEqual(new Set(["mac 2, isSame 1"]));
  });
});

test("a signed link takes the same steps whatever is wrong with it", () => {
  const link = { block: "hello", id: "user_id:42", expiresAtSeconds: 2_000 };
  const good = signLink(secret, link);
  const steps = countedMacs();
  const variants: readonly [string, string][] = [
    ["", ""],
    ["key", "key_000000000000"],
    ["expires", "3000"],
    ["id", "user_id:43"],
    ["signature", `A${(good.get("signature") ?? "").slice(1)}`],
  ];
  const counts = variants.map(([name, value]) => {
    const query = new URLSearchParams(good);
    if (name !== "") query.set(name, value);
    steps.reset();
    openLink("hello", query, 0, find, steps);
    return steps.counts();
  });
  expect(new Set(counts)).toEqual(new Set(["mac 2, isSame 1"]));
  expect(openLink("hello", good, 1_999_999, find)?.isOver).toBe(false);
  expect(openLink("hello", good, 2_000_000, find)?.isOver).toBe(true);
  expect(openLink("other", good, 0, find)).toBeNull();
});

test("a client's secret is looked at in the same steps, known client or not", async () => {
  using folder = tempFolder();
  const clock = new FakeClock();
  const signingKeys = new SigningKeys({ path: folder.at("keys.json"), clock });
  const counted = { digest: 0, isSame: 0 };
  const app = oauthRoutes({
    bodies: new BodyReader(1_000, decodeBody),
    signingKeys,
    accessTokens: new AccessTokens({
      keys: signingKeys,
      findById: find,
      issuer: "x",
      clock,
      ids: seededIds(1),
    }),
    findById: find,
    badTries: new BadTries(() => 0),
    clientAddress: () => "192.0.2.1",
    steps: {
      digest: (text) => {
        counted.digest += 1;
        return secretSteps.digest(text);
      },
      isSame: (one, other) => {
        counted.isSame += 1;
        return secretSteps.isSame(one, other);
      },
    },
  });
  const tries: readonly [string, string, number][] = [
    [secret.info.id, "sk_of_the_test_000001", 200],
    [secret.info.id, "sk_of_the_test_000002", 401],
    ["key_of_nobody", "sk_of_the_test_000001", 401],
    ["nobody", "x", 401],
  ];
  for (const [id, text, status] of tries) {
    Object.assign(counted, { digest: 0, isSame: 0 });
    const form = { grant_type: "client_credentials", client_id: id, client_secret: text };
    const answer = await app.handle(
      new Request("http://localhost/oauth/token", { method: "POST", body: new URLSearchParams(form) }),
    );
    expect([answer.status, counted]).toEqual([status, { digest: 1, isSame: 1 }]);
  }
});

describe("signing keys", () => {
  const dayMs = 86_400_000;

  test("are made a day before they sign, sign for a month, verify for an hour more, over restarts", async () => {
    using folder = tempFolder();
    const clock = new FakeClock();
    const open = () => new SigningKeys({ path: folder.at("keys.json"), clock });
    const first = (await open().current()).kid;
    const kids = async () => (await open().published()).map(({ kid }) => kid);
    expect(await kids()).toEqual([first]);
    clock.advance(29 * dayMs);
    const [, next] = await kids();
    expect((await open().current()).kid).toBe(first);
    clock.advance(dayMs);
    expect((await open().current()).kid).toBe(next ?? "");
    expect(await open().verifier(first)).not.toBeNull();
    clock.advance(3_600_000);
    expect(await open().verifier(first)).toBeNull();
    expect(await kids()).toEqual([next]);
    // A server that slept through it all begins anew.
    clock.advance(365 * dayMs);
    const kid = (await open().current()).kid;
    expect(await open().verifier(kid)).not.toBeNull();
  });

  test("refuse a file that is not theirs", async () => {
    using folder = tempFolder();
    await Bun.write(
      folder.at("keys.json"),
      '{"version":1,"keys":[{"kid":"a","signsFromMs":0,"jwk":{"kty":"oct"}}]}',
    );
    const keys = new SigningKeys({ path: folder.at("keys.json"), clock: new FakeClock() });
    expect(await refusal(keys.current())).toBeString();
  });
});

describe("a key set", () => {
  const jwk = async () => {
    const { publicKey } = await generateKeyPair("ES256", { extractable: true });
    return { ...((await crypto.subtle.exportKey("jwk", publicKey)) as JWK), kid: "a", alg: "ES256" };
  };
  const token = { protected: "", payload: "", signature: "" };

  test("is fetched when it is needed, again when it is old or lacks a key, never oftener than it cools", async () => {
    let nowMs = 0;
    const asked: number[] = [];
    const keys: JWK[] = [await jwk()];
    let fails = false;
    const set = new KeySet({
      nowMs: () => nowMs,
      onProblem: () => {},
      fetch: () => {
        asked.push(nowMs);
        return Promise.resolve(fails ? { kind: "failed", why: "x" } : answered({ keys }));
      },
    });
    const header = { alg: "ES256", kid: "a" };
    for (let index = 0; index < 5; index += 1) await set.find(header, token);
    expect(asked).toEqual([0]);
    for (let index = 0; index < 5; index += 1)
      expect(await refusal(set.find({ alg: "ES256", kid: `b${index}` }, token))).toBeString();
    nowMs = 30_000;
    await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => set.find({ alg: "ES256", kid: `c${index}` }, token)),
    );
    expect(asked).toEqual([0, 30_000]);
    fails = true;
    nowMs = 700_000;
    await set.find(header, token);
    await set.find(header, token);
    expect(asked).toEqual([0, 30_000, 700_000]);
    nowMs = 30_000 + 86_400_000;
    expect(await refusal(set.find(header, token))).toContain("can't be had");
  });

  test.each<[string, Called]>([
    ["no JSON", { ...answered({}), bytes: Buffer.from("<html>") } as Called],
    ["no set", answered([])],
    ["an error", { ...answered({ keys: [] }), status: 500 } as Called],
    ["cut off", { ...answered({ keys: [] }), isWhole: false } as Called],
    ["a secret key", answered({ keys: [{ kty: "oct", kid: "a", k: "c2VjcmV0", alg: "HS256" }] })],
  ])("that is %s has no key", async (_why, called) => {
    const set = new KeySet({ nowMs: () => 0, onProblem: () => {}, fetch: () => Promise.resolve(called) });
    expect(await refusal(set.find({ alg: "ES256", kid: "a" }, token))).toBeString();
    expect(await refusal(set.find({ alg: "HS256", kid: "a" }, token))).toBeString();
  });
});

const vectors = new URL("wycheproof/testvectors_v1/json_web_signature_test.json", corpora);
describe.skipIf(!existsSync(vectors))("the JWS vectors of Wycheproof", () => {
  interface Group {
    readonly comment: string;
    readonly public?: JWK;
    readonly private: JWK;
    readonly tests: readonly { tcId: number; jws: string; result: string; comment: string }[];
  }
  const { testGroups } = existsSync(vectors)
    ? (JSON.parse(readFileSync(vectors, "utf8")) as { testGroups: readonly Group[] })
    : { testGroups: [] };
  const algorithms = [
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
    "PS256",
    "PS384",
    "PS512",
    "RS256",
    "RS384",
    "RS512",
  ];

  test("none opens anything: not one is a token of the issuer", async () => {
    let seen = 0;
    for (const group of testGroups) {
      const issuers = issuersWith(group.public ?? group.private, algorithms);
      for (const { jws, tcId } of group.tests) {
        expect([tcId, await issuers.open(jws)]).toEqual([tcId, null]);
        seen += 1;
      }
    }
    expect(seen).toBe(401);
  });

  test("of a bad signature none is taken, the payload being what it may", async () => {
    // The vectors sign "foo", which is no claims; the signature alone is judged here, as the issuer's key set judges it.
    const { compactVerify } = await import("jose");
    const wrong: unknown[] = [];
    let taken = 0;
    for (const group of testGroups) {
      const set = setOf(group.public ?? group.private);
      for (const { jws, result, tcId, comment } of group.tests) {
        const isTaken = await compactVerify(jws, (header, input) => set.find(header ?? {}, input), {
          algorithms,
        })
          .then(() => true)
          .catch(() => false);
        taken += isTaken ? 1 : 0;
        if (isTaken && result === "invalid") wrong.push([tcId, comment]);
      }
    }
    expect(wrong).toEqual([]);
    expect(taken).toBeGreaterThan(10);
  });
});

test("a token that is signed twice over, or with b64 off, opens nothing", async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...((await crypto.subtle.exportKey("jwk", publicKey)) as JWK), kid: "a" };
  const issuers = issuersWith(jwk, ["ES256"]);
  const claims = JSON.stringify({ iss: "i", aud: "a", exp: 9_999_999_999 });
  const sign = (header: Record<string, unknown>) =>
    new CompactSign(Buffer.from(claims))
      .setProtectedHeader({ alg: "ES256", kid: "a", ...header })
      .sign(privateKey);
  expect(await issuers.open(await sign({}))).toMatchObject({ endsAtMs: 9_999_999_999_000 });
  expect(await issuers.open(`${await sign({})}.${await sign({})}`)).toBeNull();
  expect(await issuers.open(await sign({ typ: "secevent+jwt" }))).toBeNull();
});

const addresses = new URL("freshet/ssrf_ip_vectors.json", corpora);
describe.skipIf(!existsSync(addresses))("addresses", () => {
  const { blocked, allowed } = existsSync(addresses)
    ? (JSON.parse(readFileSync(addresses, "utf8")) as { blocked: string[]; allowed: string[] })
    : { blocked: [], allowed: [] };
  test("of private and special networks are not public, others are", () => {
    expect(blocked.filter(isPublicAddress)).toEqual([]);
    expect(allowed.filter((address) => !isPublicAddress(address))).toEqual([]);
  });

  test.each([
    "http://127.0.0.1:1/",
    "http://[::1]:1/",
    "http://2130706433/",
    "http://localhost:1/",
    "file:///etc/passwd",
    "https://a:b@shop.example/",
  ])("%s is not called", async (url) => {
    const called = await guardedCall(url, { timeoutMs: 1_000, maxBytes: 10 }, { allowsPrivate: false });
    expect(called.kind).toBe("failed");
    expect(called.kind === "failed" ? called.why : "").not.toContain("ECONN");
  });
});

test("bad tries are counted by address and minute", () => {
  let nowMs = 0;
  const tries = new BadTries(() => nowMs);
  const counts = Array.from({ length: 101 }, () => tries.count("192.0.2.1"));
  expect(counts.slice(0, 100)).toEqual(Array.from({ length: 100 }, () => null));
  expect(counts[100]).toBe(60);
  expect(tries.count("192.0.2.2")).toBeNull();
  nowMs = 60_000;
  expect(tries.count("192.0.2.1")).toBeNull();
});

/** Why a promise rejects; null if it does not. */
function refusal(promise: Promise<unknown>): Promise<string | null> {
  return promise.then(
    () => null,
    (error: unknown) => String(error),
  );
}

function answered(body: unknown): Called {
  const bytes = Buffer.from(JSON.stringify(body));
  return { kind: "answer", status: 200, headers: new Headers(), bytes, isWhole: true };
}

function setOf(jwk: JWK): KeySet {
  const fetch = () => Promise.resolve(answered({ keys: [jwk] }));
  return new KeySet({ nowMs: () => 0, onProblem: () => {}, fetch });
}

function issuersWith(jwk: JWK, algorithms: readonly string[]): Issuers {
  const rule: IssuerRule = {
    name: "i",
    issuer: "i",
    audience: "a",
    keySetUrl: "https://i.example/",
    allowsPrivate: false,
    algorithms,
    namespace: "live",
    blocks: null,
    traits: null,
    idTypes: null,
  };
  return new Issuers([rule], {
    clock: new FakeClock(),
    onProblem: () => {},
    fetchKeys: () => Promise.resolve(answered({ keys: [jwk] })),
  });
}

function countedMacs() {
  let [macs, compared] = [0, 0];
  return {
    mac: (key: Uint8Array, data: Uint8Array | string) => {
      macs += 1;
      return macSteps.mac(key, data);
    },
    isSame: (one: Uint8Array, other: Uint8Array) => {
      compared += 1;
      return macSteps.isSame(one, other);
    },
    reset: () => {
      [macs, compared] = [0, 0];
    },
    counts: () => `mac ${macs}, isSame ${compared}`,
  };
}
