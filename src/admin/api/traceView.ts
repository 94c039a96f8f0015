/** The way of one event through the house, for the page. */
import { renderTrace } from "../../esp/historyView.ts";
import { Refusal } from "../../errors.ts";
import type { Namespace } from "../../model/event.ts";
import type { Profiles } from "../../store/profiles.ts";
import type { TraceAnswer } from "./profileWire.ts";

/** Every event with that messageId, one a source. Throws Refusal event_not_found. */
export async function traceView(
  profiles: Profiles,
  namespace: Namespace,
  messageId: string,
  fedAtMs: (seq: number) => number | null,
): Promise<TraceAnswer> {
  const traces = messageId === "" ? [] : await profiles.trace(namespace, messageId);
  if (traces.length === 0) throw new Refusal("event_not_found");
  return {
    events: traces.map((trace) => renderTrace(trace, null, fedAtMs(trace.entry.seq))),
    nextCursor: null,
  };
}
