import { changeLogSuite } from "../conformance/changeLog.ts";
import { profilesSuite } from "../conformance/profiles.ts";
import type { StoreRig } from "../conformance/rig.ts";
import type { SentEvent } from "../support/memoryStore.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

async function open(): Promise<StoreRig> {
  const folder = tempFolder();
  const opened = await openTestStore(folder.path);
  return {
    changes: opened.store.changes,
    profiles: opened.store.profiles,
    send: async ({ namespace = "live", source = "web", ...event }: SentEvent) => {
      const { type = event.traits === undefined ? "track" : "identify", name, timestampMs, ...rest } = event;
      const named = type === "track" ? { event: name ?? "Thing Happened" } : {};
      const timed = timestampMs === undefined ? {} : { timestamp: new Date(timestampMs).toISOString() };
      await opened.accept(type, { ...rest, ...named, ...timed }, { namespace, source });
    },
    [Symbol.asyncDispose]: async () => {
      await opened.close();
      folder[Symbol.dispose]();
    },
  };
}

changeLogSuite("the store", open);
profilesSuite("the store", open);
