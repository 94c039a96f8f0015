import { describe, expect, test } from "bun:test";
import { networkOf, RateLimiter } from "../../src/ingest/rateLimit.ts";
import { FakeClock } from "../support/fakeClock.ts";

function limited(
  fields: {
    readonly eventsPerSecond?: number;
    readonly burstEvents?: number;
    readonly maxBuckets?: number;
  } = {},
) {
  const clock = new FakeClock();
  return {
    clock,
    limiter: new RateLimiter({ eventsPerSecond: 10, burstEvents: 20, maxBuckets: 10, ...fields }, () =>
      clock.monotonicMs(),
    ),
  };
}

/** Lets a request of so many events in, or says how long it must wait. */
function send(limiter: RateLimiter, address: string, events: number, key = "key_1"): number {
  const bucket = limiter.bucket(key, address);
  const wait = limiter.waitSeconds(bucket);
  if (wait === 0) limiter.charge(bucket, events);
  return wait;
}

describe("a bucket", () => {
  test("holds a burst, then lets in as fast as it fills", () => {
    const { limiter, clock } = limited();
    for (let event = 0; event < 20; event += 1) expect(send(limiter, "192.0.2.1", 1)).toBe(0);
    expect(send(limiter, "192.0.2.1", 1)).toBe(1);
    let letIn = 0;
    for (let tick = 0; tick < 100; tick += 1) {
      clock.advance(100);
      if (send(limiter, "192.0.2.1", 1) === 0) letIn += 1;
    }
    expect(letIn).toBe(100);
  });

  test("lets a large batch in once and then asks to wait for its debt", () => {
    const { limiter, clock } = limited();
    expect(send(limiter, "192.0.2.1", 120)).toBe(0);
    expect(send(limiter, "192.0.2.1", 1)).toBe(10);
    clock.advance(9_000);
    expect(send(limiter, "192.0.2.1", 1)).toBe(1);
    clock.advance(1_001);
    expect(send(limiter, "192.0.2.1", 1)).toBe(0);
  });

  test("never fills above its burst", () => {
    const { limiter, clock } = limited();
    clock.advance(1_000_000);
    expect(send(limiter, "192.0.2.1", 21)).toBe(0);
    expect(send(limiter, "192.0.2.1", 1)).toBe(1);
  });

  test("is one per key and address, an IPv6 network counting as one address", () => {
    const { limiter } = limited({ burstEvents: 1 });
    expect(send(limiter, "192.0.2.1", 5)).toBe(0);
    expect(send(limiter, "192.0.2.2", 5)).toBe(0);
    expect(send(limiter, "192.0.2.1", 5, "key_2")).toBe(0);
    expect(send(limiter, "2001:db8::1", 5)).toBe(0);
    expect(send(limiter, "2001:db8::2:3", 5)).toBe(1);
    expect(send(limiter, "2001:db8:0:1::1", 5)).toBe(0);
    expect(send(limiter, "192.0.2.1", 5)).toBe(1);
  });
});

describe("memory", () => {
  test("is bounded, and a debtor is not forgotten for full ones", () => {
    const { limiter, clock } = limited({ maxBuckets: 5 });
    expect(send(limiter, "debtor", 1_000)).toBe(0);
    for (let stranger = 0; stranger < 100; stranger += 1) {
      clock.advance(200);
      expect(send(limiter, `stranger-${stranger}`, 1)).toBe(0);
      expect(limiter.size).toBeLessThanOrEqual(5);
    }
    expect(send(limiter, "debtor", 1)).toBeGreaterThan(0);
  });

  test("is bounded even if all are in debt", () => {
    const { limiter } = limited({ maxBuckets: 5 });
    for (let stranger = 0; stranger < 100; stranger += 1) send(limiter, `stranger-${stranger}`, 1_000);
    expect(limiter.size).toBe(5);
  });
});

test.each([
  ["192.0.2.1", "192.0.2.1"],
  ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
  ["2001:db8::1", "2001:db8:0:0"],
  ["2001:db8:1:2::", "2001:db8:1:2"],
  ["::1", "0:0:0:0"],
  ["::", "0:0:0:0"],
  ["fe80::1%eth0", "fe80:0:0:0"],
  ["", ""],
])("the network of %p is %p", (address, network) => {
  expect(networkOf(address)).toBe(network);
});
