/** What readers see of a profile before and after events changed hands, and the row that tells the difference. */
import type { ValueChange } from "../model/change.ts";
import { consentChanges, shownConsent, type ShownConsent } from "../model/consent.ts";
import { readComputed } from "../model/computed.ts";
import type { Definitions } from "../model/definition.ts";
import type { Json } from "../model/event.ts";
import { identifierOf } from "../model/identifier.ts";
import { emptyState } from "../model/profile.ts";
import { readTraits } from "../model/trait.ts";
import { jsonEqual } from "../model/traitChanges.ts";
import { appendAct } from "./acts.ts";
import { identifiersText } from "./hot.ts";
import type { HotProfile } from "./hotProfile.ts";
import type { Journal } from "./journal.ts";
import type { Memberships } from "./memberships.ts";
import type { Diff } from "./row.ts";

/** What readers see of a profile. */
export interface Appearance {
  readonly identifiers: string;
  /** Its userIds. */
  readonly users: readonly string[];
  readonly traits: Readonly<Record<string, Json>>;
  readonly consent: ShownConsent;
}

export interface AppearanceContext {
  readonly journal: Pick<Journal, "append">;
  readonly memberships: Memberships;
  readonly definitions: Definitions;
  readonly nextSeq: () => number;
  readonly committedAtMs: number;
}

const nothing: Appearance = { identifiers: "", users: [], traits: {}, consent: shownConsent(emptyState()) };

export function appearanceOf(
  profile: HotProfile,
  { definitions, committedAtMs }: Pick<AppearanceContext, "definitions" | "committedAtMs">,
): Appearance {
  const { state } = profile;
  const computed = readComputed(state, definitions, committedAtMs);
  const users = profile.identifiers.map(identifierOf).filter(({ type }) => type === "user_id");
  return {
    identifiers: identifiersText(profile),
    users: users.map(({ value }) => value),
    traits: { ...readTraits(state), ...computed },
    consent: shownConsent(state),
  };
}

/** How a profile looked, and what else its row has to tell. */
export interface Switched {
  readonly kind: "refold" | "undo";
  /** Null: it was not there. */
  readonly was: Appearance | null;
  /** Numbers of profiles that are part of it now. */
  readonly merged: readonly number[];
  /** Numbers that lead to it from now on, those of `merged` among them. */
  readonly led: readonly number[];
  /** It won or lost events. */
  readonly moved: boolean;
  /** False where its old values may be somebody else's: then they are told as null. */
  readonly tellsOld: boolean;
}

/** Appends the row that tells what the switch changed; none if it changed nothing. */
export function tellSwitch(profile: HotProfile, switched: Switched, context: AppearanceContext): void {
  const was = switched.was ?? nothing;
  const is = appearanceOf(profile, context);
  const traits: Record<string, ValueChange> = {};
  for (const name of new Set([...Object.keys(was.traits), ...Object.keys(is.traits)])) {
    const before = was.traits[name] ?? null;
    const after = is.traits[name] ?? null;
    if (!jsonEqual(before, after)) traits[name] = { old: switched.tellsOld ? before : null, new: after };
  }
  const consent = consentChanges(was.consent, is.consent);
  const isOther =
    switched.moved || switched.merged.length + switched.led.length > 0 || was.identifiers !== is.identifiers;
  if (!isOther && Object.keys(traits).length === 0 && consent === null) return;
  const { committedAtMs, memberships } = context;
  // What moved rows told of segments went with them: this row says all.
  const { turn: segments, whole } = memberships.settleWhole(profile, committedAtMs);
  const merged = switched.merged.length === 0 ? {} : { merged: switched.merged };
  const led = switched.led.length === 0 ? {} : { led: switched.led };
  const diff: Diff = {
    traits,
    ...merged,
    ...led,
    ...(segments === null ? {} : { segments }),
    ...whole,
    ...(consent === null ? {} : { consent }),
  };
  appendAct(context.journal, profile, {
    kind: switched.kind,
    seq: context.nextSeq(),
    committedAtMs,
    diff: JSON.stringify(diff),
  });
}
