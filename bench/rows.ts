/** Every row, in the order of the table. */
import { batch } from "./rows/batch.ts";
import { compare } from "./rows/compare.ts";
import { computed, computedMany } from "./rows/computed.ts";
import { content } from "./rows/content.ts";
import { definitionChange } from "./rows/definitionChange.ts";
import { deliveries } from "./rows/deliveries.ts";
import { freshness } from "./rows/freshness.ts";
import { get } from "./rows/get.ts";
import { getUnderLoad } from "./rows/getUnderLoad.ts";
import { growth } from "./rows/growth.ts";
import { idleFeeds } from "./rows/idleFeeds.ts";
import { rebuild } from "./rows/rebuild.ts";
import { single } from "./rows/single.ts";
import { start, startFull } from "./rows/start.ts";
import type { Row } from "./support/row.ts";

export const rows: readonly Row[] = [
  single,
  batch,
  get,
  getUnderLoad,
  freshness,
  growth,
  rebuild,
  computed,
  computedMany,
  content,
  deliveries,
  idleFeeds,
  definitionChange,
  start,
  startFull,
  compare,
];
