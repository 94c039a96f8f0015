/**
 * Erasure: the one door through which a person's data leaves. The journal keeps the bare fact that something was
 * accepted (seq, times, a hash of each messageId, so that a repeat stays a repeat); every text goes. The change log
 * tells it with cause `erase`. The caller then compacts both files, since freed pages still hold the text.
 */
import { identifierKey, identifierOf, normaliseEmail, type IdentifierKey } from "../model/identifier.ts";
import type { Namespace } from "../model/event.ts";
import { rebuildRecord, usersOf, type LinkFact } from "../model/link.ts";
import { orderKeyOf } from "../model/event.ts";
import type { Restore } from "./accept.ts";
import { storedEvent } from "./catchUp.ts";
import type { HotProfile } from "./hot.ts";
import type { Journal } from "./journal.ts";
import { parsePrev, rowFlags, rowKind } from "./row.ts";
import type { Folded } from "./writer.ts";

export interface EraseContext {
  readonly journal: Journal;
  readonly folded: Folded;
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
}

const eraseRow = `
UPDATE journal SET name = NULL, message_id = ?, identifiers = NULL, diff = NULL, extra = NULL, body = NULL, checksum = NULL, flags = flags | ${rowFlags.erased}
WHERE seq = ?`;

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
  if (type === "email") {
    const email = normaliseEmail(value);
    return email === null ? undefined : projector.emailHolder(identifierKey(namespace, "email", email));
  }
  return undefined;
}

/** Erases a profile, inside the writer's transaction. */
export function eraseProfile(profile: HotProfile, context: EraseContext): Erased {
  const { journal, folded } = context;
  const names = new Set<string>(profile.identifiers.map((key) => identifierOf(key).value));
  const anonymousKeys = new Set<IdentifierKey>(profile.links.keys());
  let events = 0;
  const waiting = [profile.head];
  const seen = new Set<number>();
  const erase = journal.database.query(eraseRow);
  for (let seq = waiting.pop(); seq !== undefined; seq = waiting.pop()) {
    const row = seq === 0 || seen.has(seq) ? null : journal.row(seq);
    if (row === null) continue;
    seen.add(seq);
    waiting.push(...parsePrev(row.prev));
    if (row.kind !== rowKind.event || row.body === null || row.message_id === null) continue;
    const event = context.restore(storedEvent(row, journal.sourceName(row.source)));
    for (const id of [event.userId, event.anonymousId, event.previousId]) if (id !== null) names.add(id);
    if (event.anonymousId !== null)
      anonymousKeys.add(identifierKey(profile.namespace, "anonymous_id", event.anonymousId));
    erase.run(erasedMessageId(row.message_id), seq);
    events += 1;
  }
  // Changes of kind refold and of merges stand in rows of their own.
  journal.database
    .query(`UPDATE journal SET identifiers = NULL, diff = NULL WHERE pid = ? AND kind = ${rowKind.refold}`)
    .run(profile.pid);
  for (const key of anonymousKeys) unlink(key, profile, context, seen);
  const identifiers = forgetIdentifiers(profile, context);
  folded.hot.remove(profile.pid);
  const quarantined = eraseQuarantine(journal, names);
  const flags = profile.namespace === "test" ? rowFlags.test : 0;
  journal.append([
    context.nextSeq(),
    rowKind.erase,
    flags,
    0,
    null,
    null,
    context.nowMs,
    null,
    0,
    context.nowMs,
    profile.pid,
    null,
    null,
    null,
    null,
    null,
    null,
  ]);
  return { pid: profile.pid, events, identifiers, quarantined };
}

function forgetIdentifiers(profile: HotProfile, context: EraseContext): number {
  const { hot, projector } = context.folded;
  for (const key of profile.identifiers) {
    const { type, value } = identifierOf(key);
    const passedOn = type === "anonymous_id" && projector.profileOf(key)?.pid !== profile.pid;
    if (!passedOn) hot.setId(key, null);
    if (type === "email")
      hot.setId(
        identifierKey(
          profile.namespace,
          "email_sha256",
          new Bun.CryptoHasher("sha256").update(value).digest("hex"),
        ),
        null,
      );
  }
  return profile.identifiers.length;
}

/** A shared anonymousId keeps its links to others, without the erased person's. */
function unlink(
  anonymousKey: IdentifierKey,
  erased: HotProfile,
  context: EraseContext,
  gone: ReadonlySet<number>,
): void {
  const { projector, hot } = context.folded;
  const home = projector.profileOf(anonymousKey);
  if (home === undefined || home.pid === erased.pid) {
    const others = home === undefined ? [] : otherUsers(home, anonymousKey, erased, context);
    const heir = others[0];
    const link = home && projector.linkOf(home, anonymousKey);
    hot.setId(anonymousKey, null);
    if (heir === undefined || link === undefined) return;
    link.record = relinkWithout(anonymousKey, others, context, gone);
    projector.place(anonymousKey, link, heir, undefined);
    return;
  }
  const link = projector.linkOf(home, anonymousKey);
  if (link === undefined) return;
  hot.touch(home);
  link.record = relinkWithout(
    anonymousKey,
    [home, ...otherUsers(home, anonymousKey, erased, context)],
    context,
    gone,
  );
}

function otherUsers(
  home: HotProfile,
  anonymousKey: IdentifierKey,
  erased: HotProfile,
  context: EraseContext,
): HotProfile[] {
  const { projector } = context.folded;
  const link = projector.linkOf(home, anonymousKey);
  if (link === undefined) return [];
  const found = new Map<number, HotProfile>();
  for (const user of usersOf(link.record)) {
    const profile = projector.profileOf(identifierKey(home.namespace, "user_id", user));
    if (profile !== undefined && profile.pid !== erased.pid) found.set(profile.pid, profile);
  }
  return [...found.values()].sort((a, b) => b.head - a.head);
}

function relinkWithout(
  anonymousKey: IdentifierKey,
  profiles: readonly HotProfile[],
  context: EraseContext,
  gone: ReadonlySet<number>,
): ReturnType<typeof rebuildRecord> {
  const anonymousId = identifierOf(anonymousKey).value;
  const facts: LinkFact[] = [];
  const anonymous: ReturnType<typeof orderKeyOf>[] = [];
  const waiting = profiles.map((profile) => profile.head);
  const seen = new Set<number>();
  for (let seq = waiting.pop(); seq !== undefined; seq = waiting.pop()) {
    const row = seq === 0 || seen.has(seq) || gone.has(seq) ? null : context.journal.row(seq);
    if (row === null) continue;
    seen.add(seq);
    waiting.push(...parsePrev(row.prev));
    if (row.kind !== rowKind.event || row.body === null || row.message_id === null) continue;
    const event = context.restore(storedEvent(row, context.journal.sourceName(row.source)));
    if (event.anonymousId !== anonymousId && !(event.type === "alias" && event.previousId === anonymousId))
      continue;
    if (event.userId === null) anonymous.push(orderKeyOf(event));
    else facts.push({ key: orderKeyOf(event), user: event.userId });
  }
  return rebuildRecord(facts, anonymous);
}

/** Quarantined input that names the person. The table is bounded, so reading it whole is too. */
function eraseQuarantine(journal: Journal, names: ReadonlySet<string>): number {
  let deleted = 0;
  const statement = journal.database.query(
    "DELETE FROM quarantine WHERE instr(CAST(body AS TEXT), ?) > 0 OR message_id = ?",
  );
  for (const name of names) {
    const quoted = JSON.stringify(name);
    if (name.length > 0) deleted += statement.run(quoted, name).changes;
  }
  return deleted;
}
