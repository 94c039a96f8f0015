/**
 * The audit of drift: an answer of 200 is no proof. Of a sample of profiles it is read back what the destination has,
 * and held against what it acknowledged, field by field. What differs can be sent again.
 */
import type { Json } from "../../model/event.ts";
import type { KnownProfile, NewDelivery } from "../../store/ops/deliveries.ts";
import type { OpsDesk } from "../../store/ops/opsDesk.ts";
import type { Profiles } from "../../store/profiles.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Ids } from "../../lib/id.ts";
import type { Deliverer } from "./deliverer.ts";
import { printOf } from "./planning.ts";
import type { Drifted, DriftReport } from "./reports.ts";

export interface DriftDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly profiles: Profiles;
  readonly clock: Clock;
  readonly ids: Ids;
}

/** What was acknowledged just now may be on its way through the other side still. */
const settleMs = 300_000;
const mostFound = 200;

/** Reads so many profiles back; null where the destination can't be read. `youngestMs`: acknowledged so long ago. */
export async function auditDrift(
  deliverer: Deliverer,
  deps: DriftDeps,
  { sample, repair, youngestMs = settleMs }: { sample: number; repair: boolean; youngestMs?: number },
): Promise<DriftReport | null> {
  const { readBack } = deliverer.setUp.open;
  if (readBack === undefined) return null;
  const nowMs = deps.clock.nowMs();
  const chosen = await choose(deliverer.id, deps, nowMs - youngestMs, sample);
  const found: Drifted[] = [];
  const fields: Record<string, number> = {};
  const wrong = new Map<string, string[]>();
  let sampled = 0;
  for (const known of chosen) {
    const answer = await deliverer.askAside("readBack", readBack.request(known.key));
    if (answer === null) break;
    if (answer.kind === "failed") continue;
    let theirs: ReturnType<typeof readBack.read>;
    try {
      theirs = readBack.read(answer);
    } catch {
      continue;
    }
    if (theirs === null) continue;
    sampled += 1;
    const differing = compare(known, theirs, wantedOf(deliverer, deps, known.profile));
    if (differing.length === 0) continue;
    wrong.set(known.profile, fieldsOf(known));
    for (const one of differing) {
      const name = one.field ?? "(profile)";
      fields[name] = (fields[name] ?? 0) + 1;
      if (found.length < mostFound) found.push({ profileId: known.profile, ...one });
    }
  }
  if (repair) await sendAgain(deliverer, deps, wrong, nowMs);
  return {
    atMs: nowMs,
    sampled,
    drifted: wrong.size,
    fields,
    found,
    repaired: repair ? wrong.size : 0,
  };
}

type Sampled = KnownProfile & { readonly profile: string };

/** From a random place on; profileIds tell nothing of their profiles, so those in a row are as good as any. */
async function choose(
  id: number,
  { ops, ids }: DriftDeps,
  ackedByMs: number,
  sample: number,
): Promise<Sampled[]> {
  const from = `prf_${"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[Math.floor(ids.random() * 32)] ?? "0"}`;
  const first = await ops.ask("deliveryStories", "sample", id, from, ackedByMs, sample);
  if (first.length >= sample) return first;
  const rest = await ops.ask("deliveryStories", "sample", id, "", ackedByMs, sample - first.length);
  return [...first, ...rest.filter(({ profile }) => profile <= from)];
}

function wantedOf(
  deliverer: Deliverer,
  { profiles, clock }: DriftDeps,
  profileId: string,
): Readonly<Record<string, Json>> {
  const found = profiles.find(deliverer.setUp.setting.namespace, "profile_id", profileId);
  return found.kind === "found" ? deliverer.setUp.wantedOf(found.profile, clock.nowMs()).fields : {};
}

function fieldsOf({ acknowledged }: KnownProfile): string[] {
  return Object.keys(acknowledged).flatMap((name) => (name.startsWith("f:") ? [name.slice(2)] : []));
}

function compare(
  known: Sampled,
  theirs: Readonly<Record<string, Json>> | "missing",
  wanted: Readonly<Record<string, Json>>,
): Omit<Drifted, "profileId">[] {
  if (theirs === "missing") return [{ field: null, theirs: null, ours: null }];
  return fieldsOf(known).flatMap((field) => {
    const print = known.acknowledged[`f:${field}`];
    const value = Object.hasOwn(theirs, field) ? (theirs[field] ?? null) : null;
    const ours = wanted[field] ?? null;
    const isOurs = print === printOf(ours);
    const isSame = printOf(value) === print || (isOurs && isHeldAs(value, ours));
    return isSame || print === "?" ? [] : [{ field, theirs: value, ours: isOurs ? ours : null }];
  });
}

/** Some keep a number as a text, or of an instant the day; that is no drift. */
function isHeldAs(theirs: Json, ours: Json): boolean {
  const [their, our] = [textOf(theirs), textOf(ours)];
  return their === our || (/^\d{4}-\d{2}-\d{2}$/.test(their) && our.startsWith(`${their}T`));
}

function textOf(value: Json): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

async function sendAgain(
  deliverer: Deliverer,
  { ops }: DriftDeps,
  wrong: ReadonlyMap<string, readonly string[]>,
  nowMs: number,
): Promise<void> {
  const rows: NewDelivery[] = [];
  for (const [profile, fields] of wrong) {
    await ops.ask("deliveryStories", "unacknowledge", deliverer.id, profile, fields);
    rows.push({ profile, kind: "profile", item: "", lane: "batch", seq: 0, atMs: nowMs, payload: null });
  }
  await ops.ask("deliveries", "enqueue", deliverer.id, null, rows, nowMs);
  deliverer.nudge();
}
