/** Taking one group of requests in: dedup, fold, append; inside the writer's transaction. */
import { errorText } from "../lib/describeError.ts";
import { eventError, type EventError } from "../errors.ts";
import { consentRefusal } from "../model/consentRefusal.ts";
import type { ConsentRules } from "../model/consentRule.ts";
import type { Event } from "../model/event.ts";
import type { Ignored } from "../model/guard.ts";
import { findingText, type Finding } from "../model/plan.ts";
import type { TrackingPlan } from "../model/planCheck.ts";
import { apart, decideTraits, withDecision, type Decision, type TraitRules } from "../model/traitRules.ts";
import { tellRelisted } from "./acts.ts";
import type { Answer, Frame, Judged, Rejected, Verdict } from "./accept.ts";
import type { Folded } from "./folded.ts";
import { withDecisions } from "./guardVerdict.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import { ownerOf, type MessageIds } from "./messageIds.ts";
import { passTimeOf, type TimeContext } from "./passTime.ts";
import { PlanTally } from "./planTally.ts";
import type { Projected } from "./projector.ts";
import { checksumOf, flagsOf, rowFlags, rowKind } from "./row.ts";

type JudgedEvent = Extract<Judged, { kind: "event" }>;

/** What a group is taken into. */
export interface GroupContext {
  readonly journal: Journal;
  readonly messageIds: MessageIds;
  /** Null while profiles are rebuilt: rows then wait unfolded. */
  readonly folded: Folded | null;
  /** Holds events against the tracking plan; null: there is none. */
  readonly plan: Pick<TrackingPlan, "check"> | null;
  /** What events may say about consent. */
  readonly consent: ConsentRules;
  /** What clients may set. */
  readonly traitRules: TraitRules;
  /** Events whose fold threw in an earlier try of this group. */
  readonly skip: ReadonlySet<Judged>;
  readonly nextSeq: () => number;
  readonly committedAtMs: number;
  /** A link, an alias or a claim would have given the profile too many identifiers. */
  readonly onOverLimit: (pid: number, overLimit: Ignored) => void;
  /** For profiles that are behind when an event touches them. */
  readonly time: TimeContext | null;
}

/** What became of a group's events. */
export interface Tally {
  /** Identifiers that name nobody and were passed over. */
  ignoredIds: number;
  /** Links, aliases and claims beyond a limit. */
  overLimit: number;
  accepted: number;
  repeated: number;
  quarantined: number;
  /** Refused and not kept, by the tracking plan. */
  blocked: number;
}

/** The fold threw at this event: the group is rolled back and taken again without folding it. */
export class FoldFailed extends Error {
  readonly judged: Judged;

  constructor(judged: Judged, cause: unknown) {
    super(errorText(cause));
    this.judged = judged;
  }
}

export class Group {
  readonly #group: GroupContext;
  readonly tally: Tally = {
    ignoredIds: 0,
    overLimit: 0,
    accepted: 0,
    repeated: 0,
    quarantined: 0,
    blocked: 0,
  };
  readonly #violations = new PlanTally();

  constructor(context: GroupContext) {
    this.#group = context;
  }

  /** Takes one frame; null: accepted with nothing to say. */
  take(frame: Frame, verdict: Verdict): Answer | null {
    if (verdict.kind === "refused") {
      const quarantineId = this.#quarantine(frame, verdict.error, null, frame.body);
      return {
        kind: "rejected",
        status: verdict.status,
        error: verdict.error,
        rejected: [{ index: 0, messageId: null, quarantineId, error: verdict.error }],
      };
    }
    const rejected: Rejected[] = [];
    const repeatedBefore = this.tally.repeated;
    const { journal } = this.#group;
    if (verdict.lastEventId !== undefined) journal.setLastEventId(frame.source, verdict.lastEventId);
    for (let index = 0; index < verdict.events.length; index += 1) {
      const judged = verdict.events[index];
      if (judged === undefined) continue;
      if (judged.kind === "event") {
        const refused = this.#takeEvent(frame, judged, index);
        if (refused !== null) rejected.push(refused);
      } else
        rejected.push({
          index,
          messageId: judged.messageId,
          quarantineId: this.#quarantine(frame, judged.error, judged.messageId, judged.raw),
          error: judged.error,
        });
    }
    const first = rejected[0];
    const known = frame.lane === "import" ? this.tally.repeated - repeatedBefore : 0;
    if (first === undefined) return known === 0 ? null : { kind: "accepted", rejected, known };
    if (rejected.length < verdict.events.length) return { kind: "accepted", rejected, known };
    return { kind: "rejected", status: 400, error: first.error, rejected };
  }

  /** Writes down what the group's events broke; the last step of its transaction. */
  finish(): void {
    this.#violations.write(this.#group.journal.database, this.#group.committedAtMs);
  }

  /** Takes one event; what the tracking plan keeps out is returned. */
  #takeEvent(frame: Frame, judged: JudgedEvent, index: number): Rejected | null {
    const { journal, messageIds, folded, skip, nextSeq, committedAtMs, traitRules } = this.#group;
    let { event } = judged;
    const source = journal.sourceNumber(event.source);
    const owner = ownerOf(source, event.namespace);
    if (!judged.minted && messageIds.find(owner, event.messageId) !== null) {
      this.tally.repeated += 1;
      return null;
    }
    const finding = this.#group.plan?.check(event) ?? null;
    if (finding !== null && finding.mode !== "allow") return this.#keepOut(frame, judged, finding, index);
    if (folded !== null) this.#catchUpTime(folded, event);
    const seq = nextSeq();
    if (finding !== null) this.#violations.note(finding, source, `s${seq}`);
    messageIds.add(owner, event.messageId, seq);
    this.tally.accepted += 1;
    const decision = decideTraits(event, traitRules);
    if (decision !== null) event = this.#takeApart(frame, decision);
    this.#keepOutConsent(frame, event);
    let flags = flagsOf(event, frame.lane === "import");
    let pid: number | null = null;
    let prev: number | string | null = null;
    let identifiers: string | null = null;
    let diff: string | null = null;
    let extra = decision === null ? judged.extra : withDecision(judged.extra, decision.stored);
    let relisted: readonly HotProfile[] = [];
    if (skip.has(judged)) {
      flags |= rowFlags.foldFailed;
      this.#quarantine(frame, eventError("fold_failed"), event.messageId, judged.raw);
    } else if (folded !== null) {
      const projected = project(folded, judged, event, seq, committedAtMs);
      ({ pid, prev, identifiers, diff, relisted } = projected);
      extra = withDecisions(extra, event, projected);
      this.#noteGuards(event, projected);
    }
    journal.append([
      seq,
      rowKind.event,
      flags,
      source,
      event.name,
      event.messageId,
      event.timestampMs,
      event.receivedAtMs,
      event.index,
      committedAtMs,
      pid,
      prev,
      identifiers,
      diff,
      extra,
      judged.raw,
      checksumOf(seq, judged.raw),
    ]);
    if (folded === null) return null;
    const { hot, memberships } = folded;
    for (const profile of relisted)
      tellRelisted(profile, { journal, hot, memberships, nextSeq, committedAtMs });
    return null;
  }

  #noteGuards(event: Event, { overLimit, pid }: Projected): void {
    this.tally.ignoredIds += Object.keys(event.ignored ?? {}).length;
    const beyond = Object.entries(overLimit ?? {}).filter(([, why]) => why === "limit");
    if (beyond.length === 0) return;
    this.tally.overLimit += beyond.length;
    this.#group.onOverLimit(pid, Object.fromEntries(beyond));
  }

  /** The event is taken without what it may not say about consent; that goes to the quarantine. */
  #keepOutConsent(frame: Frame, event: Event): void {
    const refusal = consentRefusal(event, this.#group.consent);
    if (refusal === null) return;
    const body = new TextEncoder().encode(JSON.stringify(refusal.part));
    this.#quarantine(frame, refusal.error, event.messageId, body);
  }

  #keepOut(frame: Frame, { event, raw }: JudgedEvent, finding: Finding, index: number): Rejected {
    const { messageId } = event;
    const error = eventError("plan_violation", findingText(finding));
    const quarantineId =
      finding.mode === "quarantine" ? this.#quarantine(frame, error, messageId, raw) : undefined;
    if (quarantineId === undefined) this.tally.blocked += 1;
    const source = this.#group.journal.sourceNumber(event.source);
    this.#violations.note(finding, source, quarantineId ?? null);
    return { index, messageId, ...(quarantineId === undefined ? {} : { quarantineId }), error };
  }

  /** Where more is due than one turn takes, what is due for those whom the event touches is told before it. */
  #catchUpTime(folded: Folded, event: Event): void {
    const { time, committedAtMs } = this.#group;
    if (time === null || folded.nextDueMs === null || folded.nextDueMs > committedAtMs) return;
    for (const profile of folded.projector.namedBy(event)) passTimeOf(profile, time);
  }

  /** The event as the rules let it in; what they keep out goes to the quarantine. */
  #takeApart(frame: Frame, { event, keptOut }: Decision): Event {
    for (const { error, traits } of keptOut) {
      const body = new TextEncoder().encode(JSON.stringify(apart(event, traits)));
      this.#quarantine(frame, error, event.messageId, body);
    }
    return event;
  }

  #quarantine(frame: Frame, error: EventError, messageId: string | null, body: Uint8Array): string {
    this.tally.quarantined += 1;
    return `qrn_${this.#group.journal.quarantine(frame, error, messageId, body)}`;
  }
}

function project(
  folded: Folded,
  judged: JudgedEvent,
  event: Event,
  seq: number,
  committedAtMs: number,
): Projected {
  try {
    return folded.projector.project(event, seq, committedAtMs);
  } catch (error) {
    throw new FoldFailed(judged, error);
  }
}
