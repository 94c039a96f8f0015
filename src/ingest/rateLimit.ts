/**
 * How fast a browser key may send from one address: a token bucket for each pair, refilled all the time. A request is
 * let in while the bucket is above zero and pays for its events after; a large batch thus leaves a debt to wait for.
 */
export interface RateLimitSettings {
  readonly eventsPerSecond: number;
  /** Events that may come at once after a quiet time. */
  readonly burstEvents: number;
  /** Pairs remembered; beyond it the oldest that stands full is forgotten. */
  readonly maxBuckets: number;
}

/** One key from one address. */
export interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/** Old buckets looked at when room is needed. */
const evictionTries = 8;

export class RateLimiter {
  readonly #settings: RateLimitSettings;
  readonly #nowMs: () => number;
  /** In the order in which they were made or last kept. */
  readonly #buckets = new Map<string, Bucket>();

  /** `nowMs` is a monotonic reading. */
  constructor(settings: RateLimitSettings, nowMs: () => number) {
    this.#settings = settings;
    this.#nowMs = nowMs;
  }

  /** Pairs remembered now. */
  get size(): number {
    return this.#buckets.size;
  }

  /** The bucket of a key and an address, filled up to now. */
  bucket(keyId: string, address: string): Bucket {
    const name = `${keyId} ${networkOf(address)}`;
    const nowMs = this.#nowMs();
    let bucket = this.#buckets.get(name);
    if (bucket === undefined) {
      if (this.#buckets.size >= this.#settings.maxBuckets) this.#makeRoom(nowMs);
      bucket = { tokens: this.#settings.burstEvents, filledAtMs: nowMs };
      this.#buckets.set(name, bucket);
    } else this.#fill(bucket, nowMs);
    return bucket;
  }

  /** Whole seconds until the bucket lets a request in; 0: now. */
  waitSeconds(bucket: Bucket): number {
    return bucket.tokens > 0 ? 0 : Math.max(1, Math.ceil(-bucket.tokens / this.#settings.eventsPerSecond));
  }

  /** Pays for events. */
  charge(bucket: Bucket, events: number): void {
    bucket.tokens -= events;
  }

  #fill(bucket: Bucket, nowMs: number): void {
    const gained = ((nowMs - bucket.filledAtMs) * this.#settings.eventsPerSecond) / 1_000;
    bucket.tokens = Math.min(this.#settings.burstEvents, bucket.tokens + gained);
    bucket.filledAtMs = nowMs;
  }

  /** Forgets one bucket, a full one if one of the oldest is full: forgetting that changes nothing. */
  #makeRoom(nowMs: number): void {
    let tries = evictionTries;
    for (const [name, bucket] of this.#buckets) {
      this.#buckets.delete(name);
      this.#fill(bucket, nowMs);
      tries -= 1;
      if (bucket.tokens >= this.#settings.burstEvents || tries === 0) return;
      this.#buckets.set(name, bucket);
    }
  }
}

/** An IPv4 address as it is; of IPv6 the /64 network, since one subscriber has all of it. */
export function networkOf(address: string): string {
  if (!address.includes(":")) return address;
  const [head = "", tail] = address.split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  if (tail !== undefined) {
    const after = tail === "" ? 0 : tail.split(":").length;
    while (groups.length + after < 8) groups.push("0");
  }
  return groups.slice(0, 4).join(":");
}
