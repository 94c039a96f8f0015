/** The operations on triggers: what each did, and why somebody got something or did not. */
import { OperationFailed, type Operations } from "./admin/operation.ts";
import type { TriggerReport } from "./admin/triggerParams.ts";
import type { Clock } from "./lib/clock.ts";
import type { TriggerRules, TriggerSetting } from "./model/trigger.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { TriggerCounts } from "./store/ops/triggerTable.ts";
import type { Profiles } from "./store/profiles.ts";

export interface TriggerOperationDeps {
  readonly ops: Pick<OpsDesk, "ask">;
  readonly profiles: Profiles;
  readonly rules: () => TriggerRules;
  readonly clock: Clock;
}

const dayMs = 86_400_000;

export function triggerOperations({ ops, profiles, rules, clock }: TriggerOperationDeps): Operations {
  return {
    "triggers.list": async ({ days }) => {
      const counts = await ops.ask("triggers", "counts", clock.nowMs() - days * dayMs);
      const { triggers } = rules();
      const names = new Set([...triggers.map(({ name }) => name), ...counts.map(({ trigger }) => trigger)]);
      return [...names].sort().map((name) =>
        reportOf(
          name,
          triggers.find((one) => one.name === name),
          counts.find(({ trigger }) => trigger === name),
        ),
      );
    },
    "triggers.log": async ({ namespace, of, limit }) => {
      if ("trigger" in of) return ops.ask("triggers", "log", of, limit);
      const found = profiles.find(namespace, of.type, of.value);
      if (found.kind === "rebuilding")
        throw new OperationFailed("profiles are not readable for the moment: they are rebuilt");
      if (found.kind === "missing") return null;
      return ops.ask("triggers", "log", { profile: found.profile.profileId }, limit);
    },
  };
}

function reportOf(
  trigger: string,
  setting: TriggerSetting | undefined,
  counts: TriggerCounts | undefined,
): TriggerReport {
  const nobody = { people: 0, reached: 0 };
  return {
    ...(counts ?? { trigger, outcomes: {}, reasons: [], lift: { sent: nobody, held_out: nobody } }),
    words: setting === undefined ? null : wordsOf(setting),
    holdout: setting?.limits.holdout ?? 0,
    goal: setting?.goal?.event ?? null,
  };
}

function wordsOf({ when, send }: TriggerSetting): string {
  const cause = when.kind === "enters" ? `who enters ${when.segment}` : `after ${when.event}`;
  const what = send.kind === "block" ? send.block : `template ${send.template}`;
  return `${cause}: ${what} through ${send.through}`;
}
