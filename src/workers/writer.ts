/** The writer thread: wires ingest's judge into the store's writer and speaks with the main thread. */
import { judge, restore } from "../ingest/judge.ts";
import { systemClock } from "../lib/clock.ts";
import { systemIds } from "../lib/id.ts";
import { systemTimers } from "../lib/timers.ts";
import type { ToWriter } from "../store/messages.ts";
import { WriterThread } from "../store/writerThread.ts";

declare const self: Worker;

const thread = new WriterThread({
  judge,
  restore,
  clock: systemClock,
  timers: systemTimers,
  ids: systemIds,
  post: (message) => postMessage(message),
  schedule: (turn) => setImmediate(turn),
});

self.onmessage = (event: MessageEvent<ToWriter>) => thread.receive(event.data);
