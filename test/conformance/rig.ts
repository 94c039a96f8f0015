/** What the conformance suites need of a store, real or in memory. */
import type { ChangeLog } from "../../src/store/changeLog.ts";
import type { Profiles } from "../../src/store/profiles.ts";
import type { SentEvent } from "../support/memoryStore.ts";

export interface StoreRig extends AsyncDisposable {
  readonly changes: ChangeLog;
  readonly profiles: Profiles;
  /** Takes one event in; resolves when its effect can be read. */
  send(event: SentEvent): Promise<void>;
}

/** Opens an empty store. */
export type OpenRig = () => Promise<StoreRig>;
