/** The maintenance thread: takes one job, tells its progress, gives its result. */
import { restore } from "../ingest/judge.ts";
import { breather } from "../lib/breather.ts";
import { systemClock } from "../lib/clock.ts";
import { errorText } from "../lib/describeError.ts";
import { standBack } from "../lib/priority.ts";
import { runMaintenance, type MaintenanceJob } from "../store/maintenance.ts";
import type { FromMaintenance } from "../store/maintenanceDesk.ts";

declare const self: Worker;

const say = (message: FromMaintenance) => postMessage(message);

self.onmessage = async (event: MessageEvent<MaintenanceJob>) => {
  // While profiles can't be read, the rebuild that brings them back is the most urgent work there is.
  if (event.data.kind !== "rebuild" || event.data.isBeside) standBack();
  try {
    const onProgress = (share: number) => say({ kind: "progress", share });
    const result = await runMaintenance(event.data, {
      restore,
      onProgress,
      signal: new AbortController().signal,
      breathe: breather(systemClock),
    });
    say({ kind: "done", result });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    say({ kind: "failed", message, summary: errorText(error) });
  }
};
