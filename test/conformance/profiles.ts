/** What every store of profiles must keep to; run against each of them. */
import { describe, expect, test } from "bun:test";
import { Refusal } from "../../src/errors.ts";
import type { Namespace } from "../../src/model/event.ts";
import { readTraits } from "../../src/model/trait.ts";
import type { HistoryEntry, Profiles, StoredProfile } from "../../src/store/profiles.ts";
import type { OpenRig } from "./rig.ts";

function find(
  profiles: Profiles,
  type: string,
  value: string,
  namespace: Namespace = "live",
): StoredProfile | null {
  const found = profiles.find(namespace, type, value);
  return found.kind === "found" ? found.profile : null;
}

function walk(profiles: Profiles, namespace: Namespace, limit: number): StoredProfile[] {
  const found: StoredProfile[] = [];
  for (let after: number | null = 0; after !== null;) {
    const page: ReturnType<Profiles["page"]> = profiles.page(namespace, after, limit);
    if (page.kind === "rebuilding") throw new Error("profiles are being rebuilt");
    found.push(...page.profiles);
    after = page.nextPid;
  }
  return found;
}

function history(profiles: Profiles, pid: number, limit: number): HistoryEntry[] {
  const found: HistoryEntry[] = [];
  for (let cursor: string | null = null; ;) {
    const page: ReturnType<Profiles["history"]> = profiles.history(pid, cursor, limit);
    expect(page.events.length).toBeLessThanOrEqual(limit);
    found.push(...page.events);
    if (page.nextCursor === null) return found;
    cursor = page.nextCursor;
  }
}

export function profilesSuite(name: string, open: OpenRig): void {
  describe(`${name} as profiles`, () => {
    test("are found by each of their identifiers", async () => {
      await using rig = await open();
      await rig.send({
        userId: "42",
        anonymousId: "a-1",
        traits: { email: "Ann@Example.com", firstName: "Ann" },
      });
      const profile = find(rig.profiles, "user_id", "42");
      expect(profile?.identifiers).toEqual([
        { type: "user_id", value: "42" },
        { type: "email", value: "ann@example.com" },
        { type: "anonymous_id", value: "a-1" },
      ]);
      expect({ ...readTraits(profile?.state ?? ({ traits: {} } as never)) }).toEqual({
        email: "Ann@Example.com",
        firstName: "Ann",
      });
      const hash = new Bun.CryptoHasher("sha256").update("ann@example.com").digest("hex");
      for (const [type, value] of [
        ["anonymous_id", "a-1"],
        ["email", " ANN@example.com "],
        ["email_sha256", hash],
        ["profile_id", profile?.profileId ?? ""],
      ] as const) {
        expect(find(rig.profiles, type, value)).toEqual(profile);
      }
    });

    test("are missing where nobody is", async () => {
      await using rig = await open();
      await rig.send({ userId: "42" });
      for (const [type, value] of [
        ["user_id", "43"],
        ["anonymous_id", "42"],
        ["email", "42"],
        ["profile_id", "42"],
        ["shoe_size", "42"],
        ["user_id", "__proto__"],
      ] as const) {
        expect(rig.profiles.find("live", type, value)).toEqual({ kind: "missing" });
      }
    });

    test("live and test data never meet", async () => {
      await using rig = await open();
      await rig.send({ userId: "42", traits: { who: "live" } });
      await rig.send({ userId: "42", traits: { who: "test" }, namespace: "test" });
      const live = find(rig.profiles, "user_id", "42");
      const tested = find(rig.profiles, "user_id", "42", "test");
      expect(live?.profileId).not.toBe(tested?.profileId ?? "");
      expect(rig.profiles.find("test", "profile_id", live?.profileId ?? "")).toEqual({ kind: "missing" });
      expect(walk(rig.profiles, "live", 1).map(({ profileId }) => profileId)).toEqual([
        live?.profileId ?? "",
      ]);
      expect(walk(rig.profiles, "test", 1).map(({ profileId }) => profileId)).toEqual([
        tested?.profileId ?? "",
      ]);
    });

    test("have the seq of their last change as version", async () => {
      await using rig = await open();
      for (const userId of ["1", "2", "1"]) {
        await rig.send({ userId });
        expect(find(rig.profiles, "user_id", userId)?.version).toBe(rig.changes.head());
      }
    });

    test("that merged lead to the survivor, whatever they were called", async () => {
      await using rig = await open();
      await rig.send({ anonymousId: "a-1", traits: { colour: "red" } });
      const before = find(rig.profiles, "anonymous_id", "a-1");
      await rig.send({ userId: "42", traits: { firstName: "Ann" } });
      await rig.send({ userId: "42", anonymousId: "a-1" });
      const after = find(rig.profiles, "user_id", "42");
      expect(find(rig.profiles, "anonymous_id", "a-1")).toEqual(after);
      expect(find(rig.profiles, "profile_id", before?.profileId ?? "")).toEqual(after);
      expect(walk(rig.profiles, "live", 10)).toHaveLength(1);
    });

    test("are walked in one order, each once, in pages of any size", async () => {
      await using rig = await open();
      for (let index = 0; index < 12; index += 1)
        await rig.send({ userId: `u-${index}`, namespace: index % 3 === 0 ? "test" : "live" });
      const whole = walk(rig.profiles, "live", 100);
      expect(whole).toHaveLength(8);
      expect(whole.map(({ pid }) => pid)).toEqual(whole.map(({ pid }) => pid).toSorted((a, b) => a - b));
      for (const limit of [1, 2, 5]) expect(walk(rig.profiles, "live", limit)).toEqual(whole);
    });

    test("made after a walk began have a greater number than the head had then", async () => {
      await using rig = await open();
      await rig.send({ userId: "1" });
      const head = rig.changes.head();
      await rig.send({ userId: "2" });
      expect(find(rig.profiles, "user_id", "1")?.pid).toBeLessThanOrEqual(head);
      expect(find(rig.profiles, "user_id", "2")?.pid).toBeGreaterThan(head);
    });

    test("remember what is made of them twice until the profile changes or their time is up", async () => {
      await using rig = await open();
      await rig.send({ userId: "1" });
      await rig.send({ userId: "2" });
      const pidOf = (userId: string) => find(rig.profiles, "user_id", userId)?.pid ?? 0;
      const memory = rig.profiles.memory<string>(1_000_000);
      const kept = (userId: string) => ({ pid: pidOf(userId), bytes: 10, validUntilMs: null });
      memory.keep("one", "{}", kept("1"));
      expect(memory.get("one", 0)).toBeUndefined();
      for (const turn of ["", "{}"]) {
        memory.keep("one", turn, kept("1"));
        memory.keep("two", "[]", { ...kept("2"), validUntilMs: 1_000 });
      }
      expect(memory.get("one", 0)).toBe("{}");
      expect(memory.get("two", 999)).toBe("[]");
      expect(memory.get("two", 1_000)).toBeUndefined();
      await rig.send({ userId: "1" });
      expect(memory.get("one", 0)).toBeUndefined();
      expect(memory.get("two", 0)).toBe("[]");
      expect(memory.get("three", 0)).toBeUndefined();
    });

    test("have a history, newest first, in pages of any size", async () => {
      await using rig = await open();
      for (let index = 0; index < 9; index += 1)
        await rig.send({ userId: index % 3 === 2 ? "2" : "1", name: `E${index}`, properties: { index } });
      const pid = find(rig.profiles, "user_id", "1")?.pid ?? 0;
      const whole = history(rig.profiles, pid, 100);
      expect(whole.map(({ name: event }) => event)).toEqual(["E7", "E6", "E4", "E3", "E1", "E0"]);
      expect(whole[0]?.body).toMatchObject({ userId: "1", properties: { index: 7 } });
      for (const limit of [1, 2, 6]) expect(history(rig.profiles, pid, limit)).toEqual(whole);
    });

    test("refuse a made-up history cursor and open nobody else's history with it", async () => {
      await using rig = await open();
      await rig.send({ userId: "1", name: "Mine" });
      await rig.send({ userId: "2", name: "Theirs" });
      const pid = find(rig.profiles, "user_id", "1")?.pid ?? 0;
      expect(() => rig.profiles.history(pid, "nonsense", 10)).toThrow(Refusal);
      const { events } = rig.profiles.history(pid, String(rig.changes.head()), 10);
      expect(events.filter((entry) => entry.name === "Theirs")).toEqual([]);
    });

    test("trace every event of a messageId, one a source", async () => {
      await using rig = await open();
      await rig.send({ userId: "1", messageId: "m-7", source: "web" });
      await rig.send({ userId: "1", messageId: "m-7", source: "shop" });
      await rig.send({ userId: "1", messageId: "m-7", source: "web", namespace: "test" });
      const traces = await rig.profiles.trace("live", "m-7");
      expect(traces.map(({ entry }) => entry.source).toSorted()).toEqual(["shop", "web"]);
      const profileId = find(rig.profiles, "user_id", "1")?.profileId ?? "";
      expect(traces.map((trace) => [trace.profileId, trace.folded])).toEqual([
        [profileId, true],
        [profileId, true],
      ]);
      expect(await rig.profiles.trace("live", "m-8")).toEqual([]);
    });
  });
}
