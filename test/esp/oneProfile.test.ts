/** What passes to a reader of one profile, change by change. */
import { describe, expect, test } from "bun:test";
import { OneProfile } from "../../src/esp/oneProfile.ts";
import type { Change } from "../../src/model/change.ts";
import { MemoryStore } from "../support/memoryStore.ts";

function change(given: Partial<Change> & Pick<Change, "profileId">): Change {
  return {
    seq: 1,
    namespace: "live",
    identifiers: [],
    cause: "event",
    event: null,
    timestampMs: 0,
    receivedAtMs: null,
    committedAtMs: 0,
    traits: {},
    segments: { entered: [], exited: [] },
    ...given,
  };
}

const a1 = { type: "anonymous_id", value: "a1" };
const other = { type: "user_id", value: "other" };

function follower(): OneProfile {
  return new OneProfile(new MemoryStore().profiles, "live", a1);
}

describe("the follower of an identifier", () => {
  test("lets go of a profile that loses the identifier, and takes the one that gets it", () => {
    const one = follower();
    expect(one.admits(change({ profileId: "p1", identifiers: [a1] }))).toBe(true);
    expect(one.admits(change({ profileId: "p1", identifiers: [other] }))).toBe(false);
    expect(one.admits(change({ profileId: "p2", identifiers: [a1] }))).toBe(true);
    expect(one.admits(change({ profileId: "p1", cause: "erase" }))).toBe(false);
    expect(one.admits(change({ profileId: "p2", cause: "erase" }))).toBe(true);
    expect(one.admits(change({ profileId: "p2", cause: "erase" }))).toBe(false);
  });

  test("is not led astray by the same identifier among test data", () => {
    const one = follower();
    expect(one.admits(change({ profileId: "p1", identifiers: [a1] }))).toBe(true);
    expect(one.admits(change({ profileId: "t1", namespace: "test", identifiers: [a1] }))).toBe(false);
    expect(one.admits(change({ profileId: "t1", cause: "erase" }))).toBe(false);
    expect(one.admits(change({ profileId: "p1", cause: "erase" }))).toBe(true);
  });

  test("knows from the start whose the identifier is", () => {
    const store = new MemoryStore();
    store.send({ anonymousId: "a1" });
    const one = new OneProfile(store.profiles, "live", a1);
    expect(one.admits(change({ profileId: "prf_00000001", cause: "erase" }))).toBe(true);
  });
});
