/** A membership as it stands in a stored profile. */
import type { Membership } from "../model/membership.ts";

/** A membership as it is stored. */
export type MembershipText = readonly [
  atMs: number,
  since: readonly (readonly [segment: string, sinceMs: number])[],
  turnsAtMs: number | null,
  decaysAtMs: number | null,
  toldAtMs: number,
];

export function membershipText(membership: Membership): MembershipText {
  const { atMs, since, turnsAtMs, decaysAtMs, toldAtMs } = membership;
  return [atMs, [...since], turnsAtMs, decaysAtMs, toldAtMs];
}

export function parseMembership(text: MembershipText): Membership {
  const [atMs, since, turnsAtMs, decaysAtMs, toldAtMs] = text;
  return { atMs, since: new Map(since), turnsAtMs, decaysAtMs, toldAtMs };
}
