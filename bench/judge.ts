/** What the judge costs: µs an event, alone and in batches of 100, beside a bare JSON.parse of the same text. */
import { judge, restore } from "../src/ingest/judge.ts";
import type { Frame, Judged } from "../src/store/accept.ts";

const receivedAtMs = Date.UTC(2026, 10, 24, 9);
const rounds = 7;
const perRound = 40_000;

/** A track event of about 450 bytes, as an SDK writes it. */
function eventText(index: number): string {
  return JSON.stringify({
    type: "track",
    messageId: `bench-${index}-a4395d58-13c5-4710-825d-6c43ffce146e`,
    userId: `user-${index % 20_000}`,
    anonymousId: "395d5813-c5f7-4082-9d6c-43ffce146ee8",
    event: "Product Viewed",
    timestamp: "2026-11-24T08:58:12.345Z",
    properties: {
      product_id: `P${index % 97}`,
      name: "Trail shoe",
      price: 84.5,
      currency: "EUR",
      category: "shoes",
    },
    context: {
      page: { path: "/p/1", url: "http://shop.test/p/1" },
      library: { name: "analytics.js", version: "1.84.3" },
    },
  });
}

function frameOf(call: Frame["call"], text: string): Frame {
  return {
    call,
    source: "web",
    namespace: "live",
    trusted: true,
    receivedAtMs,
    lane: "live",
    body: new TextEncoder().encode(text),
  };
}

const texts = Array.from({ length: 1_000 }, (_, index) => eventText(index));
const singles = texts.map((text) => frameOf("track", text));
const batches = Array.from({ length: 10 }, (_, index) =>
  frameOf("batch", `{"batch":[${texts.slice(index * 100, index * 100 + 100).join(",")}]}`),
);
const mintId = () => "minted";
let kept = 0;

function keep(events: readonly Judged[] | undefined): void {
  kept += events?.length ?? 0;
}

const decoder = new TextDecoder("utf-8", { fatal: true });
const stored = singles.map((frame, index) => ({
  ...frame,
  type: "track" as const,
  name: "Product Viewed",
  messageId: `m${index}`,
  timestampMs: receivedAtMs,
  index: 0,
  raw: frame.body,
  extra: null,
}));

const works: Readonly<Record<string, () => void>> = {
  "decode + JSON.parse, single": () => {
    for (const { body } of singles) kept += Object.keys(JSON.parse(decoder.decode(body)) as object).length;
  },
  "judge, single": () => {
    for (const frame of singles) {
      const verdict = judge(frame, mintId);
      keep(verdict.kind === "judged" ? verdict.events : undefined);
    }
  },
  "decode + JSON.parse, batch of 100": () => {
    for (const { body } of batches) kept += Object.keys(JSON.parse(decoder.decode(body)) as object).length;
  },
  "judge, batch of 100": () => {
    for (const frame of batches) {
      const verdict = judge(frame, mintId);
      keep(verdict.kind === "judged" ? verdict.events : undefined);
    }
  },
  restore: () => {
    for (const row of stored) kept += restore(row).index;
  },
};

/** µs an event of one round of `work`, which handles 1,000 events. */
function measure(work: () => void): number {
  const startedNs = Bun.nanoseconds();
  for (let done = 0; done < perRound; done += 1_000) work();
  return (Bun.nanoseconds() - startedNs) / 1_000 / perRound;
}

const results = new Map<string, number[]>();
for (let round = 0; round <= rounds; round += 1) {
  for (const [name, work] of Object.entries(works)) {
    const took = measure(work);
    if (round > 0) results.set(name, [...(results.get(name) ?? []), took]);
  }
}

console.log(
  `${texts[0]?.length ?? 0} bytes an event, median of ${rounds} interleaved rounds (${kept > 0 ? "all" : "none"} kept)`,
);
for (const [name, took] of results) {
  const sorted = took.toSorted((left, right) => left - right);
  const at = (share: number) => (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2);
  console.log(`${name.padEnd(36)} ${at(0.5)} µs an event (${at(0)}–${at(1)})`);
}
