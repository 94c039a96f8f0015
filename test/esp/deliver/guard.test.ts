/** Addresses that somebody gave lead to the internet alone, whatever their names say later. */
import { describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { sendGuarded, systemResolve } from "../../../src/esp/deliver/guard.ts";
import { faultServer } from "../../support/faultServer.ts";

const corpus = join(import.meta.dir, "../../../../shared/corpora/freshet");
const isThere = existsSync(corpus);
if (!isThere) console.warn("skipped: 2 tests need ../shared/corpora");

const options = { timeoutMs: 2_000, signal: new AbortController().signal, allowPrivate: false };
const get = (url: string) => ({ method: "GET", url, headers: {}, body: null });

function vectors(file: string): unknown {
  return JSON.parse(readFileSync(join(corpus, file), "utf8"));
}

describe.skipIf(!isThere)("the vectors", () => {
  test("addresses that are not anybody's are refused, the others are called", async () => {
    const { blocked, allowed } = vectors("ssrf_ip_vectors.json") as { blocked: string[]; allowed: string[] };
    for (const address of blocked) {
      const answer = await sendGuarded(get("http://hook.example/"), options, () =>
        Promise.resolve([address]),
      );
      expect([address, answer]).toMatchObject([address, { kind: "failed", wasSent: false }]);
    }
    for (const address of allowed) {
      const signal = AbortSignal.timeout(50);
      const resolve = () => Promise.resolve([address]);
      const answer = await sendGuarded(get("http://hook.example/"), { ...options, signal }, resolve);
      expect(answer.kind === "failed" && answer.why.startsWith("the address is refused")).toBe(false);
    }
  }, 20_000);

  test("URLs that lead elsewhere are refused before anything is sent", async () => {
    const { refuse } = vectors("ssrf_url_vectors.json") as { refuse: { u: string }[] };
    const resolve = systemResolve(() => 0);
    for (const { u } of refuse)
      expect([u, await sendGuarded(get(u), options, resolve)]).toMatchObject([
        u,
        { kind: "failed", wasSent: false },
      ]);
  }, 20_000);
});

test("a name that answers otherwise the second time leads to the address that was checked", async () => {
  let asked = 0;
  const resolve = () => {
    asked += 1;
    return Promise.resolve(asked === 1 ? ["192.0.2.1", "1.1.1.1"] : ["1.1.1.1"]);
  };
  const answer = await sendGuarded(get("http://hook.example/"), options, resolve);
  expect(answer).toMatchObject({ kind: "failed", wasSent: false });
  expect(asked).toBe(1);
});

test("a redirect is not followed, and a private network is open where an operator says so", async () => {
  using inner = faultServer(() => new Response("inner"));
  using outer = faultServer(() => Response.redirect(`${inner.origin}/x`, 302));
  const allowed = { ...options, allowPrivate: true };
  const answer = await sendGuarded(get(outer.origin), allowed, () => Promise.resolve([]));
  expect(answer).toMatchObject({ kind: "answer", status: 302 });
  expect(inner.seen).toEqual([]);
});
