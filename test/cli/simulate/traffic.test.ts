import { describe, expect, test } from "bun:test";
import { testProfileEvents, testProfiles } from "../../../src/cli/simulate/testProfiles.ts";
import { Traffic, type Outgoing } from "../../../src/cli/simulate/traffic.ts";

interface Sent {
  readonly type: string;
  readonly event?: string;
  readonly messageId: string;
  readonly timestamp: string;
  readonly anonymousId: string;
  readonly userId?: string;
  readonly properties?: { readonly order_id?: string; readonly product_id?: string };
}

/** Events of a run whose clock moves one second with each event. */
function run(seed: number, count: number, startMs = 1_790_000_000_000): readonly Outgoing[] {
  let nowMs = startMs;
  const traffic = new Traffic({ seed, shoppers: 40, nowMs: () => (nowMs += 1_000) });
  return Array.from({ length: count }, () => traffic.next());
}

function parse({ json }: Outgoing): Sent {
  return JSON.parse(json) as Sent;
}

function withoutTimes(events: readonly Outgoing[]): readonly unknown[] {
  return events.map((event) => ({ ...event, json: { ...parse(event), timestamp: "" } }));
}

describe("the stream", () => {
  test("is the same for the same seed, whenever it runs", () => {
    expect(withoutTimes(run(7, 3_000, 1))).toEqual(withoutTimes(run(7, 3_000, 1_790_000_000_000)));
  });

  test("is another one for another seed, down to the ids", () => {
    const ids = new Set(run(7, 500).map(({ messageId }) => messageId));
    expect(run(8, 500).filter(({ messageId }) => ids.has(messageId))).toEqual([]);
  });

  test("repeats some events word for word, and no messageId otherwise", () => {
    const first = new Map<string, string>();
    let repeats = 0;
    for (const { messageId, json, isRepeat } of run(3, 5_000)) {
      expect(first.get(messageId)).toBe(isRepeat ? json : undefined);
      if (isRepeat) repeats += 1;
      else first.set(messageId, json);
    }
    expect(repeats).toBeGreaterThan(50);
    expect(repeats).toBeLessThan(200);
  });

  test("sends some events after later ones, and says which", () => {
    let newest = "";
    let late = 0;
    for (const outgoing of run(3, 5_000)) {
      if (outgoing.isRepeat) continue;
      const { timestamp } = parse(outgoing);
      expect(outgoing.isLate).toBe(timestamp < newest);
      if (outgoing.isLate) late += 1;
      else newest = timestamp;
    }
    expect(late).toBeGreaterThan(75);
  });

  test("tells whole stories: browsing, carts, sign-ups, orders, returns", () => {
    const names = new Set(run(5, 20_000).map((event) => parse(event).event));
    for (const name of [
      "Products Searched",
      "Product List Viewed",
      "Product Clicked",
      "Product Viewed",
      "Product Added",
      "Product Removed",
      "Cart Viewed",
      "Checkout Started",
      "Signed Up",
      "Order Completed",
      "Order Refunded",
    ])
      expect(names).toContain(name);
  });

  test("lets nobody order without an account, nor send back what was not ordered", () => {
    const made = run(5, 20_000)
      .filter(({ isRepeat }) => !isRepeat)
      .map(parse)
      .sort((left, right) => (left.timestamp < right.timestamp ? -1 : 1));
    const ordered = new Set<string | undefined>();
    for (const { event, userId, properties } of made) {
      if (event === "Order Completed") {
        expect(userId).toBeDefined();
        expect(ordered.has(properties?.order_id)).toBe(false);
        ordered.add(properties?.order_id);
      }
      if (event === "Order Refunded") expect(ordered).toContain(properties?.order_id);
    }
    expect(ordered.size).toBeGreaterThan(20);
  });
});

describe("test profiles", () => {
  const nowMs = 1_790_000_000_000;

  test.each(testProfiles.map((profile) => [profile.name, profile] as const))("%s", (name, profile) => {
    const { events, identifier } = testProfileEvents(profile, { seed: 1, nowMs });
    const sent = events.map(parse);
    expect(sent.length).toBeGreaterThan(2);
    const times = sent.map(({ timestamp }) => Date.parse(timestamp));
    expect(times).toEqual(times.toSorted((left, right) => left - right));
    expect(Math.max(...times)).toBeLessThanOrEqual(nowMs);
    expect(new Set(sent.map(({ anonymousId }) => anonymousId))).toEqual(new Set([`test-${name}-browser`]));
    expect(identifier.includes(name)).toBe(true);
    expect(new Set(sent.map(({ messageId }) => messageId)).size).toBe(sent.length);
  });
});
