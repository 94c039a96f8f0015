/** A profile as LMDB holds it. */
import type { IdentifierKey } from "../model/identifier.ts";
import type { LinkRecord } from "../model/link.ts";
import type { ProfileState } from "../model/profile.ts";
import { EvidencePieces, type PutPiece, type TextPart } from "./evidencePieces.ts";
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
export function profileText(profile: HotProfile, putPiece: PutPiece): readonly TextPart[] {
  const { version, head, identifiers, links, membership, state } = profile;
  const n = profile.namespace === "test" ? 1 : 0;
  const l = links.size === 0 ? "" : `,"l":${JSON.stringify(linksText(links))}`;
  const m = membership === null ? "" : `,"m":${JSON.stringify(membershipText(membership))}`;
  const bare = `{"n":${n},"v":${version},"h":${head},"i":${JSON.stringify(identifiers)}${l}${m},"s":${stateText(state)}`;
  const parts: TextPart[] = [];
  if (state.evidence === undefined) {
    profile.pieces.clear(putPiece);
    parts.push(`${bare}}}`);
  } else {
    profile.pieces.write(`${bare},"evidence":`, state.evidence, parts, putPiece);
    parts.push("}}");
  }
  profile.textLength = 0;
  for (const part of parts) profile.textLength += part.length;
  return parts;
}

/** Everything but the evidence, and open at its end. */
function stateText(state: ProfileState): string {
  const { first, last, names, bytes, free, stamps, traits, consent } = state satisfies Written;
  const told = stamps.length === 0 ? "[]" : JSON.stringify(stamps);
  const values = names === 0 ? "{}" : JSON.stringify(traits);
  const said = consent === undefined ? "" : `,"consent":${JSON.stringify(consent)}`;
  return `{"first":${first},"last":${last},"names":${names},"bytes":${bytes},"free":${free},"stamps":${told},"traits":${values}${said}`;
}

/** A state has nothing that is not written here. */
type Written = Exclude<keyof ProfileState, keyof WrittenState> extends never ? ProfileState : never;

type WrittenState = Pick<
  ProfileState,
  "first" | "last" | "names" | "bytes" | "free" | "stamps" | "traits" | "consent" | "evidence"
>;

function linksText(links: Map<IdentifierKey, LinkEntry>): Record<string, [LinkRecord, 0 | 1]> {
  const text: Record<string, [LinkRecord, 0 | 1]> = {};
  for (const [key, link] of links) text[key] = [link.record, link.seen ? 1 : 0];
  return text;
}
