/** The operations on the configuration of a running server. */
import { ConfigError } from "./config/configError.ts";
import { OperationFailed, type Operations } from "./admin/operation.ts";
import { readPlanText } from "./config/trackingPlan.ts";
import type { Clock } from "./lib/clock.ts";
import type { LiveConfig } from "./liveConfig.ts";
import type { PlannedEvent, PlannedShape, PlanRules } from "./model/plan.ts";
import type { StoreAdmin } from "./store/storeApi.ts";

/** `path`: of the file that is read. */
export function configOperations(config: LiveConfig, admin: StoreAdmin, path: string): Operations {
  return {
    "config.diff": () => told(() => Promise.resolve(config.difference())),
    "config.check": ({ text }) => Promise.resolve(config.check(text)),
    "config.plan": ({ text }, outlet) => told(() => config.plan(text, (share) => outlet.progress(share))),
    "config.apply": ({ by }, outlet) => told(() => config.apply(by, (share) => outlet.progress(share))),
    "config.file": () => Promise.resolve(config.file()),
    "config.save": ({ text, base, by }, outlet) =>
      told(() => config.save(text, base, by, (share) => outlet.progress(share))),
    "config.history": ({ limit }) => Promise.resolve({ path, versions: admin.configVersions(limit) }),
  };
}

const dayMs = 86_400_000;

/** The operations on the tracking plan that need a running server. */
export function planOperations(admin: StoreAdmin, clock: Clock): Operations {
  return {
    "plan.show": () => Promise.resolve(admin.planInUse()),
    "plan.check": ({ text, days }, outlet) =>
      told(async () => {
        const file = readPlanText(text);
        const plan = withShape(admin.planInUse(), file);
        const only = "event" in file ? file.event : "identify";
        const sinceMs = clock.nowMs() - days * dayMs;
        const checked = await admin.checkPlan({ plan, only, sinceMs }, (share) => outlet.progress(share));
        return { ...checked, event: only };
      }),
  };
}

/** The plan with one shape in place of what it says of the same. */
function withShape(plan: PlanRules | null, file: PlannedEvent | PlannedShape): PlanRules {
  const known = plan ?? { events: [], traits: null, mode: "allow", sources: {}, unplanned: "allow" };
  if (!("event" in file)) return { ...known, traits: file };
  return { ...known, events: [...known.events.filter(({ event }) => event !== file.event), file] };
}

/** A wrong file is the operator's to mend: every problem is said. */
async function told<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ConfigError) throw new OperationFailed(error.lines.join("\n"));
    throw error;
  }
}
