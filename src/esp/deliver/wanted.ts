/** What a destination should know of a profile, by its settings: name, fields, audiences, suppressions. */
import { Liquid, type Template } from "liquidjs";
import { consentChoices, suppressionsOf } from "../../model/consent.ts";
import { suppressionReasons } from "../../model/consentRule.ts";
import type { DestinationSetting } from "../../model/delivery/destinationSetting.ts";
import type { Wanted } from "../../model/delivery/difference.ts";
import { asType, ownPaths, valueAtPath, type FieldMapping } from "../../model/delivery/fieldMapping.ts";
import type { Json } from "../../model/event.ts";
import { normaliseEmail } from "../../model/identifier.ts";
import { mayReach } from "../../model/mayReach.ts";
import { readTrait } from "../../model/trait.ts";
import type { StoredProfile } from "../../store/profiles.ts";
import { renderProfileUntil, type ProfileView } from "../profileView.ts";
import type { OpenDestination, Subject } from "./destination.ts";

/** What is wanted, and until when, though nothing happens; null: until something does. */
export interface WantedProfile extends Wanted<Json> {
  readonly validUntilMs: number | null;
  /** Fields that the destination can't take, and why. */
  readonly refused: readonly { readonly field: string; readonly why: string }[];
}

/** Makes what is wanted of profiles; templates are parsed once. */
export type WantedOf = (profile: StoredProfile, nowMs: number) => WantedProfile;

const limits = { parseLimit: 10_000, renderLimit: 50, memoryLimit: 200_000 } as const;

/** Throws for a template that can't be parsed. */
export function wantedBy(setting: DestinationSetting, open: OpenDestination): WantedOf {
  const mappings = setting.map?.map((mapping) => ({ mapping, template: templateOf(mapping) })) ?? null;
  const selection = mappings === null ? null : tops(mappings.map(({ mapping }) => mapping));
  return (profile, nowMs) => {
    const { view, validUntilMs } = renderProfileUntil(profile, { traits: selection, readable: null }, nowMs);
    const root = { ...view.traits, ...ownValues(view) };
    const given: readonly (readonly [string, Json])[] =
      mappings === null
        ? Object.entries(view.traits)
        : mappings.map(({ mapping, template }) => [mapping.field, fieldValue(mapping, template, root)]);
    const fields = Object.create(null) as Record<string, Json>;
    const refused: { field: string; why: string }[] = [];
    for (const [field, value] of open.upsert === undefined ? [] : given) {
      if (value === null) continue;
      const why = open.refuseField?.(field, value) ?? null;
      if (why === null) fields[field] = value;
      else refused.push({ field, why });
    }
    return {
      fields,
      refused,
      validUntilMs,
      audiences:
        open.audience === undefined ? [] : setting.audiences.filter((name) => view.segments.includes(name)),
      suppressions:
        open.suppress === undefined || !setting.suppressions
          ? {}
          : suppressionsNow(profile, open.channels ?? null, nowMs),
    };
  };
}

/** A profile as far as its name at a destination depends on it. */
export function subjectOf({ profileId, identifiers, state }: StoredProfile): Subject {
  const value = (type: string) => identifiers.findLast((one) => one.type === type)?.value ?? null;
  const trait = normaliseEmail(readTrait(state, "email")?.value ?? undefined);
  return { profileId, identifiers, userId: value("user_id"), email: trait ?? value("email") };
}

/** Channels that must not be used, each with the reason; a word on a topic alone stops no channel. */
function suppressionsNow(
  { state, definitions }: StoredProfile,
  told: readonly string[] | null,
  nowMs: number,
): Record<string, string> {
  const channels = new Set([
    ...suppressionsOf(state).map(({ channel }) => channel),
    ...consentChoices(state).flatMap(([key]) => (key.includes(".") ? [] : [key])),
  ]);
  const found: Record<string, string> = {};
  for (const channel of channels) {
    if (told !== null && !told.includes(channel)) continue;
    const verdict = mayReach(state, { channel, topic: null, now: nowMs }, definitions.consent);
    if (verdict.kind === "allow") continue;
    const isSaid = [...suppressionReasons, "consent_denied"].some((reason) => reason === verdict.reason);
    if (isSaid) found[channel] = verdict.reason;
  }
  return found;
}

function fieldValue(
  { from, type }: FieldMapping,
  template: readonly Template[] | null,
  root: Readonly<Record<string, Json>>,
): Json {
  if (template === null) return asType(valueAtPath(root, from.text), type);
  const text = render(template, root);
  return text === "" ? null : asType(text, type);
}

// Values go into JSON, not into HTML: nothing is escaped.
const liquid = new Liquid({ templates: {}, ownPropertyOnly: true, strictFilters: true, ...limits });

function templateOf({ from }: FieldMapping): readonly Template[] | null {
  return from.kind === "liquid" ? liquid.parse(from.text) : null;
}

/** What fails for one profile, or goes beyond the limits, has no value there. */
function render(template: readonly Template[], root: Readonly<Record<string, Json>>): string {
  try {
    return String(liquid.renderSync([...template], root)).trim();
  } catch {
    return "";
  }
}

/** The top-level traits that mappings read; null: a template may read any. */
function tops(mappings: readonly FieldMapping[]): readonly string[] | null {
  if (mappings.some(({ from }) => from.kind === "liquid")) return null;
  const paths = mappings.map(({ from }) => from.text);
  return [...new Set(paths.flatMap((path) => [path, path.split(".")[0] ?? path]))].filter(
    (name) => !ownPaths.some((own) => own === name),
  );
}

function ownValues(view: ProfileView): Readonly<Record<(typeof ownPaths)[number], Json>> {
  const value = (type: string) => view.identifiers.findLast((one) => one.type === type)?.value ?? null;
  return {
    $profileId: view.profileId,
    $userId: value("user_id"),
    $email: value("email"),
    $segments: view.segments,
    $firstSeenAt: view.firstSeenAt,
    $lastSeenAt: view.lastSeenAt,
  };
}
