/** What docs/protocol.md says of reads and the feed is what the code does. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { paths } from "../../src/admin/paths.ts";
import { errorCatalogue } from "../../src/errors.ts";
import { idTypes } from "../../src/esp/query.ts";
import { maxIdentifierBytes } from "../../src/model/identifier.ts";
import { until } from "../support/until.ts";
import { OutServer } from "./outServer.ts";

const page = readFileSync(join(import.meta.dir, "..", "..", "docs", "protocol.md"), "utf8")
  // Tables are padded by the formatter.
  .replace(/ {2,}/g, " ");
const section = page.slice(page.indexOf("\n## Profiles"), page.indexOf("\n## Errors"));
const outgoing = paths.filter(({ scope }) => scope === "read" || scope === "feed");

/** A number as the page writes it, from the first place that matches. */
function number(pattern: RegExp): number {
  const [, text = ""] = pattern.exec(section) ?? [];
  expect(text).toMatch(/^[\d,]+$/);
  return Number(text.replaceAll(",", ""));
}

describe("the page names", () => {
  test("paths to read and to follow, and no others", () => {
    const named = [...section.matchAll(/`?(GET|POST) (\/v1\/[^\s`?]*)/g)].map(
      ([, method, path = ""]) => `${method} ${path.replace("{idType}:{value}", "{id}")}`,
    );
    const served = outgoing.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
    expect(served.length).toBeGreaterThan(6);
    expect([...new Set(named)].toSorted()).toEqual([...new Set(served)].toSorted());
  });

  test.each(outgoing.flatMap(({ path, query = {} }) => Object.keys(query).map((name) => [path, name])))(
    "a parameter of %s: %s",
    (_, name) => expect(section).toMatch(new RegExp(`[?&\`]${name}\\b`)),
  );

  test("every type of identifier", () => {
    const [, listed = ""] = /idType is ([^;]*); another one is 400/.exec(section) ?? [];
    expect([...listed.matchAll(/`(\w+)`/g)].map(([, type = ""]) => type).toSorted()).toEqual(
      [...idTypes].toSorted(),
    );
    expect(section).toContain(`at most ${maxIdentifierBytes} bytes`);
  });

  test("only codes that exist", () => {
    const codes = [...section.matchAll(/(?:400|410|413|429|503) `([a-z_]+)`/g)].map(([, code = ""]) => code);
    expect(codes.length).toBeGreaterThan(2);
    for (const code of codes) expect(Object.keys(errorCatalogue)).toContain(code);
  });
});

describe("a limit that the page names is the one that acts:", () => {
  let server: OutServer;
  beforeAll(() => {
    server = new OutServer();
    server.store.send({ userId: "42", traits: { plan: "free" } });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  const get = async (path: string) => (await server.fetch(path)).status;
  const post = async (path: string, body: unknown) =>
    (await server.fetch(path, { method: "POST", body: JSON.stringify(body) })).status;

  test("ids of a batch", async () => {
    const most = number(/"ids":\[[^\]]*\]\}`, at most ([\d,]+)/);
    const ids = (count: number) => ({ ids: Array.from({ length: count }, () => "user_id:42") });
    expect(await post("/v1/profiles/batch", ids(most))).toBe(200);
    expect(await post("/v1/profiles/batch", ids(most + 1))).toBe(413);
  });

  test("events of a page of history", async () => {
    const most = number(/accepted, 100 a page \(at most ([\d,]+)\)/);
    expect(await get(`/v1/profiles/user_id:42/events?limit=${most}`)).toBe(200);
    expect(await get(`/v1/profiles/user_id:42/events?limit=${most + 1}`)).toBe(400);
  });

  test("changes of a poll, and its wait", async () => {
    const most = number(/`limit` changes \(100; up to ([\d,]+)\)/);
    const waitMs = number(/`waitMs` \(0 to ([\d,]+);/);
    const poll = (limit: number, wait: number) =>
      get(`/v1/changes?cursor=earliest&limit=${limit}&waitMs=${wait}`);
    expect(await poll(most, waitMs)).toBe(200);
    expect(await poll(most + 1, 0)).toBe(400);
    expect(await poll(most, waitMs + 1)).toBe(400);
  });

  test("a token's time", async () => {
    const least = number(/`ttlMs`\s+goes from ([\d,]+) to/);
    const most = number(/`ttlMs`\s+goes from [\d,]+ to ([\d,]+),/);
    const mint = (ttlMs: number) => post("/v1/feed/tokens", { profile: "user_id:42", ttlMs });
    expect(await mint(least)).toBe(200);
    expect(await mint(most)).toBe(200);
    expect(await mint(least - 1)).toBe(400);
    expect(await mint(most + 1)).toBe(400);
  });

  test("how a stream begins", async () => {
    await using reader = await server.feed();
    await until("the stream begins", () => reader.parser.retryMs !== null);
    expect(reader.parser.retryMs).toBe(number(/begins with `retry: ([\d,]+)`/));
  });
});
