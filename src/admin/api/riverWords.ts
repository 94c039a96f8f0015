/** What is slow or wrong with the river, in sentences. Pure: from the newest points and the store's own state. */
import { errorCatalogue } from "../../errors.ts";
import { pointColumns, type Point, type SourceAnswer, type Word } from "./adminWire.ts";

export interface RiverState {
  readonly mode: "live" | "rebuilding" | "closed";
  readonly progress: number | null;
  readonly head: number;
  readonly visible: number;
  readonly diskFreeShare: number | null;
  readonly nowMs: number;
  readonly sources: readonly SourceAnswer[];
  /** Points of seconds, oldest first. */
  readonly seconds: readonly Point[];
}

/** Seconds that are looked at. */
const span = 60;
/** Seconds the rate is of: few, so that it agrees with the chart soon after the flow changes. */
const rateSpan = 10;
const slowCommitMs = 250;
const slowVisibleMs = 1_000;
const slowFedMs = 2_000;
const refusedShare = 0.05;
const lowDiskShare = 0.1;
const recentMs = 15 * 60_000;

/** One sentence for each thing that is not as it should be; if there is none, one that all is well. */
export function riverWords(state: RiverState): readonly Word[] {
  const words = [...stateWords(state), ...speedWords(state.seconds.slice(-span)), ...refusedWords(state)];
  return words.length > 0 ? words : [restWord(state)];
}

function* stateWords({ mode, progress, diskFreeShare }: RiverState): Generator<Word> {
  if (mode === "rebuilding")
    yield wrong(
      `Profiles are being rebuilt from the journal: ${Math.floor((progress ?? 0) * 100)} % done.`,
      "Events are still taken; profiles can be read again when it is done.",
    );
  if (diskFreeShare !== null && diskFreeShare < lowDiskShare)
    yield wrong(
      `The disk is ${Math.round((1 - diskFreeShare) * 100)} % full.`,
      "Free space or move the data folder: on a full disk no event can be taken.",
    );
}

function* speedWords(points: readonly Point[]): Generator<Word> {
  const committed = worst(points, "committedP95");
  const visible = worst(points, "visibleP95");
  const fed = worst(points, "fedP95");
  if (committed > slowCommitMs)
    yield slow(
      `In the last minute it took up to ${inWords(committed)} until events were on disk.`,
      "The disk is slow, or busy with something else; a faster disk helps most.",
    );
  if (visible > slowVisibleMs && visible > committed * 2)
    yield slow(
      `In the last minute it took up to ${inWords(visible)} until events could be read.`,
      "Profiles are written more slowly than the journal: look at the processor's load.",
    );
  if (fed > slowFedMs)
    yield slow(
      `In the last minute changes reached a feed reader only after up to ${inWords(fed)}.`,
      "A reader is slow or far behind. It delays only itself.",
    );
}

function* refusedWords({ seconds, sources, nowMs }: RiverState): Generator<Word> {
  const points = seconds.slice(-span);
  const refused = sum(points, "refused");
  const taken = sum(points, "events");
  if (refused === 0 || refused < (refused + taken) * refusedShare) return;
  const latest = sources
    .filter(({ lastRefusedAt }) => lastRefusedAt !== null && nowMs - Date.parse(lastRefusedAt) < recentMs)
    .sort((left, right) => (left.lastRefusedAt ?? "").localeCompare(right.lastRefusedAt ?? ""))
    .at(-1);
  const share = Math.round((refused / (refused + taken)) * 100);
  const why = latest?.lastRefusedCode ?? null;
  const message =
    why !== null && why in errorCatalogue ? errorCatalogue[why as keyof typeof errorCatalogue] : null;
  yield wrong(
    `${share} % of the events of the last minute were refused${latest === undefined ? "" : `, the latest from ${latest.source}`}.`,
    message === null ? "Open the quarantine to see why." : `${message.message} ${message.hint}`,
  );
}

function restWord({ head, seconds, sources, nowMs }: RiverState): Word {
  if (head === 0)
    return {
      level: "good",
      sentence: "No event has come yet.",
      hint: "Send the first one: the Keys section shows how.",
    };
  const rate = sum(seconds.slice(-rateSpan), "events") / Math.max(1, Math.min(rateSpan, seconds.length));
  if (rate > 0)
    return { level: "good", sentence: `All is well. About ${rounded(rate)} events a second.`, hint: null };
  const last = sources[0]?.lastSeenAt ?? null;
  const ago =
    last === null ? "" : ` The last event came ${inWords(Math.max(0, nowMs - Date.parse(last)))} ago.`;
  return { level: "good", sentence: `All is well, and quiet.${ago}`, hint: null };
}

function valueOf(point: Point, column: (typeof pointColumns)[number]): number {
  return point[pointColumns.indexOf(column)] ?? 0;
}

function worst(points: readonly Point[], column: (typeof pointColumns)[number]): number {
  return points.reduce((most, point) => Math.max(most, valueOf(point, column)), 0);
}

function sum(points: readonly Point[], column: (typeof pointColumns)[number]): number {
  return points.reduce((total, point) => total + valueOf(point, column), 0);
}

function slow(sentence: string, hint: string): Word {
  return { level: "slow", sentence, hint };
}

function wrong(sentence: string, hint: string): Word {
  return { level: "wrong", sentence, hint };
}

function rounded(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** A duration as one says it. */
function inWords(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 120_000) return `${rounded(durationMs / 1_000)} s`;
  if (durationMs < 7_200_000) return `${Math.round(durationMs / 60_000)} min`;
  return `${Math.round(durationMs / 3_600_000)} h`;
}
