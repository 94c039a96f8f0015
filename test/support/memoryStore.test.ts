import { changeLogSuite } from "../conformance/changeLog.ts";
import { profilesSuite } from "../conformance/profiles.ts";
import type { StoreRig } from "../conformance/rig.ts";
import { MemoryStore } from "./memoryStore.ts";

function open(): Promise<StoreRig> {
  const store = new MemoryStore();
  return Promise.resolve({
    changes: store.changes,
    profiles: store.profiles,
    send: (event) => {
      store.send(event);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
}

changeLogSuite("the store in memory", open);
profilesSuite("the store in memory", open);
