/** A profile as LMDB holds it. */
import type { IdentifierKey } from "../model/identifier.ts";
import type { LinkRecord } from "../model/link.ts";
import type { ProfileState } from "../model/profile.ts";
import { EvidencePieces, type PutPiece } from "./evidencePieces.ts";
import type { HotProfile, LinkEntry } from "./hotProfile.ts";
import type { StoredPieces } from "./lmdb.ts";
import { membershipText, parseMembership, type MembershipText } from "./membershipText.ts";
import { indexedOf } from "./profileIndex.ts";

interface ProfileText {
  readonly into?: number;
  readonly n: 0 | 1;
  readonly v: number;
  readonly h: number;
  readonly i: IdentifierKey[];
  readonly l?: Record<string, [record: LinkRecord, seen: 0 | 1]>;
  readonly m?: MembershipText;
  readonly s: ProfileState;
}

/** A tombstone's text: the profile lives on as another. */
export function tombstone(into: number): string {
  return `{"into":${into}}`;
}

/** A stored profile, or the number of the one it merged into. */
export function parseProfile(pid: number, text: string, store: StoredPieces): HotProfile | number {
  const value = JSON.parse(text) as ProfileText;
  if (value.into !== undefined) return value.into;
  const links = new Map<IdentifierKey, LinkEntry>();
  for (const [key, [record, seen]] of Object.entries(value.l ?? {}))
    links.set(key, { record, seen: seen === 1 });
  const pieces = new EvidencePieces();
  if (value.s.evidence !== undefined)
    pieces.complete(value.s.evidence, (number) => pieceOf(store, pid, number));
  const membership = value.m === undefined ? null : parseMembership(value.m);
  return {
    pid,
    namespace: value.n === 1 ? "test" : "live",
    version: value.v,
    head: value.h,
    identifiers: value.i,
    identifiersText: null,
    textLength: text.length,
    links,
    state: value.s,
    pieces,
    membership,
    hasStaleDue: false,
    indexed: indexedOf(membership),
  };
}

function pieceOf(store: StoredPieces, pid: number, number: number): string {
  const text = store.readPiece(pid, number);
  if (text === undefined) throw new Error(`piece ${number} of profile ${pid} is not there`);
  return text;
}

/** The profile as it is stored; pieces of its evidence that come and go with that are given to `putPiece`. */
export function profileText(profile: HotProfile, putPiece: PutPiece): string {
  const n = profile.namespace === "test" ? 1 : 0;
  const { version: v, head: h, identifiers: i, links, membership } = profile;
  const { evidence, ...s } = profile.state;
  const l = links.size === 0 ? {} : { l: linksText(links) };
  const m = membership === null ? {} : { m: membershipText(membership) };
  const bare = JSON.stringify({ n, v, h, i, ...l, ...m, s } satisfies ProfileText);
  if (evidence === undefined) profile.pieces.clear(putPiece);
  const json =
    evidence === undefined
      ? bare
      : `${bare.slice(0, -2)},"evidence":${profile.pieces.text(evidence, putPiece)}}}`;
  profile.textLength = json.length;
  return json;
}

function linksText(links: Map<IdentifierKey, LinkEntry>): Record<string, [LinkRecord, 0 | 1]> {
  const text: Record<string, [LinkRecord, 0 | 1]> = {};
  for (const [key, link] of links) text[key] = [link.record, link.seen ? 1 : 0];
  return text;
}
