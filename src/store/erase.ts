/**
 * Erasure: the one door through which a person's data leaves. The journal keeps the bare fact that something was
 * accepted (seq, times, a hash of each messageId, so that a repeat stays a repeat); every text goes. What is left is
 * what would have come of the other people's events alone, so that a rebuild gives the same. The change log tells it
 * with cause `erase`. The caller then compacts both files, since freed pages still hold the text.
 *
 * A profile's number is the seq of the event that made it. Once that event is erased the number leads nowhere, also
 * where its profile had merged into somebody else's: what a number leads to must follow from the rows that are left.
 */
import type { Event, Namespace } from "../model/event.ts";
import { identifierKey, identifierOf, type IdentifierKey } from "../model/identifier.ts";
import { claimsOf, normaliseValue, type Identity } from "../model/identity.ts";
import type { Restore } from "./accept.ts";
import { appendAct, tellRelisted } from "./acts.ts";
import { emailHashKey } from "./claims.ts";
import { eraseQuarantine } from "./eraseQuarantine.ts";
import { forgetPairs } from "./forbidden.ts";
import type { Folded } from "./folded.ts";
import { claimEntry } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import type { MessageIds } from "./messageIds.ts";
import { mergedOf, parsePrev, rowFlags, rowKind, storedEvent, type EventRow } from "./row.ts";
import { scrub } from "./scrub.ts";
import { Unlink } from "./unlink.ts";

export interface EraseContext {
  readonly journal: Journal;
  readonly folded: Folded;
  readonly messageIds: MessageIds;
  readonly restore: Restore;
  readonly nextSeq: () => number;
  readonly nowMs: number;
}

/** What an erasure removed. */
export interface Erased {
  readonly pid: number;
  readonly events: number;
  readonly identifiers: number;
  readonly quarantined: number;
  /** Who claims an e-mail address now is no longer at hand: the profiles must be rebuilt from the journal. */
  readonly needsRebuild: boolean;
}

const eraseRow = `
UPDATE journal SET name = NULL, message_id = ?, identifiers = NULL, diff = NULL, extra = NULL, body = NULL, checksum = NULL, flags = flags | ${rowFlags.erased}
WHERE seq = ?`;

const eraseActs = "UPDATE journal SET identifiers = NULL, diff = NULL WHERE pid = ? AND kind > 0";

/** The form in which an erased row keeps its messageId: enough to know a repeat, not enough to read it. */
export function erasedMessageId(messageId: string): string {
  return `sha256:${new Bun.CryptoHasher("sha256").update(messageId).digest("hex")}`;
}

/** The profile an identifier leads to; types as in Profiles.find. */
export function resolve(
  folded: Folded,
  namespace: Namespace,
  type: string,
  value: string,
): HotProfile | undefined {
  const { projector } = folded;
  if (type === "user_id" || type === "anonymous_id")
    return projector.profileOf(identifierKey(namespace, type, value));
  const claimed = folded.definitions.identity.claimed.find((candidate) => candidate.type === type);
  const plain = claimed === undefined ? null : normaliseValue(claimed, value);
  return plain === null ? undefined : projector.claimHolder(identifierKey(namespace, type, plain));
}

/** Erases a profile, inside the writer's transaction, when no re-attribution is pending. */
export function eraseProfile(profile: HotProfile, context: EraseContext): Erased {
  const { projector, hot } = context.folded;
  const { journal } = context;
  projector.takeRelisted(null);
  const found = collect(profile, context);
  const identifiers = profile.identifiers.length;
  const users = profile.identifiers.map(identifierOf).filter(({ type }) => type === "user_id");
  forgetPairs(
    journal,
    profile.namespace,
    users.map(({ value }) => value),
  );
  const unlink = new Unlink(profile, context);
  const needsRebuild = dropClaims(profile, found.claimed, context);
  for (const key of profile.identifiers) if (identifierOf(key).type === "user_id") hot.setId(key, null);
  for (const key of found.anonymousKeys) unlink.forget(key);
  unlink.redirect();
  for (const key of found.claimed) projector.relistClaimed(key);
  if (found.fromSeq !== null)
    for (const other of unlink.others) scrub(other, journal, found.names, found.fromSeq);
  for (const row of found.rows) eraseEvent(row, context);
  for (const pid of [profile.pid, ...found.merged]) journal.database.query(eraseActs).run(pid);
  hot.remove(profile.pid);
  const { pieces, unfolded } = eraseQuarantine(found.names, journal, context.messageIds);
  for (const row of unfolded.map((seq) => journal.row(seq))) if (row !== null) eraseEvent(row, context);
  tell(profile, found.told, context);
  const events = found.rows.length + unfolded.length;
  return { pid: profile.pid, events, identifiers, quarantined: pieces, needsRebuild };
}

/** All that a profile's own rows name. */
interface Found {
  readonly rows: EventRow[];
  readonly seqs: Set<number>;
  /** Every identifier, for the quarantine. */
  readonly names: Set<string>;
  readonly anonymousKeys: Set<IdentifierKey>;
  readonly claimed: Set<IdentifierKey>;
  /** Numbers of the profiles that merged into it. */
  readonly merged: Set<number>;
  /** Those of them of which the change log told that they did. */
  readonly told: Set<number>;
  /** Seq of the oldest event without a userId: it may have been counted as another's before. */
  fromSeq: number | null;
}

function collect(profile: HotProfile, context: EraseContext): Found {
  const { journal } = context;
  const found: Found = {
    rows: [],
    seqs: new Set(),
    names: new Set(profile.identifiers.map((key) => identifierOf(key).value)),
    anonymousKeys: new Set(profile.links.keys()),
    claimed: new Set(),
    merged: new Set(),
    told: new Set(),
    fromSeq: null,
  };
  const waiting = [profile.head];
  for (let seq = waiting.pop(); seq !== undefined; seq = waiting.pop()) {
    const row = seq === 0 || found.seqs.has(seq) ? null : journal.row(seq);
    if (row === null) continue;
    found.seqs.add(seq);
    waiting.push(...parsePrev(row.prev));
    if (row.kind !== rowKind.event || row.body === null) continue;
    found.rows.push(row);
    for (const pid of mergedOf(row)) {
      found.merged.add(pid);
      // One that an undo brought back lives on.
      const now = context.folded.hot.profile(pid);
      if (now === undefined || now === profile) found.told.add(pid);
    }
    // A profile that an undo brought back, and that is part of this one again, is told of in rows of its own.
    const made = context.folded.hot.profile(row.seq);
    if (made === undefined || made === profile) found.merged.add(row.seq);
    const event = context.restore(storedEvent(row, journal.sourceName(row.source)));
    if (event.userId === null) found.fromSeq = Math.min(seq, found.fromSeq ?? seq);
    note(event, found, context.folded.definitions.identity);
  }
  return found;
}

function note(event: Event, found: Found, identity: Identity): void {
  for (const id of [event.userId, event.anonymousId]) if (id !== null) found.names.add(id);
  for (const id of [event.anonymousId, event.previousId])
    if (id !== null) found.anonymousKeys.add(identifierKey(event.namespace, "anonymous_id", id));
  for (const [name, why] of Object.entries(event.ignored ?? {}))
    if (why === "limit" && name.includes(":")) found.names.add(name.slice(name.indexOf(":") + 1));
  for (const { type, value } of claimsOf(event, identity)) {
    found.claimed.add(identifierKey(event.namespace, type, value));
    found.names.add(value);
  }
}

function eraseEvent(row: EventRow, { journal, folded }: EraseContext): void {
  const made = folded.hot.profile(row.seq);
  if (made !== undefined && made.pid !== row.seq) dropNumber(row.seq, made, folded);
  journal.database.query(eraseRow).run(erasedMessageId(row.message_id ?? ""), row.seq);
}

/** A number whose profile merged leads nowhere any more; identifiers that found their profile through it find it directly. */
function dropNumber(pid: number, profile: HotProfile, { hot }: Folded): void {
  for (const key of new Set([...profile.identifiers, ...profile.links.keys()])) {
    const entry = hot.id(key);
    const claimed = claimEntry(entry);
    if (entry === pid) hot.setId(key, profile.pid);
    else if (claimed?.holder === pid) hot.setId(key, { ...claimed, holder: profile.pid });
    else if (typeof entry === "object" && "link" in entry && entry.pid === pid)
      hot.setId(key, { ...entry, pid: profile.pid });
  }
  hot.remove(pid);
}

/** Takes the person's claims from what they claimed; true if the next claimant is not known here. */
function dropClaims(
  profile: HotProfile,
  claimed: ReadonlySet<IdentifierKey>,
  context: EraseContext,
): boolean {
  const { hot, projector } = context.folded;
  let needsRebuild = false;
  for (const key of claimed) {
    const entry = claimEntry(hot.id(key));
    if (entry === undefined) continue;
    const claims = entry.claims.filter((claim) => projector.claimant(profile.namespace, claim) !== profile);
    if (claims.length > 0) {
      hot.setId(key, { ...entry, claims });
      continue;
    }
    needsRebuild ||= entry.more === true;
    hot.setId(key, null);
    const { type, value } = identifierOf(key);
    if (type === "email") hot.setId(emailHashKey(profile.namespace, value), null);
  }
  return needsRebuild;
}

/** Appends the row of the erasure, and one for every other profile that won or lost an identifier by it. */
function tell(profile: HotProfile, merged: ReadonlySet<number>, context: EraseContext): void {
  const { journal, folded, nextSeq, nowMs } = context;
  // Numbers alone: whoever keeps copies under the profileIds that merged into this one must drop those too.
  const diff = merged.size === 0 ? null : JSON.stringify({ merged: [...merged] });
  appendAct(journal, profile, { kind: "erase", seq: nextSeq(), committedAtMs: nowMs, diff });
  for (const other of folded.projector.takeRelisted(profile))
    tellRelisted(other, {
      journal,
      hot: folded.hot,
      memberships: folded.memberships,
      nextSeq,
      committedAtMs: nowMs,
    });
}
