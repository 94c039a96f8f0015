/** What a send would be, counted answer by answer in bounded memory. Pure. */
import { ageBoundsMs, type PreflightReport, type Sample, type WorstRow } from "./preflightReport.ts";
import type { RenderedBlock } from "./renderBlock.ts";

/** Rows and samples that a report holds. */
const maxWorst = 20;
const samplesALevel = 2;

export class PreflightTally {
  readonly #block: { readonly name: string; readonly version: string };
  readonly #needs: Map<string, { levels: Map<string, number>; ages: number[] }>;
  readonly #levels = new Map<string, number>();
  readonly #reasons = new Map<string, number>();
  readonly #samples = new Map<string, Sample[]>();
  #worst: WorstRow[] = [];
  #recipients = 0;
  #whole = 0;
  readonly #micros = { sum: 0, max: 0 };
  readonly #bytes = { sum: 0, max: 0 };

  constructor(block: { readonly name: string; readonly version: string }, needs: readonly string[]) {
    this.#block = block;
    this.#needs = new Map(
      needs.map((name) => [
        name,
        { levels: new Map(), ages: Array.from({ length: ageBoundsMs.length + 1 }, () => 0) },
      ]),
    );
  }

  /** Counts one recipient's answer. */
  add(who: string, rendered: RenderedBlock, renderMicros: number): void {
    const { servedFrom, reason, html, text, freshness, isFallback } = rendered;
    this.#recipients += 1;
    if (!isFallback) this.#whole += 1;
    const level = isFallback ? "fallback" : (servedFrom ?? "nothing");
    count(this.#levels, level);
    count(this.#reasons, reason ?? "none");
    let oldestMs: number | null = null;
    for (const [name, need] of this.#needs) {
      const given = freshness[name];
      count(need.levels, given?.servedFrom ?? "missing");
      const ageMs = given?.ageMs ?? null;
      if (ageMs === null) continue;
      const bucket = ageBoundsMs.findIndex((bound) => ageMs <= bound);
      const at = bucket < 0 ? ageBoundsMs.length : bucket;
      need.ages[at] = (need.ages[at] ?? 0) + 1;
      oldestMs = Math.max(oldestMs ?? 0, ageMs);
    }
    this.#note({ who, servedFrom, reason, isFallback, oldestMs });
    const samples = this.#samples.get(level) ?? [];
    if (samples.length < samplesALevel)
      this.#samples.set(level, [...samples, { who, servedFrom, reason, isFallback, html }]);
    this.#micros.sum += renderMicros;
    this.#micros.max = Math.max(this.#micros.max, renderMicros);
    const bytes = Buffer.byteLength(html) + Buffer.byteLength(text);
    this.#bytes.sum += bytes;
    this.#bytes.max = Math.max(this.#bytes.max, bytes);
  }

  report(): PreflightReport {
    const recipients = this.#recipients;
    const mean = (sum: number) => (recipients === 0 ? 0 : sum / recipients);
    const meanMicros = mean(this.#micros.sum);
    return {
      block: this.#block.name,
      version: this.#block.version,
      recipients,
      coverage: recipients === 0 ? 1 : this.#whole / recipients,
      levels: Object.fromEntries(this.#levels),
      reasons: Object.fromEntries(this.#reasons),
      needs: Object.fromEntries(
        [...this.#needs].map(([name, { levels, ages }]) => [
          name,
          { levels: Object.fromEntries(levels), ages },
        ]),
      ),
      worst: this.#worst,
      samples: [...this.#samples.values()].flat(),
      load: {
        renderMicros: { mean: Math.round(meanMicros), max: Math.round(this.#micros.max) },
        answersPerSecond: meanMicros === 0 ? 0 : Math.round(1_000_000 / meanMicros),
        bytes: { mean: Math.round(mean(this.#bytes.sum)), max: this.#bytes.max, total: this.#bytes.sum },
      },
    };
  }

  /** Keeps the worst rows: fallbacks first, then the oldest values. */
  #note(row: WorstRow): void {
    if (row.reason === null && row.oldestMs === null) return;
    const last = this.#worst.at(-1);
    if (this.#worst.length >= maxWorst && last !== undefined && badness(row) <= badness(last)) return;
    this.#worst = [...this.#worst, row]
      .sort((left, right) => badness(right) - badness(left))
      .slice(0, maxWorst);
  }
}

function badness({ isFallback, oldestMs }: WorstRow): number {
  return isFallback ? Number.MAX_SAFE_INTEGER : (oldestMs ?? 0);
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
