/** From a row of the queue to what is sent: what differs, under which name, or why nothing is. */
import { fingerprint } from "../../lib/fingerprint.ts";
import { canonicalJson } from "../../model/canonicalJson.ts";
import type { DestinationSetting } from "../../model/delivery/destinationSetting.ts";
import {
  allOpen,
  differenceOf,
  withAudience,
  withFields,
  withSuppression,
  whileOpen,
  type Acknowledged,
} from "../../model/delivery/difference.ts";
import type { Json, JsonObject } from "../../model/event.ts";
import { mayDeliver, type DenyReason } from "../../model/mayDeliver.ts";
import type { Profiles, StoredProfile } from "../../store/profiles.ts";
import { heldOut } from "../../store/ops/triggerTable.ts";
import type { Delivery, Settlement } from "../../store/ops/deliveries.ts";
import type { Parcel } from "./courier.ts";
import type {
  EventRow,
  Message,
  OpenDestination,
  ProfileKey,
  RowCapability,
  SendRow,
} from "./destination.ts";
import { subjectOf, type WantedOf } from "./wanted.ts";

/** Makes the message of a queued send at the moment of sending, and hears what became of it; triggers do. */
export interface SendMaker {
  prepare(delivery: Delivery, profile: StoredProfile, nowMs: number): Promise<Prepared>;
  /** `reason`: null where it was sent. */
  told(delivery: Delivery, outcome: "sent" | "skipped" | "dead", reason: string | null): Promise<void>;
}

export type Prepared =
  | {
      readonly kind: "send";
      readonly channel: string;
      readonly topic: string | null;
      readonly message: Message;
    }
  /** Would be sent if there were nobody to compare with. */
  | { readonly kind: "holdOut"; readonly channel: string; readonly topic: string | null }
  | { readonly kind: "skip"; readonly reason: string }
  /** Not now: quiet hours. */
  | { readonly kind: "later"; readonly untilMs: number };

export type Planned =
  | {
      readonly kind: "parcel";
      readonly capability: RowCapability;
      readonly group: string;
      readonly parcel: Parcel;
    }
  /** Nothing is to be sent; `reason` null: all is there already. */
  | { readonly kind: "nothing"; readonly reason: string | null; readonly againAtMs: number | null }
  | { readonly kind: "moved"; readonly to: string }
  | { readonly kind: "later"; readonly untilMs: number };

export interface PlanningDeps {
  readonly setting: DestinationSetting;
  readonly open: OpenDestination;
  readonly wantedOf: WantedOf;
  readonly profiles: Profiles;
  readonly sends: SendMaker | null;
}

/** Fingerprint of a value of a field. */
export function printOf(value: Json): string {
  return fingerprint(canonicalJson(value));
}

/** Null while profiles are being rebuilt: nothing can be planned. */
export async function plan(delivery: Delivery, deps: PlanningDeps, nowMs: number): Promise<Planned | null> {
  if (delivery.kind === "erase") return planErasure(delivery);
  const { namespace } = deps.setting;
  const found = deps.profiles.find(namespace, "profile_id", delivery.profile);
  if (found.kind === "rebuilding") return null;
  if (found.kind === "missing") return nothing("the profile was erased");
  const { profile } = found;
  const denied = gate(profile, deps.setting, nowMs);
  if (denied !== null) return nothing(denied);
  if (delivery.kind === "profile") {
    return profile.profileId === delivery.profile
      ? planProfile(delivery, profile, deps, nowMs)
      : { kind: "moved", to: profile.profileId };
  }
  return delivery.kind === "event"
    ? planEvent(delivery, profile, deps)
    : planSend(delivery, profile, deps, nowMs);
}

/** The one gate, as far as it is about data alone. */
export function gate(
  profile: StoredProfile,
  { namespace }: DestinationSetting,
  nowMs: number,
): DenyReason | null {
  const asked = { destination: { isLive: namespace === "live" }, channel: null, topic: null, now: nowMs };
  const verdict = mayDeliver(profile, asked);
  return verdict.kind === "deny" ? verdict.reason : null;
}

/** What of a profile differs: its fields first, then audiences and suppressions, one request a step. */
export function planProfile(
  delivery: Delivery,
  profile: StoredProfile,
  { open, wantedOf }: Pick<PlanningDeps, "open" | "wantedOf">,
  nowMs: number,
): Planned {
  const subject = subjectOf(profile);
  const identified = open.identify(subject);
  if (identified.kind === "none") return nothing(`it has no ${identified.missing}`);
  const { key } = identified;
  const wanted = wantedOf(profile, nowMs);
  const keyText = canonicalJson(key);
  const isSameKey = delivery.known?.key === keyText;
  const known = isSameKey ? acknowledgedOf(delivery) : open.renames ? allOpen(acknowledgedOf(delivery)) : {};
  const isNew = !isSameKey || delivery.known?.version === 0;
  const difference = differenceOf(wanted, known, printOf);
  const { version, profileId } = profile;
  const base = { profileId, key };
  const steps: { capability: RowCapability; row: Parcel["row"]; after: Readonly<Record<string, string>> }[] =
    [];
  const { set, clear } = difference;
  const isFieldwork = open.upsert !== undefined && (isNew || Object.keys(set).length > 0 || clear.length > 0);
  if (isFieldwork) {
    const timestampMs = delivery.sinceMs;
    const former = isNew ? formerOf(delivery, keyText) : [];
    const { fields: all, suppressions: suppressed } = wanted;
    const row = { ...base, isNew, former, suppressed, set, clear, all, version, timestampMs };
    steps.push({ capability: "upsert", row, after: withFields(known, difference, printOf) });
  }
  if (open.audience !== undefined)
    for (const [audience, isMember] of [
      ...difference.join.map((name) => [name, true] as const),
      ...difference.leave.map((name) => [name, false] as const),
    ])
      steps.push({
        capability: "audience",
        row: { ...base, audience, isMember },
        after: withAudience(known, audience, isMember),
      });
  if (open.suppress !== undefined)
    for (const [channel, reason] of [
      ...Object.entries(difference.suppress),
      ...difference.lift.map((name) => [name, null] as const),
    ])
      steps.push({
        capability: "suppress",
        row: { ...base, email: subject.email, channel, reason },
        after: withSuppression(known, channel, reason),
      });
  const [step] = steps;
  const againAtMs = wanted.validUntilMs;
  if (step === undefined) return { kind: "nothing", reason: null, againAtMs };
  return parcel(step.capability, step.row, open, {
    delivery,
    before: { key: keyText, meanwhile: JSON.stringify(whileOpen(known, step.after)) },
    after: { fields: JSON.stringify(step.after), version },
    more: steps.length > 1,
    againAtMs,
  });
}

/** Written by the acknowledgement of an earlier send alone. */
function acknowledgedOf({ known }: Delivery): Acknowledged {
  return JSON.parse(known?.fields ?? "{}") as Acknowledged;
}

/** What somebody was called before the name that is sent now, newest first. */
function formerOf({ known }: Delivery, keyText: string): readonly ProfileKey[] {
  if (known === null) return [];
  // Written before earlier sends.
  const former = JSON.parse(known.former ?? "[]") as readonly ProfileKey[];
  const all = [...former, JSON.parse(known.key) as ProfileKey].reverse();
  return all.filter((key) => canonicalJson(key) !== keyText);
}

/** What is written of a row of which nothing is sent now. */
export function settlementOf(
  delivery: Delivery,
  planned: Exclude<Planned, { kind: "parcel" }>,
  nowMs: number,
): Settlement {
  if (planned.kind === "moved") return { kind: "moved", ref: delivery, to: planned.to };
  if (planned.kind === "later")
    return { kind: "retry", ref: delivery, dueMs: planned.untilMs, nowMs, counts: false };
  const { reason, againAtMs } = planned;
  const done = { kind: "done", ref: delivery, acknowledgement: null, more: false, againAtMs } as const;
  if (reason === null || delivery.kind === "profile") return done;
  const note = { operation: delivery.kind, outcome: "skipped", status: null, reason, durationMs: 0 } as const;
  return { ...done, note };
}

function planEvent(
  delivery: Delivery,
  profile: StoredProfile,
  { open, profiles }: Pick<PlanningDeps, "open" | "profiles">,
): Planned {
  const entry = profiles.entry(Number(delivery.item));
  if (entry === null) return nothing("the event was erased");
  const identified = open.identify(subjectOf(profile));
  if (identified.kind === "none") return nothing(`it has no ${identified.missing}`);
  const body = isObject(entry.body) ? entry.body : {};
  const properties = body["properties"];
  const row: EventRow = {
    profileId: profile.profileId,
    key: identified.key,
    id: `${profile.profileId}/${delivery.item}`,
    type: entry.type,
    name: entry.name ?? entry.type,
    properties: isObject(properties) ? properties : {},
    timestampMs: entry.timestampMs,
    messageId: entry.messageId,
  };
  return parcel("event", row, open, plain(delivery, identified.key));
}

async function planSend(
  delivery: Delivery,
  profile: StoredProfile,
  { setting, open, sends }: PlanningDeps,
  nowMs: number,
): Promise<Planned> {
  // Whoever makes them is not there yet; it says itself what it makes no more.
  if (sends === null) return { kind: "later", untilMs: nowMs + 1_000 };
  const prepared = await sends.prepare(delivery, profile, nowMs);
  if (prepared.kind === "later") return prepared;
  if (prepared.kind === "skip") return nothing(prepared.reason);
  const { channel, topic } = prepared;
  const destination = { isLive: setting.namespace === "live" };
  const verdict = mayDeliver(profile, { destination, channel, topic, now: nowMs });
  if (verdict.kind === "deny") return nothing(verdict.reason);
  const subject = subjectOf(profile);
  const identified = open.identify(subject);
  if (identified.kind === "none") return nothing(`it has no ${identified.missing}`);
  if (prepared.kind === "holdOut") return nothing(heldOut);
  const { message } = prepared;
  const { key } = identified;
  const row: SendRow = {
    profileId: profile.profileId,
    key,
    id: delivery.item,
    email: subject.email,
    message,
  };
  return parcel("send", row, open, plain(delivery, key));
}

function planErasure(delivery: Delivery): Planned {
  // Written by the taking in of an erasure alone.
  const key = JSON.parse(delivery.payload ?? "{}") as Readonly<Record<string, string>>;
  const row = { profileId: delivery.profile, key };
  return { kind: "parcel", capability: "erase", group: "", parcel: { row, ...settled(delivery) } };
}

function nothing(reason: string | null): Planned {
  return { kind: "nothing", reason, againAtMs: null };
}

function settled(delivery: Delivery): Omit<Parcel, "row"> {
  return { delivery, before: null, after: null, more: false, againAtMs: null };
}

/** Whoever is only told of an event may come to be known there by it, and must be erased there too. */
function plain(delivery: Delivery, key: Readonly<Record<string, string>>): Omit<Parcel, "row"> {
  return { ...settled(delivery), before: { key: canonicalJson(key), meanwhile: null } };
}

function parcel(
  capability: RowCapability,
  row: Parcel["row"],
  open: OpenDestination,
  rest: Omit<Parcel, "row">,
): Planned {
  // A row is made together with the name of the ability that takes it.
  const group = (open[capability]?.group as ((row: Parcel["row"]) => string) | undefined)?.(row) ?? "";
  return { kind: "parcel", capability, group, parcel: { ...rest, row } };
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
