/** Everything that content needs beside the store: the blocks, the receipts, what memory holds, how hard it is pressed. */
import type { ServeSettings } from "./config/settings.ts";
import type { ProfileReading } from "./esp/content/blockReading.ts";
import { LastGood } from "./esp/content/lastGood.ts";
import { Pressure } from "./esp/content/pressure.ts";
import { Receipts } from "./esp/content/receipts.ts";
import { Shelf } from "./esp/content/shelf.ts";
import type { Clock } from "./lib/clock.ts";
import type { Log } from "./lib/log.ts";
import type { Timers } from "./lib/timers.ts";
import type { OpsDesk } from "./store/ops/opsDesk.ts";
import type { ProfileMemory } from "./store/profileMemory.ts";
import type { Profiles } from "./store/profiles.ts";

/** Memory for answers that stand in while profiles can't be read. */
const lastGoodBytes = 32 * 1024 * 1024;
/** Memory for what blocks read of profiles. */
const readingsBytes = 32 * 1024 * 1024;

export interface Content {
  /** Null: no content is configured. */
  readonly shelf: Shelf | null;
  readonly receipts: Receipts;
  readonly lastGood: LastGood;
  readonly readings: ProfileMemory<ProfileReading>;
  readonly pressure: Pressure;
  /** Begins to look after changes of the blocks. */
  watch(): void;
  /** Writes the receipts that wait; to be called before ops.db is closed. */
  close(): Promise<void>;
}

/** Reads the blocks; what can't be used of them is said in the log. */
export async function openContent(
  { content }: ServeSettings,
  {
    ops,
    profiles,
    clock,
    timers,
    log,
  }: { ops: OpsDesk; profiles: Profiles; clock: Clock; timers: Timers; log: Log },
): Promise<Content> {
  const notice = (level: "info" | "error", why: string) => log[level]("word of the content blocks", { why });
  const shelf = content === null ? null : await Shelf.open({ ...content, notice });
  const receipts = new Receipts({
    ops,
    timers,
    notice,
    retention: content?.receipts ?? { keepMs: 0, maxRows: 0 },
  });
  if (shelf !== null) await receipts.start();
  const pressure = new Pressure(timers, clock);
  return {
    shelf,
    receipts,
    lastGood: new LastGood(lastGoodBytes),
    readings: profiles.memory(readingsBytes),
    pressure,
    watch: () => shelf?.watch(),
    close: async () => {
      shelf?.[Symbol.dispose]();
      pressure[Symbol.dispose]();
      await receipts.flush();
    },
  };
}
