/** The operations that only read; they work on a folder that no process serves as well. */
import type { JournalReader } from "../store/journalReader.ts";
import type { FindAt } from "../store/profileAt.ts";
import type { KeyRow } from "../store/messages.ts";
import type { Profiles, StoredProfile } from "../store/profiles.ts";
import { explain, plan } from "./identityOperations.ts";
import {
  OperationFailed,
  type ViolationReport,
  type OperationParams,
  type Operations,
  type Outlet,
} from "./operation.ts";
import { readProfile } from "./profileOperation.ts";
import { segmentOperations } from "./segmentOperations.ts";
import { exportedEvents, keyReport } from "./reports.ts";
import { checkDefinitions } from "./steadyDefinitions.ts";

export interface ReadOperationsDeps {
  readonly profiles: Profiles;
  readonly findAt: FindAt;
  readonly keys: () => readonly KeyRow[];
  readonly configuredKeys: readonly KeyRow[];
  /** A connection of its own for a long read; disposed by the reader. */
  readonly openJournal: () => JournalReader;
  readonly nowMs: () => number;
  readonly renderProfile: (profile: StoredProfile) => unknown;
}

const exportPage = 200;

export function readOperations(deps: ReadOperationsDeps): Operations {
  return {
    profile: async (params) => {
      checkIdType(params.type, deps.profiles);
      return readProfile(deps, params);
    },
    history: async (params) => historyOf(deps.profiles, params),
    "identity.explain": ({ namespace, a, b }) => Promise.resolve(explain(deps.profiles, namespace, a, b)),
    "identity.plan": ({ namespace, links }) => Promise.resolve(plan(deps.profiles, namespace, links)),
    "keys.list": () =>
      Promise.resolve([
        ...deps.keys().map((row) => keyReport(row, false)),
        ...deps.configuredKeys.map((row) => keyReport(row, true)),
      ]),
    "quarantine.list": ({ limit }) => {
      using journal = deps.openJournal();
      return Promise.resolve(journal.quarantineGroups(limit));
    },
    "plan.violations": ({ days }) => Promise.resolve(violationsOf(deps, days)),
    ...segmentOperations(deps),
    export: async ({ namespace, what }, outlet) => {
      if (what === "events") return { count: await exportEvents(deps, namespace, outlet) };
      return { count: await exportProfiles(deps, namespace, outlet) };
    },
  };
}

function violationsOf({ openJournal, nowMs }: ReadOperationsDeps, days: number): readonly ViolationReport[] {
  using journal = openJournal();
  return journal.planViolations(nowMs(), days).map(({ lastAtMs, ...row }) => ({
    ...row,
    lastAt: new Date(lastAtMs).toISOString(),
  }));
}

/** Throws OperationFailed for an identifier of a type that there is not: nobody could be found under it. */
export function checkIdType(type: string, { definitions }: Profiles): void {
  const { idTypes } = definitions.identity;
  if (!idTypes.has(type))
    throw new OperationFailed(`there is no identifier type ${type}; there are ${[...idTypes].join(", ")}`);
}

function historyOf(
  profiles: Profiles,
  { namespace, type, value, limit }: OperationParams<"history">,
): unknown {
  checkIdType(type, profiles);
  const found = profiles.find(namespace, type, value);
  if (found.kind === "rebuilding")
    throw new OperationFailed("profiles are not readable: they are rebuilt when the server runs");
  if (found.kind === "missing") return null;
  return profiles
    .history(found.profile.pid, null, limit)
    .events.map(({ seq, messageId, type: call, name, source, timestampMs, receivedAtMs, body }) => ({
      seq,
      messageId,
      type: call,
      name,
      source,
      timestamp: new Date(timestampMs).toISOString(),
      receivedAt: new Date(receivedAtMs).toISOString(),
      body,
    }));
}

async function exportProfiles(
  deps: ReadOperationsDeps,
  namespace: "live" | "test",
  outlet: Outlet,
): Promise<number> {
  let count = 0;
  const { definitions } = deps.profiles;
  for (let after: number | null = 0; after !== null && !outlet.signal.aborted;) {
    const page: ReturnType<Profiles["page"]> = deps.profiles.page(namespace, after, exportPage);
    checkDefinitions(deps.profiles, definitions);
    if (page.kind === "rebuilding")
      throw new OperationFailed("profiles are not readable: they are rebuilt when the server runs");
    for (const profile of page.profiles) await outlet.item(deps.renderProfile(profile));
    count += page.profiles.length;
    after = page.nextPid;
  }
  return count;
}

async function exportEvents(
  deps: ReadOperationsDeps,
  namespace: "live" | "test",
  outlet: Outlet,
): Promise<number> {
  using journal = deps.openJournal();
  const head = Math.max(1, journal.head());
  let count = 0;
  for (const event of exportedEvents(journal, namespace)) {
    if (outlet.signal.aborted) break;
    await outlet.item(event);
    count += 1;
    if (count % 1_000 === 0) outlet.progress(Math.min(1, count / head));
  }
  return count;
}
