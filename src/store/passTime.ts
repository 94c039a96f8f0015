/**
 * Letting time pass: profiles that fell due are looked at as of their due time, in due order, and what turned is told
 * by a row of kind `time`. Inside the writer's transaction. A profile's instant is then its due time and its next one
 * lies behind it, so that nothing falls due twice.
 */
import type { HotProfiles } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import { identifiersText } from "./hot.ts";
import type { Journal } from "./journal.ts";
import type { Due, ProfileStore } from "./lmdb.ts";
import type { Memberships, Passed } from "./memberships.ts";
import { dueAtMs, noMembership } from "../model/membership.ts";
import { rowFlags, rowKind, type Diff } from "./row.ts";

export interface TimeContext {
  readonly journal: Pick<Journal, "append">;
  readonly hot: HotProfiles;
  readonly memberships: Memberships;
  readonly nextSeq: () => number;
  readonly committedAtMs: number;
  /** Told of a profile that can't be looked at: it falls due no more until its next event. */
  readonly onBroken: (error: unknown) => void;
}

/** How often time passes between two groups, so that what comes in is not held up. */
const timesAtOnce = 500;

/** By which a profile may grow when its time passes. */
const grownBytes = 256;

/** Lets time pass for what is due by now, a bounded number of times; returns by how many bytes profiles may have grown. */
export function passTime(store: ProfileStore, context: TimeContext): number {
  const { hot, committedAtMs } = context;
  const waiting = store.scanDue(null, committedAtMs, timesAtOnce);
  // Beyond the last one there may be others that are not at hand.
  const throughMs = waiting.length < timesAtOnce ? committedAtMs : (waiting.at(-1)?.dueMs ?? committedAtMs);
  let passed = 0;
  for (let due = waiting.shift(); due !== undefined && passed < timesAtOnce; due = waiting.shift()) {
    passed += 1;
    const profile = hot.profile(due.pid);
    if (profile?.pid !== due.pid || dueOf(profile) !== due.dueMs) {
      hot.dropDue(due);
      continue;
    }
    passDue(profile, due.dueMs, context);
    const nextMs = dueOf(profile);
    if (nextMs !== null && nextMs <= throughMs) insert(waiting, { dueMs: nextMs, pid: due.pid });
  }
  return passed * grownBytes;
}

/** Lets time pass for one profile that is behind, since an event is about to touch it. */
export function passTimeOf(profile: HotProfile, context: TimeContext): void {
  for (let times = 0; times < maxTimes; times += 1) {
    const dueMs = dueOf(profile);
    if (dueMs === null || dueMs > context.committedAtMs) return;
    passDue(profile, dueMs, context);
  }
}

/** Due times that one profile catches up on before an event; what is left is told with the event. */
const maxTimes = 100;

function dueOf(profile: HotProfile): number | null {
  return dueAtMs(profile.membership ?? noMembership);
}

function passDue(profile: HotProfile, dueMs: number, context: TimeContext): void {
  const { hot, journal, nextSeq, committedAtMs } = context;
  hot.touch(profile);
  const { turn, decays } = passOrDrop(profile, dueMs, context);
  if (turn === null && decays === null) return;
  const diff: Diff = {
    ...(decays === null ? {} : { traits: decays }),
    ...(turn === null ? {} : { segments: turn }),
  };
  const seq = nextSeq();
  profile.version = seq;
  journal.append([
    seq,
    rowKind.time,
    profile.namespace === "test" ? rowFlags.test : 0,
    0,
    null,
    null,
    dueMs,
    null,
    0,
    committedAtMs,
    profile.pid,
    null,
    identifiersText(profile),
    JSON.stringify(diff),
    null,
    null,
    null,
  ]);
}

function passOrDrop(profile: HotProfile, dueMs: number, { memberships, onBroken }: TimeContext): Passed {
  try {
    return memberships.pass(profile, dueMs);
  } catch (error) {
    onBroken(error);
    profile.membership = { ...(profile.membership ?? noMembership), turnsAtMs: null, decaysAtMs: null };
    return { turn: null, decays: null };
  }
}

/** Keeps the list in due order. */
function insert(waiting: Due[], due: Due): void {
  const at = waiting.findIndex(
    (other) => other.dueMs > due.dueMs || (other.dueMs === due.dueMs && other.pid > due.pid),
  );
  if (at < 0) waiting.push(due);
  else waiting.splice(at, 0, due);
}
