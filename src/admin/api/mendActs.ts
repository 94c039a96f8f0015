/** Mending what was refused, from the page: a preview that changes nothing, then the replay, as one piece of work. */
import { Refusal } from "../../errors.ts";
import { operationParams } from "../operation.ts";
import type { MendReport } from "../workReports.ts";
import { notUnderstood, type AdminDeps, type Asked } from "./adminContext.ts";
import { audited } from "./audited.ts";
import type { MendJob } from "./configWire.ts";
import { quietOutlet } from "./keyActs.ts";

/** Begins; goes on when the page is closed. */
export async function mendPieces({ visitor, body }: Asked, deps: AdminDeps): Promise<MendJob> {
  const params = operationParams["quarantine.mend"].safeParse(await body());
  if (
    !params.success ||
    (params.data.ids === null && (params.data.code === null || params.data.source === null))
  )
    throw notUnderstood(
      'Send {"code","source","ids":null,"mapping":{"rename":{},"cast":{},"default":{}},"expression":null,"dryRun":true}.',
    );
  const { mendJobs, call } = deps;
  if (mendJobs.isBusy)
    throw new Refusal("invalid_request", { detail: "Pieces are being sent again; wait until that is done." });
  const { code, source, ids, dryRun } = params.data;
  const group = ids === null ? `${code} from ${source}` : `${ids.length} pieces`;
  return mendJobs.begin(dryRun ? "preview" : "replay", async (progress) => {
    const outlet = { ...quietOutlet(), progress };
    const mend = () => call("quarantine.mend", params.data, outlet);
    const report = dryRun
      ? await mend()
      : await audited({ action: "quarantine.mend", target: group }, visitor, deps, mend, detailOf);
    return {
      isGood: report.refused.length === 0,
      sentence: wordsOf(report, dryRun),
      result: { ...report, group },
    };
  });
}

function detailOf({ pieces, accepted }: MendReport): unknown {
  return { pieces, accepted };
}

function wordsOf({ pieces, accepted }: MendReport, dryRun: boolean): string {
  const count = (number: number) => number.toLocaleString("en");
  const left = pieces - accepted;
  const stays = left === 0 ? "" : dryRun ? `, ${count(left)} would stay` : `, ${count(left)} stay`;
  return dryRun
    ? `${count(accepted)} of ${count(pieces)} would be taken${stays}.`
    : `${count(accepted)} of ${count(pieces)} were taken${stays}.`;
}
