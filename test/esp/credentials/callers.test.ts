/** How long a token that was checked once is taken without another look. */
import { expect, test } from "bun:test";
import { generateKeyPair, SignJWT, type JWK } from "jose";
import { AccessTokens } from "../../../src/esp/credentials/accessTokens.ts";
import { BadTries } from "../../../src/esp/credentials/badTries.ts";
import { Callers } from "../../../src/esp/credentials/callers.ts";
import { Issuers } from "../../../src/esp/credentials/issuers.ts";
import { SigningKeys } from "../../../src/esp/credentials/signingKeys.ts";
import { seededIds } from "../../../src/lib/id.ts";
import { FakeClock } from "../../support/fakeClock.ts";
import { tempFolder } from "../../support/tempFolder.ts";

const minuteMs = 60_000;

test("a token whose issuer takes its key back ends soon after, though it says that it is good for years", async () => {
  using folder = tempFolder();
  const clock = new FakeClock();
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...((await crypto.subtle.exportKey("jwk", publicKey)) as JWK), kid: "k1", alg: "ES256" };
  let keys: JWK[] = [jwk];
  let fetched = 0;
  const issuers = new Issuers(
    [
      {
        name: "esp",
        issuer: "https://login.example/",
        audience: "freshet",
        keySetUrl: "https://login.example/keys",
        allowsPrivate: false,
        algorithms: ["ES256"],
        namespace: "live",
        blocks: null,
        traits: null,
        idTypes: null,
      },
    ],
    {
      clock,
      onProblem: () => {},
      fetchKeys: () => {
        fetched += 1;
        const bytes = Buffer.from(JSON.stringify({ keys }));
        return Promise.resolve({ kind: "answer", status: 200, headers: new Headers(), bytes, isWhole: true });
      },
    },
  );
  const signingKeys = new SigningKeys({ path: folder.at("keys.json"), clock });
  const callers = new Callers({
    findKey: () => null,
    findById: () => null,
    accessTokens: new AccessTokens({
      keys: signingKeys,
      findById: () => null,
      issuer: "x",
      clock,
      ids: seededIds(1),
    }),
    issuers,
    badTries: new BadTries(() => clock.monotonicMs()),
    clientAddress: () => "192.0.2.1",
    nowMs: () => clock.nowMs(),
  });
  const token = await new SignJWT({ iss: "https://login.example/", aud: "freshet" })
    .setExpirationTime(Math.floor(clock.nowMs() / 1_000) + 10 * 365 * 86_400)
    .setProtectedHeader({ alg: "ES256", kid: "k1" })
    .sign(privateKey);
  const isTaken = async () => {
    const request = new Request("http://localhost/v1/content/hello", {
      headers: { Authorization: `Bearer ${token}` },
    });
    try {
      return (await callers.of(request, "hello", new URLSearchParams())).key.id === "issuer:esp";
    } catch {
      return false;
    }
  };
  expect(await isTaken()).toBe(true);
  for (let time = 0; time < 20; time += 1) {
    clock.advance(minuteMs / 30);
    expect(await isTaken()).toBe(true);
  }
  expect(fetched).toBe(1);
  keys = [];
  const takenForMinutes = await (async () => {
    for (let minutes = 0; minutes < 60; minutes += 1) {
      clock.advance(minuteMs);
      if (!(await isTaken())) return minutes;
    }
    return Number.POSITIVE_INFINITY;
  })();
  // Ten minutes are what a key set is good for; the set at hand answers once more while the new one comes.
  expect(takenForMinutes).toBeLessThanOrEqual(12);
  keys = [jwk];
  clock.advance(minuteMs);
  expect(await isTaken()).toBe(true);
});
