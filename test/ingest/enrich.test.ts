import { describe, expect, test } from "bun:test";
import { enricher, readAgent } from "../../src/ingest/enrich.ts";
import { judgeWith, restore } from "../../src/ingest/judge.ts";
import { openCountries } from "../../src/lib/countries.ts";
import type { JsonObject } from "../../src/model/event.ts";
import { factsIn, type Facts } from "../../src/model/facts.ts";
import type { Frame, Judged } from "../../src/store/accept.ts";
import { mmdbOf } from "../support/mmdb.ts";

const chrome =
  "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
const iphone =
  "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Mobile/15E148 Safari/604.1";
const ipad =
  "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.6 Mobile/15E148 Safari/604.1";
const googlebot = "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)";
const gmail = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)";

const countries = openCountries(mmdbOf({ "192.0.2.0/24": "DE", "198.51.100.0/25": "FR" }));
const receivedAtMs = Date.UTC(2026, 10, 24, 9);

function judged(call: Frame["call"], body: JsonObject, fields: Partial<Frame> = {}, keepIp = false) {
  const frame: Frame = {
    call,
    source: "web",
    namespace: "live",
    trusted: false,
    receivedAtMs,
    lane: "live",
    body: new TextEncoder().encode(JSON.stringify(body)),
    ...fields,
  };
  const verdict = judgeWith({ enrich: enricher(countries), keepIp })(frame, () => "minted");
  if (verdict.kind === "refused") throw new Error(verdict.error.code);
  return verdict.events;
}

function eventIn(list: readonly Judged[], at = 0): Extract<Judged, { kind: "event" }> {
  const found = list[at];
  if (found?.kind !== "event") throw new Error("not an event");
  return found;
}

/** The facts of one track event, which are those that a rebuild finds beside it. */
function factsOf(body: JsonObject, fields: Partial<Frame> = {}): Facts | undefined {
  const { event, raw, extra } = eventIn(judged("track", { userId: "1", event: "x", ...body }, fields));
  expect(factsIn(extra)).toEqual(event.facts);
  expect(restore({ ...event, raw, extra })).toEqual(event);
  return event.facts;
}

describe("a user agent tells", () => {
  const told: readonly (readonly [agent: string, facts: Facts])[] = [
    [chrome, { device: "desktop", os: "Windows", browser: "Chrome" }],
    [iphone, { device: "mobile", os: "iOS", browser: "Safari" }],
    [ipad, { device: "tablet", os: "iOS", browser: "Safari" }],
    ["curl/8.5.0", { bot: true }],
  ];
  for (const [agent, facts] of told)
    test(agent.slice(0, 40), () => expect(readAgent(agent)).toMatchObject(facts));

  test("robots, proxies that fetch for a reader, and scanners", () => {
    expect(readAgent(chrome).bot).toBeUndefined();
    expect(readAgent(googlebot).bot).toBe(true);
    expect(readAgent(gmail)).toMatchObject({ proxy: "google" });
    expect(readAgent(gmail).bot).toBeUndefined();
    expect(readAgent("Mozilla/5.0").proxy).toBe("apple");
    expect(readAgent("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html").proxy).toBe(
      "yahoo",
    );
    expect(readAgent("BarracudaCentral/1.0").bot).toBe(true);
    expect(readAgent("")).toEqual({});
  });

  test("nothing that a hostile one could break", () => {
    for (const agent of ["(".repeat(5_000), "\u0000", "__proto__", "Mozilla/5.0 ".repeat(1_000), "ü💩"])
      expect(() => factsOf({ context: { userAgent: agent } })).not.toThrow();
  });
});

describe("where it comes from", () => {
  const sender = { userAgent: chrome, address: "192.0.2.7" };

  test("the event's context, else the batch's, else the request's header and address", () => {
    expect(factsOf({}, { sender })).toEqual({
      device: "desktop",
      os: "Windows",
      browser: "Chrome",
      country: "DE",
    });
    expect(factsOf({ context: { userAgent: iphone, ip: "198.51.100.1" } }, { sender })).toEqual({
      device: "mobile",
      os: "iOS",
      browser: "Safari",
      country: "FR",
    });
    const batch = judged("batch", {
      batch: [{ type: "track", userId: "1", event: "x" }],
      context: { userAgent: iphone, ip: "198.51.100.1" },
    });
    expect(eventIn(batch).event.facts).toMatchObject({ device: "mobile", country: "FR" });
  });

  test("of an e-mail's open the properties that services send", () => {
    const opened = (properties: JsonObject) => factsOf({ event: "Email Opened", properties }) ?? {};
    expect(opened({ user_agent: gmail }).proxy).toBe("google");
    expect(opened({ sg_machine_open: true })).toEqual({ proxy: "other" });
    expect(factsOf({ event: "Page Opened", properties: { user_agent: gmail } })).toBeUndefined();
  });

  test("no agent and no address: nothing is found out and nothing stored", () => {
    const { event, extra } = eventIn(judged("track", { userId: "1", event: "x" }));
    expect(event).not.toHaveProperty("facts");
    expect(extra).toBeNull();
    expect(factsOf({ context: { ip: "203.0.113.9" } })).toBeUndefined();
    expect(factsOf({ context: { ip: "not an address" } })).toBeUndefined();
    expect(factsOf({ context: { userAgent: 7, ip: {} } })).toBeUndefined();
  });
});

describe("an address", () => {
  const ip = "192.0.2.7";
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const body = {
    userId: "1",
    event: "x",
    context: { ip, library: { name: "l" } },
    request_ip: ip,
    properties: { a: 1.5, b: [null] },
  };

  test("is not kept: not in the text, not in what stands beside it, not in the quarantine", () => {
    const { raw, extra, event } = eventIn(judged("track", body));
    expect(`${text(raw)}${extra}`).not.toContain(ip);
    expect(JSON.parse(text(raw))).toEqual({
      userId: "1",
      event: "x",
      context: { library: { name: "l" } },
      properties: { a: 1.5, b: [null] },
    });
    expect(event.facts).toEqual({ country: "DE" });
    const [rejected] = judged("track", { ...body, event: 7 });
    expect(rejected?.kind).toBe("rejected");
    expect(text(rejected?.raw ?? new Uint8Array())).not.toContain(ip);
    const batch = judged("batch", {
      batch: [{ type: "track", userId: "1", event: "x" }],
      context: { ip, locale: "de" },
    });
    expect(eventIn(batch).extra).toContain('"locale":"de"');
    expect(eventIn(batch).extra).not.toContain(ip);
  });

  test("is kept if asked, byte for byte; and what has none is not touched", () => {
    const kept = eventIn(judged("track", body, {}, true));
    expect(text(kept.raw)).toBe(JSON.stringify(body));
    const bare = { userId: "1", event: "x", context: { library: {} }, properties: { ip } };
    expect(text(eventIn(judged("track", bare)).raw)).toBe(JSON.stringify(bare));
  });
});

describe("a .mmdb file", () => {
  test("tells countries of addresses, and null for all else", () => {
    expect(
      ["192.0.2.255", "198.51.100.5", "198.51.100.200", "192.0.3.1", "::1", "x", ""].map((at) =>
        countries?.(at),
      ),
    ).toEqual(["DE", "FR", null, null, null, null, null]);
  });

  test("that is none is refused", () => {
    expect(openCountries(new TextEncoder().encode("no such file"))).toBeNull();
    expect(openCountries(new Uint8Array(0))).toBeNull();
  });
});
