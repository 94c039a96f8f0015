/** Folding rows that LMDB has not seen: the tail after a crash, and rows that waited while profiles were rebuilt. */
import { eventError } from "../errors.ts";
import { errorText } from "../lib/describeError.ts";
import type { Event } from "../model/event.ts";
import type { Restore } from "./accept.ts";
import { tellRelisted } from "./acts.ts";
import { withDecisions } from "./guardVerdict.ts";
import type { HotProfiles } from "./hot.ts";
import type { Journal } from "./journal.ts";
import type { Memberships } from "./memberships.ts";
import type { Projected, Projector } from "./projector.ts";
import type { Epochs } from "./segmentEpochs.ts";
import {
  instantOf,
  isFoldable,
  refusedOf,
  rowFlags,
  rowKind,
  storedEvent,
  toldOf,
  type EventRow,
  type ToldMembership,
} from "./row.ts";

/** The rows hold an act (erasure, re-attribution) that only a rebuild repeats rightly. */
export class ReplayNotPossible extends Error {}

/** A row that waited can't be folded. */
class RowNotFoldable extends Error {
  readonly row: EventRow;

  constructor(row: EventRow, cause: unknown) {
    super(errorText(cause));
    this.row = row;
  }
}

export interface CatchUpContext {
  readonly journal: Journal;
  readonly hot: HotProfiles;
  readonly memberships: Memberships;
  readonly epochs: Epochs;
  readonly projector: Projector;
  readonly restore: Restore;
  readonly committedAtMs: number;
  readonly nextSeq: () => number;
  /** Runs `work` in a transaction of the journal and takes back what it folded if it fails. */
  readonly transaction: (work: () => void) => void;
}

/**
 * Folds rows in order, in one transaction. A row that was folded before repeats its recorded decisions; one that
 * waited gets its projection; one that can't be folded goes to the quarantine, and the others are folded anew. Returns
 * why rows were passed, a sentence each. Throws ReplayNotPossible.
 */
export function foldWaiting(rows: readonly EventRow[], context: CatchUpContext): readonly string[] {
  const passed = new Map<number, string>();
  for (;;) {
    try {
      context.transaction(() => {
        for (const row of rows) takeRow(row, passed, context);
      });
      return [...passed.values()];
    } catch (error) {
      if (!(error instanceof RowNotFoldable)) throw error;
      passed.set(error.row.seq, error.message);
    }
  }
}

function takeRow(row: EventRow, passed: ReadonlyMap<number, string>, context: CatchUpContext): void {
  if (isAct(row)) noteAct(row, context.hot, context.memberships, toldOf(row, context.epochs));
  else if (row.kind !== rowKind.event) throw new ReplayNotPossible(`row ${row.seq} is not an event`);
  else if (passed.has(row.seq)) pass(row, context.journal);
  else if (isFoldable(row)) foldRow(row, context);
}

/** Acts that change a profile's version, and nothing that an event did not but for its segments. */
export function isAct({ kind }: EventRow): boolean {
  return kind === rowKind.relisted || kind === rowKind.time || kind === rowKind.definition;
}

/** The profile has a change at the row's place, which told this of its segments. */
export function noteAct(
  row: EventRow,
  hot: HotProfiles,
  memberships: Memberships,
  told: ToldMembership,
): void {
  const profile = row.pid === null ? undefined : hot.profile(row.pid);
  if (profile === undefined) return;
  hot.touch(profile);
  profile.version = Math.max(profile.version, row.seq);
  // Without identifiers it is the act of one who was erased.
  // A change of the rules touched nothing that segments are decided on.
  if (row.identifiers !== null && row.kind !== rowKind.definition)
    memberships.replay(profile, instantOf(row), told);
}

function foldRow(row: EventRow, context: CatchUpContext): void {
  const { journal, projector, restore } = context;
  if (row.pid !== null) {
    const event = restore(storedEvent(row, journal.sourceName(row.source)));
    const recorded = { refused: refusedOf(row), pid: row.pid, told: toldOf(row, context.epochs) };
    projector.project(event, row.seq, row.committed_at_ms, recorded);
    return;
  }
  const event = waitingEvent(row, context);
  const projected = projectWaiting(row, event, context);
  const { pid, prev, identifiers, diff, relisted } = projected;
  const extra = withDecisions(row.extra, event, projected);
  journal.setProjection(row.seq, pid, prev, identifiers, diff, extra, row.flags);
  for (const profile of relisted) tellRelisted(profile, context);
}

function waitingEvent(row: EventRow, { journal, restore }: CatchUpContext): Event {
  try {
    return restore(storedEvent(row, journal.sourceName(row.source)));
  } catch (error) {
    throw new RowNotFoldable(row, error);
  }
}

function projectWaiting(row: EventRow, event: Event, { projector }: CatchUpContext): Projected {
  try {
    return projector.project(event, row.seq, row.committed_at_ms);
  } catch (error) {
    throw new RowNotFoldable(row, error);
  }
}

function pass(row: EventRow, journal: Journal): void {
  const stored = storedEvent(row, journal.sourceName(row.source));
  journal.setProjection(row.seq, null, null, null, null, row.extra, row.flags | rowFlags.foldFailed);
  journal.quarantine(
    { ...stored, call: stored.type },
    eventError("fold_failed"),
    stored.messageId,
    stored.raw,
  );
}
