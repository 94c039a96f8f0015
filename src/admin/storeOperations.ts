/** The operations over an open store: what the running server offers on its socket, and a command on a folder of its own. */
import { assert } from "../lib/assert.ts";
import type { TrackingPlan } from "../model/planCheck.ts";
import { rememberedPlan } from "../store/usedDefinitions.ts";
import { mendQuarantine, type OpenExpression } from "./mendQuarantine.ts";
import type { Clock } from "../lib/clock.ts";
import type { Ids } from "../lib/id.ts";
import type { Change } from "../model/change.ts";
import { parseCursor } from "../model/cursor.ts";
import type { Namespace } from "../model/event.ts";
import type { Accept } from "../store/accept.ts";
import type { ChangeLog } from "../store/changeLog.ts";
import { JournalReader } from "../store/journalReader.ts";
import type { FindAt } from "../store/profileAt.ts";
import type { KeyRow } from "../store/messages.ts";
import type { StoredProfile } from "../store/profiles.ts";
import type { Store } from "../store/storeApi.ts";
import { undoIdentity } from "./identityActs.ts";
import { makeKey } from "./keyMaking.ts";
import {
  OperationFailed,
  type CallOperation,
  type OperationParams,
  type Operations,
  type Outlet,
} from "./operation.ts";
import { checkIdType, readOperations } from "./readOperations.ts";
import { keyReport } from "./reports.ts";

/** Who was erased. */
export type ErasedProfile = Pick<StoredProfile, "profileId" | "identifiers">;

export interface StoreOperationsDeps {
  readonly store: Store;
  /** Keys that freshet.yaml or the demo gives at the start. */
  readonly configuredKeys: readonly KeyRow[];
  readonly journalPath: string;
  readonly findAt: FindAt;
  readonly renderProfile: (profile: StoredProfile) => unknown;
  readonly renderChange: (change: Change) => unknown;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly version: string;
  readonly openExpression: OpenExpression;
  /** Called after a key was made or revoked. */
  readonly onKeysChanged: () => void;
  /** Lets what stands beside the journal forget a person, who is erased from that already. */
  readonly onErased: (profile: ErasedProfile) => Promise<void>;
  /** Waits; injected so that tests decide. */
  readonly sleep: (durationMs: number) => Promise<void>;
}

const tailPage = 500;
const pollMs = 200;

/** Everything an operator can do. */
export function storeOperations(deps: StoreOperationsDeps): Operations {
  const { store } = deps;
  const reading = readOperations({
    ...deps,
    profiles: store.profiles,
    keys: () => store.admin.listKeys(),
    openJournal: () => new JournalReader(deps.journalPath),
    nowMs: () => deps.clock.nowMs(),
  });
  return {
    ...reading,
    status: () => Promise.resolve({ ...store.status(), version: deps.version }),
    tail: async (params, outlet) => {
      await tail(store.changes, params, deps.renderChange, outlet);
      return null;
    },
    "keys.create": async (spec) => {
      const made = makeKey(spec, deps);
      await store.admin.createKey(made.row);
      deps.onKeysChanged();
      return { key: made.text, info: keyReport(made.row, false) };
    },
    "keys.revoke": async ({ id }) => {
      const revoked = await store.admin.revokeKey(id);
      deps.onKeysChanged();
      return revoked;
    },
    import: (params) => importEvents(store.accept, params, deps.clock),
    "identity.undo": (params) => undoIdentity(store, params),
    erase: async ({ namespace, type, value }, outlet) => {
      // A restored folder has no profiles yet, and erasing again is the first thing to do with it.
      await untilLive(deps, outlet);
      checkIdType(type, store.profiles);
      const before = store.profiles.find(namespace, type, value);
      const erased = await store.admin.erase(namespace, type, value);
      if (erased !== null && before.kind === "found") await deps.onErased(before.profile);
      return erased === null
        ? null
        : { events: erased.events, identifiers: erased.identifiers, quarantined: erased.quarantined };
    },
    compact: async (_params, outlet) => {
      await store.admin.compact();
      // Where an erasure began a rebuild, the old profiles stand on the disk until it is done.
      await untilLive(deps, outlet);
      return null;
    },
    verify: (_params, outlet) => store.admin.verify((share) => outlet.progress(share)),
    rebuild: async (_params, outlet) => {
      await store.admin.rebuild();
      await untilLive(deps, outlet);
      return null;
    },
    "quarantine.mend": (params, outlet) =>
      mendQuarantine(
        params,
        {
          admin: store.admin,
          plan: () => planInUse(deps.journalPath),
          openExpression: deps.openExpression,
        },
        outlet,
      ),
    backup: ({ target }) => store.admin.backup(target),
  };
}

function planInUse(journalPath: string): TrackingPlan | null {
  using journal = new JournalReader(journalPath);
  return rememberedPlan(journal);
}

/** Calls the named one of these operations. */
export function callerOf(operations: Operations): CallOperation {
  return (name, params, outlet) => {
    const operation = operations[name];
    if (operation === undefined) throw new OperationFailed(`${name} needs a data folder opened for writing`);
    return operation(params, outlet);
  };
}

async function tail(
  changes: ChangeLog,
  params: OperationParams<"tail">,
  render: (change: Change) => unknown,
  outlet: Outlet,
): Promise<void> {
  let after = startOf(changes, params.from);
  let left = params.limit ?? Number.MAX_SAFE_INTEGER;
  while (left > 0 && !outlet.signal.aborted) {
    const { changes: page, scannedTo } = changes.read(after, tailPage);
    for (const change of page) {
      if (change.namespace !== params.namespace || left === 0) continue;
      await outlet.item(render(change));
      left -= 1;
    }
    after = scannedTo;
    if (left === 0) return;
    if (after < changes.head()) continue;
    if (!params.follow || !(await changes.waitBeyond(after, outlet.signal))) return;
  }
}

function startOf(changes: ChangeLog, from: string | null): number {
  if (from === null) return changes.head();
  if (from === "earliest") return changes.floor();
  const cursor = parseCursor(from);
  if (cursor === null)
    throw new OperationFailed("the cursor is malformed: expected earliest or <epoch>.<seq>");
  if (cursor.epoch !== changes.epoch || cursor.seq > changes.head())
    throw new OperationFailed("the cursor is not of this journal");
  return cursor.seq;
}

function importEvents(
  accept: Accept,
  params: OperationParams<"import">,
  clock: Clock,
): ReturnType<Accept["submit"]> {
  return accept.submit({
    call: "import",
    source: params.source,
    namespace: params.namespace satisfies Namespace,
    trusted: params.trust === "server",
    receivedAtMs: clock.nowMs(),
    lane: "import",
    body: Buffer.from(`{"batch":[${params.events.join(",")}]}`),
  });
}

async function untilLive(deps: StoreOperationsDeps, outlet: Outlet): Promise<void> {
  for (;;) {
    if (outlet.signal.aborted) return;
    const { mode, progress } = deps.store.status();
    if (mode === "live") return;
    assert(mode !== "closed", "a closed store rebuilds nothing");
    outlet.progress(progress ?? 0);
    await deps.sleep(pollMs);
  }
}
