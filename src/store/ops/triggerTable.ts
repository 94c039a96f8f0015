/**
 * What triggers did, person by person, as rows of ops.db. What sets one off is read from the change log; the cursor, the
 * log and the queue of the destination move in one transaction, so that each time it is set off counts once.
 */
import type { Lane } from "../../model/delivery/delivery.ts";
import type { TriggerCap } from "../../model/trigger.ts";
import type { Database, SqlValue } from "../sqlite.ts";
import { toQueue } from "./deadLetterTable.ts";
import { TriggerClaims, type Claim } from "./triggerClaims.ts";

/** How it stands with one time that a trigger was set off. `uncertain`: a person may have got it. */
export type TriggerOutcome = "queued" | "sent" | "uncertain" | "skipped" | "dead" | "held_out";

/** A time that a trigger was set off. Times in milliseconds. */
export interface TriggerEntry {
  readonly item: string;
  readonly trigger: string;
  readonly profile: string;
  readonly topic: string | null;
  readonly seq: number;
  readonly atMs: number;
  readonly outcome: TriggerOutcome;
  readonly reason: string | null;
  readonly settledMs: number | null;
  readonly receipt: string | null;
  readonly goalMs: number | null;
}

/** What the change log says, in its order. */
export type TriggerAct =
  | {
      readonly kind: "setOff";
      readonly trigger: string;
      readonly profile: string;
      readonly topic: string | null;
      readonly seq: number;
      readonly atMs: number;
      /** The destination's number. */
      readonly destination: number;
      readonly lane: "transactional" | "behavioural";
      /** At most one in so long; null: each time. */
      readonly oncePerMs: number | null;
    }
  | {
      readonly kind: "goal";
      readonly trigger: string;
      readonly profile: string;
      readonly atMs: number;
      readonly withinMs: number;
    }
  | { readonly kind: "merge"; readonly into: string; readonly from: readonly string[] }
  | { readonly kind: "erase"; readonly profiles: readonly string[] };

/** `wait`: something else is on its way to that person. */
export type ClaimAnswer = "free" | "wait" | "capped" | "once_per";

/** Numbers of one trigger. */
export interface TriggerCounts {
  readonly trigger: string;
  readonly outcomes: Readonly<Partial<Record<TriggerOutcome, number>>>;
  readonly reasons: readonly { readonly reason: string; readonly count: number }[];
  /** Of who was sent it, and of who was held out: how many, and how many reached the goal. */
  readonly lift: Readonly<Record<"sent" | "held_out", { readonly people: number; readonly reached: number }>>;
}

const columns =
  "item, trigger_name, profile, topic, seq, at_ms, outcome, reason, settled_ms, receipt, goal_ms";
const selectCursor = "SELECT epoch, seq FROM trigger_cursor WHERE id = 1";
const putCursor = "INSERT OR REPLACE INTO trigger_cursor (id, epoch, seq) VALUES (1, ?, ?)";
const selectKnown = "SELECT name, since_seq FROM trigger_known";
const insertKnown = "INSERT OR IGNORE INTO trigger_known (name, since_seq, since_ms) VALUES (?, ?, ?)";
const deleteKnown = "DELETE FROM trigger_known WHERE name = ?";
const insertEntry = `INSERT OR IGNORE INTO trigger_log (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL)`;
const selectRecent = `
SELECT 1 FROM trigger_log WHERE profile = ? AND trigger_name = ? AND at_ms > ? AND outcome IN ('queued', 'sent', 'uncertain', 'held_out') LIMIT 1`;
/** What may have gone out once is never said not to have: what is decided of a later try changes nothing about that. */
const settle = `
UPDATE trigger_log SET outcome = ?1, reason = ?2, settled_ms = ?3
WHERE item = ?4 AND (outcome <> 'uncertain' OR ?1 IN ('sent', 'uncertain'))`;
/** The newest time after it that was not sent because this one was to be. */
const selectPassedOver = `
SELECT n.item, n.profile, n.seq, n.at_ms FROM trigger_log o JOIN trigger_log n ON n.profile = o.profile AND n.trigger_name = o.trigger_name
WHERE o.item = ? AND o.outcome = 'skipped' AND n.seq > o.seq AND n.outcome = 'skipped' AND n.reason = 'once_per'
ORDER BY n.seq DESC LIMIT 1`;
const requeue = "UPDATE trigger_log SET outcome = 'queued', reason = NULL, settled_ms = NULL WHERE item = ?";
const keepReceipt = "UPDATE trigger_log SET receipt = ? WHERE item = ?";
/** Of a person who was two, both may have been set off. */
const selectTwin = `
SELECT 1 FROM trigger_log WHERE profile = ?1 AND trigger_name = ?2 AND item <> ?3 AND outcome IN ('sent', 'uncertain') AND at_ms > ?4 - ?5 AND at_ms < ?4 + ?5 LIMIT 1`;
const moveEntry = "UPDATE trigger_log SET profile = ?1 WHERE item = ?2 AND profile <> ?1";
const selectByItem = `SELECT ${columns} FROM trigger_log WHERE item = ?`;
const selectOfProfile = `SELECT ${columns} FROM trigger_log WHERE profile = ? ORDER BY at_ms DESC LIMIT ?`;
const selectOfTrigger = `SELECT ${columns} FROM trigger_log WHERE trigger_name = ? ORDER BY at_ms DESC LIMIT ?`;
const countSent = `
SELECT count(*) AS sent FROM trigger_log WHERE profile = ? AND outcome IN ('sent', 'uncertain') AND settled_ms > ? AND (?3 IS NULL OR topic = ?3) AND item <> ?4`;
const selectOutcomes =
  "SELECT trigger_name, outcome, count(*) AS count FROM trigger_log WHERE at_ms >= ? GROUP BY trigger_name, outcome";
const selectReasons = `
SELECT trigger_name, reason, count(*) AS count FROM trigger_log WHERE at_ms >= ? AND outcome = 'skipped' AND reason IS NOT NULL
GROUP BY trigger_name, reason ORDER BY count DESC LIMIT 1000`;
/** Who is held out is whoever would have been sent it, taken or not: so are those whom they are compared with. */
const selectLift = `
SELECT trigger_name, CASE outcome WHEN 'held_out' THEN 'held_out' ELSE 'sent' END AS part, count(DISTINCT profile) AS people, count(DISTINCT CASE WHEN goal_ms IS NOT NULL THEN profile END) AS reached
FROM trigger_log WHERE at_ms >= ? AND outcome IN ('sent', 'uncertain', 'dead', 'held_out') GROUP BY trigger_name, part`;
const reachGoal = `
UPDATE trigger_log SET goal_ms = ?1 WHERE profile = ?2 AND trigger_name = ?3 AND goal_ms IS NULL
AND outcome IN ('queued', 'sent', 'uncertain', 'dead', 'held_out') AND at_ms <= ?1 AND at_ms >= ?1 - ?4`;
const moveProfile = "UPDATE trigger_log SET profile = ? WHERE profile = ?";
const deleteProfile = "DELETE FROM trigger_log WHERE profile = ?";
const trimOld =
  "DELETE FROM trigger_log WHERE item IN (SELECT item FROM trigger_log WHERE at_ms < ? AND outcome <> 'queued' LIMIT 2000)";

/** How long what was done is told. */
const keptMs = 180 * 86_400_000;

interface Row {
  readonly item: string;
  readonly trigger_name: string;
  readonly profile: string;
  readonly topic: string | null;
  readonly seq: number;
  readonly at_ms: number;
  readonly outcome: TriggerOutcome;
  readonly reason: string | null;
  readonly settled_ms: number | null;
  readonly receipt: string | null;
  readonly goal_ms: number | null;
}

export class TriggerTable {
  readonly #database: Database;
  readonly #claims = new TriggerClaims();

  constructor(database: Database) {
    this.#database = database;
  }

  /** Where it has come to in the change log; null: there was never a trigger. */
  cursor(): { readonly epoch: number; readonly seq: number } | null {
    return this.#database.query<{ epoch: number; seq: number }, []>(selectCursor).get();
  }

  /**
   * Takes triggers into use: one that is new begins at the head. Gives, by name, the seq after which each may be set
   * off. A trigger that is gone is forgotten, and begins anew when it comes back.
   */
  use(
    names: readonly string[],
    epoch: number,
    head: number,
    nowMs: number,
  ): Readonly<Record<string, number>> {
    return this.#database.transaction(() => {
      const stored = this.cursor();
      const isOther = stored !== null && stored.epoch !== epoch;
      if (stored === null || isOther) this.#database.query(putCursor).run(epoch, head);
      const known = this.#database.query<{ name: string; since_seq: number }, []>(selectKnown).all();
      for (const { name } of known)
        if (isOther || !names.includes(name)) this.#database.query(deleteKnown).run(name);
      for (const name of names) this.#database.query(insertKnown).run(name, head, nowMs);
      const now = this.#database.query<{ name: string; since_seq: number }, []>(selectKnown).all();
      return Object.fromEntries(now.map(({ name, since_seq }) => [name, since_seq]));
    })();
  }

  /** Takes what the change log says up to a seq. Gives how many messages were queued. */
  take(epoch: number, seq: number, acts: readonly TriggerAct[], nowMs: number): number {
    return this.#database.transaction(() => {
      let queued = 0;
      for (const act of acts) {
        if (act.kind === "setOff") queued += this.#setOff(act, nowMs) ? 1 : 0;
        else if (act.kind === "goal")
          this.#database.query(reachGoal).run(act.atMs, act.profile, act.trigger, act.withinMs);
        else if (act.kind === "merge")
          for (const from of act.from) this.#database.query(moveProfile).run(act.into, from);
        else for (const profile of act.profiles) this.#database.query(deleteProfile).run(profile);
      }
      this.#database.query(putCursor).run(epoch, seq);
      this.#database.query(trimOld).run(nowMs - keptMs);
      return queued;
    })();
  }

  /** Says what became of one that went its way through the queue, which has written it down (settleSend). */
  told(item: string, receipt: string | null): void {
    this.#claims.drop(item);
    if (receipt !== null) this.#database.query(keepReceipt).run(receipt, item);
  }

  /**
   * Asks whether one may be sent now, as far as it is about what else that person is sent; until it is settled, others
   * wait for it.
   */
  claim(
    claim: Claim & { readonly atMs: number },
    { caps, oncePerMs }: { readonly caps: readonly TriggerCap[]; readonly oncePerMs: number | null },
    nowMs: number,
  ): ClaimAnswer {
    const { item, profile, trigger, topic, atMs } = claim;
    return this.#database.transaction((): ClaimAnswer => {
      this.#database.query(moveEntry).run(profile, item);
      const others = this.#claims.others(claim, nowMs);
      if (oncePerMs !== null) {
        const twin = this.#database.query(selectTwin).get(profile, trigger, item, atMs, oncePerMs);
        if (twin !== null) return "once_per";
        if (others.some((other) => other.trigger === trigger)) return "wait";
      }
      for (const { most, withinMs, topic: capped } of caps) {
        if (capped !== null && capped !== topic) continue;
        const sent = this.#sentSince(profile, nowMs - withinMs, capped, item);
        if (sent >= most) return "capped";
        // What may have gone out already is counted above.
        const out = others.filter(
          (other) =>
            (capped === null || other.topic === capped) && this.byItem(other.item)?.outcome === "queued",
        ).length;
        if (sent + out >= most) return "wait";
      }
      this.#claims.take({ item, profile, trigger, topic }, nowMs);
      return "free";
    })();
  }

  byItem(item: string): TriggerEntry | null {
    const row = this.#database.query<Row, [string]>(selectByItem).get(item);
    return row === null ? null : entryOf(row);
  }

  /** Of a person, or of a trigger, the newest first. */
  log(of: { readonly profile: string } | { readonly trigger: string }, limit: number): TriggerEntry[] {
    const rows =
      "profile" in of
        ? this.#database.query<Row, [string, number]>(selectOfProfile).all(of.profile, limit)
        : this.#database.query<Row, [string, number]>(selectOfTrigger).all(of.trigger, limit);
    return rows.map(entryOf);
  }

  /** Numbers of every trigger that was set off since then. */
  counts(sinceMs: number): TriggerCounts[] {
    const outcomes = this.#database
      .query<{ trigger_name: string; outcome: TriggerOutcome; count: number }, [number]>(selectOutcomes)
      .all(sinceMs);
    const reasons = this.#database
      .query<{ trigger_name: string; reason: string; count: number }, [number]>(selectReasons)
      .all(sinceMs);
    const lifts = this.#database
      .query<{ trigger_name: string; part: "sent" | "held_out"; people: number; reached: number }, [number]>(
        selectLift,
      )
      .all(sinceMs);
    const nobody = { people: 0, reached: 0 };
    return [...new Set(outcomes.map(({ trigger_name }) => trigger_name))].sort().map((trigger) => ({
      trigger,
      outcomes: Object.fromEntries(
        outcomes.filter((row) => row.trigger_name === trigger).map(({ outcome, count }) => [outcome, count]),
      ),
      reasons: reasons
        .filter((row) => row.trigger_name === trigger)
        .map(({ reason, count }) => ({ reason, count })),
      lift: {
        sent: liftOf(lifts, trigger, "sent") ?? nobody,
        held_out: liftOf(lifts, trigger, "held_out") ?? nobody,
      },
    }));
  }

  /** Takes a person's rows away at once; the change log says so again, which does no harm. */
  eraseProfile(profile: string): void {
    this.#database.query(deleteProfile).run(profile);
  }

  /** How many other messages a person was sent since then, about a topic or (null) about anything. */
  #sentSince(profile: string, sinceMs: number, topic: string | null, item: string): number {
    const row = this.#database
      .query<{ sent: number }, SqlValue[]>(countSent)
      .get(profile, sinceMs, topic, item);
    return row?.sent ?? 0;
  }

  #setOff(act: Extract<TriggerAct, { kind: "setOff" }>, nowMs: number): boolean {
    const { trigger, profile, topic, seq, atMs, oncePerMs } = act;
    const item = `${trigger}/${profile}/${seq}`;
    const insert = (outcome: TriggerOutcome, reason: string | null) =>
      this.#database
        .query(insertEntry)
        .run(item, trigger, profile, topic, seq, atMs, outcome, reason, outcome === "queued" ? null : nowMs);
    const isRecent =
      oncePerMs !== null &&
      this.#database.query(selectRecent).get(profile, trigger, atMs - oncePerMs) !== null;
    if (isRecent) {
      insert("skipped", "once_per");
      return false;
    }
    if (insert("queued", null).changes === 0) return false;
    const row = { profile, kind: "send", item, lane: act.lane, seq, atMs, payload: null } as const;
    toQueue(this.#database, act.destination, row, nowMs);
    return true;
  }
}

/** Why nothing is sent to those who are held out. */
export const heldOut = "held_out";

/** Writes down what became of a message, in the transaction that takes it out of the queue: a crash parts neither. */
export function settleSend(
  database: Database,
  item: string,
  outcome: Exclude<TriggerOutcome, "queued">,
  reason: string | null,
  nowMs: number,
): void {
  database.query(settle).run(outcome, reason, nowMs, item);
}

/**
 * Takes up what was passed over for a message that was not sent after all: who left a segment and came back while the
 * first was being looked at would get nothing. In the same transaction; it is asked everything again.
 */
export function takeUpPassedOver(
  database: Database,
  item: string,
  { destination, lane }: { readonly destination: number; readonly lane: Lane },
  nowMs: number,
): void {
  const next = database
    .query<Pick<Row, "item" | "profile" | "seq" | "at_ms">, [string]>(selectPassedOver)
    .get(item);
  if (next === null) return;
  database.query(requeue).run(next.item);
  const { profile, seq, at_ms: atMs } = next;
  toQueue(
    database,
    destination,
    { profile, kind: "send", item: next.item, lane, seq, atMs, payload: null },
    nowMs,
  );
}

function liftOf(
  rows: readonly { trigger_name: string; part: string; people: number; reached: number }[],
  trigger: string,
  part: string,
): { readonly people: number; readonly reached: number } | null {
  const found = rows.find((row) => row.trigger_name === trigger && row.part === part);
  return found === undefined ? null : { people: found.people, reached: found.reached };
}

function entryOf({ trigger_name, at_ms, settled_ms, goal_ms, ...row }: Row): TriggerEntry {
  return { ...row, trigger: trigger_name, atMs: at_ms, settledMs: settled_ms, goalMs: goal_ms };
}
