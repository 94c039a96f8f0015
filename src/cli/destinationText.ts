/** Destinations, deliveries and dead letters in words. */
import type { OperationResults } from "../admin/operation.ts";
import { formatDuration } from "../lib/duration.ts";

type Destination = OperationResults["destinations.list"][number];
type Explained = OperationResults["destinations.explain"][number];
type Letter = OperationResults["destinations.deadLetters"][number];

export function destinationLines(one: Destination): readonly string[] {
  const { name, type, namespace, state, lag, queue, jobs, deadLetters, backfill, lastError, drift } = one;
  const waiting = queue.transactional + queue.behavioural + queue.batch;
  const lines = [`${name} (${type}${namespace === "test" ? ", test data" : ""}): ${state}`];
  if (one.stopped !== null) lines.push(`  why: ${one.stopped}`);
  if (state === "removed")
    lines.push(
      `  freshet.yaml names it no more; what waits goes on when it comes back (destinations forget ${name})`,
    );
  lines.push(
    `  behind: ${lag.changes} changes${lag.ms === 0 ? "" : `, oldest ${age(lag.ms)}`}`,
    `  waiting: ${waiting} (transactional ${queue.transactional}, behavioural ${queue.behavioural}, batch ${queue.batch})${jobs === 0 ? "" : `, ${jobs} of them for a job there`}`,
  );
  if (backfill !== null && backfill.doneAtMs === null) {
    const eta = backfill.etaMs === null ? "" : `, about ${age(backfill.etaMs)} to go`;
    lines.push(`  filling: ${(backfill.share * 100).toFixed(1)} %, ${backfill.rows} profiles${eta}`);
  }
  if (deadLetters > 0)
    lines.push(`  dead letters: ${deadLetters} (freshet destinations dead-letters ${name})`);
  if (drift !== null)
    lines.push(`  compared ${iso(drift.atMs)}: ${drift.drifted} of ${drift.sampled} profiles differ there`);
  if (lastError !== null)
    lines.push(`  last error: ${iso(lastError.atMs)} ${lastError.operation}: ${lastError.reason}`);
  return lines;
}

export function explanationLines(one: Explained): readonly string[] {
  const { destination, type, known, reason, unsent, refused, queued, deadLetters, attempts } = one;
  const lines = [`${destination} (${type})`];
  if (known === null) lines.push("  sent: nothing yet");
  else {
    const names = Object.entries(known.acknowledged).map(([text, print]) => {
      const name = text.replace(/^f:/, "").replace(/^a:/, "audience ").replace(/^s:/, "suppression of ");
      return print === "?" ? `${name} (sent, not confirmed)` : name;
    });
    const at = known.ackedAtMs === null ? "not acknowledged yet" : `acknowledged ${iso(known.ackedAtMs)}`;
    lines.push(`  called there: ${JSON.stringify(known.key)}`, `  ${at}: ${names.join(", ") || "no fields"}`);
  }
  if (reason !== null) lines.push(`  sends nothing of it: ${reason}`);
  if (unsent.length > 0) lines.push(`  not sent yet: ${unsent.join(", ")}`);
  for (const { field, why } of refused) lines.push(`  left out: ${field}: ${why}`);
  for (const row of queued)
    lines.push(
      `  waiting: ${row.kind}, ${row.lane} lane, due ${iso(row.dueMs)}${row.attempts === 0 ? "" : `, tried ${row.attempts} times`}`,
    );
  for (const letter of deadLetters)
    lines.push(`  dead letter ${letter.id}: ${letter.operation}: ${letter.reason}`);
  for (const attempt of attempts.slice(0, 10))
    lines.push(
      `  ${iso(attempt.atMs)} ${attempt.operation}: ${attempt.outcome}${attempt.reason === null ? "" : `: ${attempt.reason}`}`,
    );
  return lines;
}

const why: Readonly<Record<Letter["why"], string>> = {
  dropped: "it was refused",
  tooOld: "it failed for longer than 72 hours",
  uncertain: "nobody knows whether it went out",
};

export function deadLetterLines(letter: Letter): readonly string[] {
  const lines = [
    `${letter.id}  ${iso(letter.atMs)}  ${letter.operation} of ${letter.profile}: ${why[letter.why]}: ${letter.reason}`,
  ];
  if (letter.request !== null) lines.push(...indented(letter.request));
  if (letter.response !== null) lines.push("    answer:", ...indented(letter.response));
  return lines;
}

function indented(text: string): string[] {
  return text.split("\n").map((line) => `    ${line}`);
}

function iso(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

/** In whole units of which there are two at least. */
function age(durationMs: number): string {
  const unitMs = [86_400_000, 3_600_000, 60_000].find((one) => durationMs >= one * 2) ?? 1_000;
  return formatDuration(Math.max(1, Math.round(durationMs / unitMs)) * unitMs);
}
