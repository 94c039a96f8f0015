/** The acts of an operator on an open store: each asks the writer or the maintenance thread. */
import type { Clock } from "../lib/clock.ts";
import type { Namespace } from "../model/event.ts";
import { noRules } from "../model/rules.ts";
import type { Erased } from "./erase.ts";
import type { JournalReader } from "./journalReader.ts";
import type { MaintenanceDesk } from "./maintenanceDesk.ts";
import type { ControlRequest, KeyRow } from "./messages.ts";
import type { Lookup } from "./profiles.ts";
import { quarantinePages } from "./quarantinePages.ts";
import { nameOf, type RuleChange } from "./ruleChange.ts";
import { splitActs } from "./splitActs.ts";
import type { StoreAdmin } from "./storeApi.ts";
import { rememberedRules } from "./usedDefinitions.ts";
import type { VerifyJob } from "./verify.ts";
import type { WriterLink } from "./writerLink.ts";

export interface StoreAdminDeps {
  readonly folder: string;
  readonly clock: Clock;
  readonly link: WriterLink;
  readonly maintenance: MaintenanceDesk;
  /** Null while the store opens. */
  readonly journal: () => JournalReader | null;
  /** Readers of the feed forget what they hold in common. */
  readonly forgetShared: () => void;
  readonly keys: () => readonly KeyRow[];
  readonly onKeys: (keys: readonly KeyRow[]) => void;
  readonly find: (namespace: Namespace, type: string, value: string) => Lookup | null;
  /** Null while profiles are rebuilt. */
  readonly profilesFolder: () => string | null;
  readonly rules: () => RuleChange | null;
  /** What profiles are folded with, for work beside the writer. */
  readonly folding: () => Pick<VerifyJob, "hotProfiles" | "rules">;
}

export function storeAdmin(deps: StoreAdminDeps): StoreAdmin {
  const { folder, link, maintenance } = deps;
  const ask = async <T>(request: ControlRequest): Promise<T> => (await link.ask(request)) as T;
  return {
    createKey: async (key) => deps.onKeys(await ask<KeyRow[]>({ act: "createKey", key })),
    listKeys: () => deps.keys(),
    revokeKey: async (id) => {
      const { revoked, keys } = await ask<{ revoked: boolean; keys: KeyRow[] }>({ act: "revokeKey", id });
      deps.onKeys(keys);
      return revoked;
    },
    erase: async (namespace, type, value) => {
      const erased = await ask<Erased | null>(eraseRequest(deps, namespace, type, value));
      deps.forgetShared();
      return erased;
    },
    compact: () => ask<void>({ act: "compact" }),
    ...quarantinePages(deps.journal),
    ...splitActs(link, () => deps.forgetShared()),
    replayQuarantine: (id, body) =>
      ask({ act: "replayQuarantine", id, ...(body === undefined ? {} : { body }) }),
    backup: async (target) => {
      const result = await maintenance.run({ kind: "backup", folder, target }, () => {});
      if (!("path" in result)) throw new Error("the backup gave no file");
      return result;
    },
    rebuild: async () => {
      await ask({ act: "rebuild" });
    },
    verify: async (onProgress) => {
      await ask({ act: "settle" });
      const profilesFolder = deps.profilesFolder();
      const job = { kind: "verify", folder, profilesFolder, ...deps.folding() } as const;
      const result = await maintenance.run(job, onProgress);
      if (!("problems" in result)) throw new Error("the verification gave no report");
      return result;
    },
    settle: () => ask({ act: "settle" }),
    ...ruleActs(deps),
    noteConfig: async (version) => {
      await ask({ act: "noteConfig", version });
    },
    configVersions: (limit) => deps.journal()?.configVersions(limit) ?? [],
    ...planActs(deps, ask),
  };
}

function ruleActs(deps: StoreAdminDeps): Pick<StoreAdmin, "rulesInUse" | "applyRules" | "rehearseRules"> {
  const change = (): RuleChange => {
    const rules = deps.rules();
    if (rules === null) throw new Error("the store is not open");
    return rules;
  };
  return {
    rulesInUse: () => deps.rules()?.rules ?? noRules,
    applyRules: async (rules, lists, onProgress) => change().apply(rules, lists, onProgress),
    rehearseRules: async (rules, lists, onProgress) => {
      const profiles = deps.profilesFolder();
      if (profiles === null) throw new Error("profiles are being rebuilt; ask again when that is done");
      const from = { profiles: nameOf(profiles), nowMs: deps.clock.nowMs() };
      return change().rehearse(rules, lists, from, onProgress);
    },
  };
}

function planActs(
  { folder, maintenance, journal }: StoreAdminDeps,
  ask: (request: ControlRequest) => Promise<unknown>,
): Pick<StoreAdmin, "planInUse" | "usePlan" | "checkPlan"> {
  const planInUse = () => {
    const reader = journal();
    return reader === null ? null : rememberedRules(reader);
  };
  return {
    planInUse,
    usePlan: async (plan) => {
      await ask({ act: "usePlan", plan });
    },
    checkPlan: async (job, onProgress) => {
      const whole = { kind: "checkPlan", folder, before: planInUse(), ...job } as const;
      const result = await maintenance.run(whole, onProgress);
      if (!("failingNow" in result)) throw new Error("the check gave no report");
      return result;
    },
  };
}

/** profile_id and email_sha256 are looked up here; the writer knows the other types. */
function eraseRequest(
  { find }: StoreAdminDeps,
  namespace: Namespace,
  type: string,
  value: string,
): ControlRequest {
  if (type === "profile_id" || type === "email_sha256") {
    const found = find(namespace, type, value);
    const identifier = found?.kind === "found" ? found.profile.identifiers[0] : undefined;
    if (identifier !== undefined)
      return { act: "erase", namespace, type: identifier.type, value: identifier.value };
  }
  return { act: "erase", namespace, type, value };
}
