/** The real clients, changed in nothing but the host. */
import { describe, expect, test } from "bun:test";
import RudderAnalytics from "@rudderstack/rudder-sdk-node";
import { Analytics } from "@segment/analytics-node";
import { keyTexts, startIngest, type IngestServer } from "./ingestServer.ts";

const timestamp = new Date("2026-01-02T03:04:05.678Z");

/** What came in, by type, without what differs from run to run. */
function received(server: IngestServer): unknown[] {
  const facts = server.accept.events.map(({ event, minted }) => {
    const { type, userId, anonymousId, previousId, groupId, name, properties, traits } = event;
    return { type, userId, anonymousId, previousId, groupId, name, properties, traits, minted };
  });
  return facts.toSorted((left, right) => (left.type < right.type ? -1 : 1));
}

const nothing = {
  anonymousId: null,
  previousId: null,
  groupId: null,
  name: null,
  properties: {},
  traits: {},
  minted: false,
  userId: "u1",
};
const expected = [
  { ...nothing, type: "alias", previousId: "an1" },
  { ...nothing, type: "group", groupId: "g1" },
  { ...nothing, type: "identify", traits: { email: "a@b.test" } },
  {
    ...nothing,
    type: "page",
    userId: null,
    anonymousId: "an1",
    name: "Home",
    properties: { url: "https://x.test/" },
  },
  { ...nothing, type: "screen", name: "Start" },
  { ...nothing, type: "track", name: "Order Completed", properties: { total: 10 } },
];

function segmentClient(server: IngestServer): Analytics {
  return new Analytics({ writeKey: keyTexts.server, host: server.origin, maxRetries: 2 });
}

describe("@segment/analytics-node", () => {
  test("sends every call", async () => {
    await using server = startIngest();
    const analytics = segmentClient(server);
    analytics.identify({ userId: "u1", traits: { email: "a@b.test" }, timestamp });
    analytics.track({ userId: "u1", event: "Order Completed", properties: { total: 10 } });
    analytics.page({ anonymousId: "an1", name: "Home", properties: { url: "https://x.test/" } });
    analytics.screen({ userId: "u1", name: "Start" });
    analytics.alias({ userId: "u1", previousId: "an1" });
    analytics.group({ userId: "u1", groupId: "g1" });
    await analytics.closeAndFlush();
    expect(received(server)).toEqual(expected);
    expect(server.accept.events.find(({ event }) => event.type === "identify")?.event.timestampMs).toBe(
      timestamp.getTime(),
    );
  });

  test("sends again after 429 and 503, and takes 200 with rejected events for success", async () => {
    await using server = startIngest();
    const analytics = segmentClient(server);
    const failures: unknown[] = [];
    analytics.on("error", (error) => failures.push(error));
    let answered = 0;
    analytics.on("http_request", () => {
      answered += 1;
      server.accept.unavailable =
        answered === 1 ? { kind: "unavailable", code: "overloaded", retryAfterSeconds: 0 } : null;
    });
    analytics.track({ userId: "u1", event: "Order Completed" });
    await analytics.closeAndFlush();
    expect(answered).toBe(2);
    expect(server.accept.events).toHaveLength(1);
    expect(failures).toEqual([]);
  });
});

describe("@rudderstack/rudder-sdk-node", () => {
  test.each([true, false])("sends every call, gzip %p", async (gzip) => {
    await using server = startIngest();
    const analytics = new RudderAnalytics(keyTexts.server, {
      dataPlaneUrl: server.origin,
      gzip,
      logLevel: "error",
    });
    analytics.identify({ userId: "u1", traits: { email: "a@b.test" } });
    analytics.track({ userId: "u1", event: "Order Completed", properties: { total: 10 }, timestamp });
    analytics.page({ anonymousId: "an1", name: "Home", properties: { url: "https://x.test/" } });
    analytics.screen({ userId: "u1", name: "Start" });
    analytics.alias({ userId: "u1", previousId: "an1" });
    analytics.group({ userId: "u1", groupId: "g1" });
    await analytics.flush();
    expect(received(server)).toMatchObject(expected);
    expect(server.accept.events.find(({ event }) => event.type === "track")?.event.timestampMs).toBe(
      timestamp.getTime(),
    );
  });
});
