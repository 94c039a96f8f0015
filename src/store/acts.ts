/** Rows of the journal's own acts: they tell the change log, and a later rebuild, what changed a profile beside its events. */
import { identifiersText, type HotProfiles } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import type { Memberships } from "./memberships.ts";
import { rowFlags, rowKind } from "./row.ts";

export interface Act {
  readonly kind: "erase" | "refold" | "relisted" | "definition" | "undo";
  readonly seq: number;
  readonly committedAtMs: number;
  readonly diff: string | null;
}

export interface RelistingContext {
  readonly journal: Pick<Journal, "append">;
  readonly hot: HotProfiles;
  readonly memberships: Memberships;
  readonly nextSeq: () => number;
  readonly committedAtMs: number;
}

/** Appends the act's row, inside the writer's transaction. Of an erased profile only the number is kept. */
export function appendAct(journal: Pick<Journal, "append">, profile: HotProfile, act: Act): void {
  const flags = profile.namespace === "test" ? rowFlags.test : 0;
  const identifiers = act.kind === "erase" ? null : identifiersText(profile);
  const at = act.committedAtMs;
  profile.version = act.seq;
  journal.append([
    act.seq,
    rowKind[act.kind],
    flags,
    0,
    null,
    null,
    at,
    null,
    0,
    at,
    profile.pid,
    null,
    identifiers,
    act.diff,
    null,
    null,
    null,
  ]);
}

/** Another profile's event gave or took one of its identifiers: that is a change of its own. */
export function tellRelisted(profile: HotProfile, context: RelistingContext): void {
  const { journal, hot, memberships, nextSeq, committedAtMs } = context;
  hot.touch(profile);
  const traits = memberships.decays(profile, committedAtMs);
  const segments = memberships.settle(profile, committedAtMs);
  const diff =
    traits === null && segments === null
      ? null
      : JSON.stringify({
          ...(traits === null ? {} : { traits }),
          ...(segments === null ? {} : { segments }),
        });
  appendAct(journal, profile, { kind: "relisted", seq: nextSeq(), committedAtMs, diff });
}
