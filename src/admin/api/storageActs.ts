/** The data folder: what it holds, a backup, a verification. */
import { join } from "node:path";
import type { VerifyReport } from "../../store/verify.ts";
import type { Visitor } from "./access.ts";
import type { AdminDeps } from "./adminContext.ts";
import type { JobAnswer, StorageAnswer } from "./adminWire.ts";
import { audited } from "./audited.ts";
import type { JobEnd } from "./jobs.ts";
import { quietOutlet } from "./keyActs.ts";
import { backupName, backupShare, storageSizes } from "./storageView.ts";

/** How often the size of a backup in the making is looked at. */
const lookEveryMs = 250;

export async function storageView(deps: AdminDeps): Promise<StorageAnswer> {
  const { store, dataFolder, jobs, audit, river } = deps;
  const verified = await audit.page(null, 10, "verify");
  const last = verified.find(({ outcome }) => outcome !== "begun");
  const { minutes } = river.history.since(0);
  return {
    ...storageSizes(dataFolder, store.status(), minutes),
    job: jobs.current,
    lastVerify:
      last === undefined
        ? null
        : { at: new Date(last.atMs).toISOString(), outcome: last.outcome, detail: last.detail },
  };
}

/** Begins to copy the journal into a folder of its own beside it. */
export function beginBackup(visitor: Visitor, deps: AdminDeps): JobAnswer {
  const { jobs, call, clock, store, river } = deps;
  return jobs.begin("backup", (progress) => {
    const { backupFolder } = storageSizes(deps.dataFolder, store.status(), []);
    const target = join(backupFolder, backupName(clock.nowMs()));
    const look = river.timers.every(lookEveryMs, () =>
      progress(backupShare(target, store.status().journalBytes)),
    );
    return audited({ action: "backup", target }, visitor, deps, () =>
      call("backup", { target }, quietOutlet()),
    )
      .then(({ path }): JobEnd => ({ isGood: true, sentence: `The backup is at ${path}.` }))
      .finally(() => look[Symbol.dispose]());
  });
}

/** Begins to read every row and to rebuild every profile beside the live ones. */
export function beginVerify(visitor: Visitor, deps: AdminDeps): JobAnswer {
  const { jobs, call } = deps;
  return jobs.begin("verify", async (progress) => {
    const outlet = { ...quietOutlet(), progress };
    const act = { action: "verify", target: null };
    const detailOf = ({ rows, profiles, problems }: VerifyReport) => ({
      rows,
      profiles,
      problems: problems.length,
    });
    return verdictOf(await audited(act, visitor, deps, () => call("verify", {}, outlet), detailOf));
  });
}

function verdictOf({ rows, profiles, problems }: VerifyReport): JobEnd {
  if (problems.length === 0)
    return { isGood: true, sentence: `All is well: ${rows} rows and ${profiles} profiles were checked.` };
  return {
    isGood: false,
    sentence: `${problems.length} problems were found. The first: ${problems[0] ?? ""}`,
  };
}
