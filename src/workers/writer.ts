/** The writer thread: wires ingest's judge into the store's writer and speaks with the main thread. */
import { enricher } from "../ingest/enrich.ts";
import { judge as plainJudge, judgeWith, restore } from "../ingest/judge.ts";
import { openCountries } from "../lib/countries.ts";
import { systemClock } from "../lib/clock.ts";
import { systemIds } from "../lib/id.ts";
import { systemTimers } from "../lib/timers.ts";
import { noEnrichment } from "../model/facts.ts";
import type { ToWriter } from "../store/messages.ts";
import { WriterThread } from "../store/writerThread.ts";

declare const self: Worker;

/** The one that the settings ask for, which come with the first message. */
let judge = plainJudge;

const thread = new WriterThread({
  judge: (frame, mintId) => judge(frame, mintId),
  restore,
  clock: systemClock,
  timers: systemTimers,
  ids: systemIds,
  post: (message) => postMessage(message),
  schedule: (turn) => setImmediate(turn),
});

self.onmessage = ({ data }: MessageEvent<ToWriter>) => {
  if (data.kind === "open") {
    const { geoip, keepIp } = data.settings.enrichment ?? noEnrichment;
    judge = judgeWith({ enrich: enricher(geoip === null ? null : openCountries(geoip)), keepIp });
  }
  thread.receive(data);
};
