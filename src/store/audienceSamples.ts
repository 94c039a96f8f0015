/**
 * Sizes of audiences over time: one sample a minute of those that changed, hourly ones after two days, none after 400.
 * Numbers only. The size at a moment between two samples is that of the one before.
 */
import type { Namespace } from "../model/event.ts";
import type { Journal } from "./journal.ts";
import type { AudienceSizes } from "./profileIndex.ts";
import type { Writer } from "./writer.ts";

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Every sample is kept for so long; then the last of each hour. */
const minutelyMs = 2 * dayMs;
const keptMs = 400 * dayMs;

const insert = `
INSERT INTO audience_sizes (namespace, segment, at_ms, size) VALUES (?, ?, ?, ?)
ON CONFLICT (namespace, segment, at_ms) DO UPDATE SET size = excluded.size`;
const selectLast =
  "SELECT namespace, segment, size, max(at_ms) AS at_ms FROM audience_sizes GROUP BY namespace, segment";
const drop = "DELETE FROM audience_sizes WHERE at_ms < ?";
const thin = `
DELETE FROM audience_sizes WHERE at_ms < ?1 AND at_ms >= ?2 AND EXISTS (
  SELECT 1 FROM audience_sizes AS later
  WHERE later.namespace = audience_sizes.namespace AND later.segment = audience_sizes.segment
    AND later.at_ms > audience_sizes.at_ms AND later.at_ms / ${hourMs} = audience_sizes.at_ms / ${hourMs})`;

interface Sample {
  readonly namespace: Namespace;
  readonly segment: string;
  readonly size: number;
}

export class AudienceSamples {
  /** By namespace and segment, as last sampled; null: not read yet. */
  #known: ReadonlyMap<string, Sample> | null = null;
  /** The sizes that were sampled last: another value stands for other sizes. */
  #seen: AudienceSizes | null = null;
  #sampledAtMs = -Infinity;
  #thinnedAtMs = -Infinity;

  /** Takes a sample if the sizes changed and the last one is a minute old. Throws when it can't be stored. */
  tend(writer: Writer, nowMs: number): void {
    const audiences = writer.inUse?.hot.audiences ?? null;
    if (audiences === null || audiences === this.#seen || Math.abs(nowMs - this.#sampledAtMs) < minuteMs)
      return;
    const { journal } = writer;
    const known = this.#known ?? lastSamples(journal);
    const sizes = samplesOf(audiences);
    const news = changed(known, sizes);
    if (news.length > 0) {
      writer.act(() => this.#store(news, journal, nowMs));
      this.#sampledAtMs = nowMs;
    }
    this.#known = new Map([...known, ...sizes, ...news]);
    this.#seen = audiences;
  }

  #store(news: readonly (readonly [string, Sample])[], journal: Journal, nowMs: number): void {
    for (const [, { namespace, segment, size }] of news)
      journal.database.query(insert).run(namespace, segment, nowMs, size);
    this.#thin(journal, nowMs);
  }

  #thin({ database }: Journal, nowMs: number): void {
    if (Math.abs(nowMs - this.#thinnedAtMs) < hourMs) return;
    // What was thinned before is thin already.
    const fromMs = this.#thinnedAtMs === -Infinity ? 0 : this.#thinnedAtMs - minutelyMs - hourMs;
    database.query(drop).run(nowMs - keptMs);
    database.query(thin).run(nowMs - minutelyMs, fromMs);
    this.#thinnedAtMs = nowMs;
  }
}

/** The samples that differ; an audience that nobody is in any more has one of size 0. */
function changed(
  known: ReadonlyMap<string, Sample>,
  sizes: ReadonlyMap<string, Sample>,
): readonly (readonly [string, Sample])[] {
  const emptied = [...known]
    .filter(([key]) => !sizes.has(key))
    .map(([key, was]) => [key, { ...was, size: 0 }] as const);
  return [...sizes, ...emptied].filter(([key, { size }]) => size !== (known.get(key)?.size ?? 0));
}

function samplesOf(sizes: AudienceSizes): Map<string, Sample> {
  return new Map(
    sizes.map(([namespace, segment, size]) => [`${namespace} ${segment}`, { namespace, segment, size }]),
  );
}

function lastSamples({ database }: Journal): Map<string, Sample> {
  return new Map(
    database
      .query<Sample, []>(selectLast)
      .all()
      .map((sample) => [`${sample.namespace} ${sample.segment}`, sample]),
  );
}
