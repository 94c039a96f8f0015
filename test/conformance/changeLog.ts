/** What every change log must keep to; run against each of them. */
import { describe, expect, test } from "bun:test";
import type { Change } from "../../src/model/change.ts";
import type { ChangeLog } from "../../src/store/changeLog.ts";
import type { OpenRig } from "./rig.ts";

const never = new AbortController().signal;

/** The change of a trait as a copy without a prototype of its own. */
function plain(traits: Change["traits"] | undefined): Record<string, Change["traits"][string]> {
  return { ...traits };
}

/** Everything after `afterSeq`, read in pages of `limit`. */
function readAll(log: ChangeLog, afterSeq: number, limit: number): Change[] {
  const found: Change[] = [];
  for (let after = afterSeq; after < log.head();) {
    const { changes, scannedTo } = log.read(after, limit);
    expect(changes.length).toBeLessThanOrEqual(limit);
    expect(scannedTo).toBeGreaterThan(after);
    found.push(...changes);
    after = scannedTo;
  }
  return found;
}

export function changeLogSuite(name: string, open: OpenRig): void {
  describe(`${name} as a change log`, () => {
    test("is empty at first", async () => {
      await using rig = await open();
      expect(rig.changes.head()).toBe(0);
      expect(rig.changes.newest()).toBe(0);
      expect(rig.changes.read(0, 10)).toEqual({ changes: [], scannedTo: 0 });
    });

    test("gives one change an event, with all that it says", async () => {
      await using rig = await open();
      await rig.send({ userId: "42", traits: { firstName: "Ann" }, messageId: "m-1", source: "shop" });
      await rig.send({ userId: "42", traits: { firstName: "Eve" }, messageId: "m-2", source: "shop" });
      const [first, second] = readAll(rig.changes, 0, 10);
      expect(first).toMatchObject({
        namespace: "live",
        identifiers: [{ type: "user_id", value: "42" }],
        cause: "event",
        event: { messageId: "m-1", type: "identify", name: null, source: "shop" },
        segments: { entered: [], exited: [] },
      });
      expect({ ...first?.traits }).toEqual({ firstName: { old: null, new: "Ann" } });
      expect({ ...second?.traits }).toEqual({ firstName: { old: "Ann", new: "Eve" } });
      expect(second?.seq).toBeGreaterThan(first?.seq ?? 0);
      expect(second?.profileId).toBe(first?.profileId ?? "");
      expect(first).not.toHaveProperty("mergedFrom");
    });

    test("says who went into whom", async () => {
      await using rig = await open();
      await rig.send({ anonymousId: "a-1", traits: { colour: "red" } });
      await rig.send({ userId: "42", traits: { firstName: "Ann" } });
      await rig.send({ userId: "42", anonymousId: "a-1" });
      const [anonymous, user, joined] = readAll(rig.changes, 0, 10);
      expect(joined?.cause).toBe("merge");
      const traits = { ...plain(anonymous?.traits), ...plain(user?.traits) };
      const gained =
        joined?.profileId === user?.profileId
          ? { colour: traits["colour"] }
          : { firstName: traits["firstName"] };
      expect({ ...joined?.traits }).toEqual(gained as never);
      const ids = [anonymous?.profileId, user?.profileId];
      expect(ids).toContain(joined?.profileId ?? "");
      expect(joined?.mergedFrom).toEqual(ids.filter((id) => id !== joined?.profileId) as string[]);
    });

    test("tells what became of people without the rest", async () => {
      await using rig = await open();
      await rig.send({ anonymousId: "a-1", traits: { colour: 'red "merged":[1]' } });
      expect(rig.changes.readPeople(0)).toEqual({ changes: [], scannedTo: rig.changes.head() });
      await rig.send({ userId: "42", traits: { merged: "[1]" } });
      await rig.send({ userId: "42", anonymousId: "a-1" });
      await rig.send({ userId: "42", name: "After" });
      const joined = readAll(rig.changes, 0, 10).filter(({ mergedFrom }) => mergedFrom !== undefined);
      expect(joined).toHaveLength(1);
      const head = rig.changes.head();
      expect(rig.changes.readPeople(0)).toEqual({ changes: joined, scannedTo: head });
      expect(rig.changes.readPeople(joined[0]?.seq ?? 0)).toEqual({ changes: [], scannedTo: head });
      expect(rig.changes.readPeople(head)).toEqual({ changes: [], scannedTo: head });
    });

    test("reads the same in pages of any size and from any place", async () => {
      await using rig = await open();
      for (let index = 0; index < 23; index += 1)
        await rig.send({ userId: `u-${index % 5}`, name: `E${index}` });
      const whole = readAll(rig.changes, 0, 1_000);
      expect(whole.map(({ seq }) => seq)).toEqual(whole.map(({ seq }) => seq).toSorted((a, b) => a - b));
      expect(whole).toHaveLength(23);
      for (const limit of [1, 2, 7, 23, 24]) expect(readAll(rig.changes, 0, limit)).toEqual(whole);
      for (const { seq } of whole)
        expect(readAll(rig.changes, seq, 3)).toEqual(whole.filter((change) => change.seq > seq));
      expect(rig.changes.read(rig.changes.head(), 10).changes).toEqual([]);
    });

    test("shows a change as soon as its event is taken, and its head with it", async () => {
      await using rig = await open();
      for (let index = 0; index < 5; index += 1) {
        const before = rig.changes.head();
        await rig.send({ userId: "42", name: `E${index}` });
        expect(rig.changes.head()).toBeGreaterThan(before);
        expect(rig.changes.newest()).toBeGreaterThanOrEqual(rig.changes.head());
        expect(rig.changes.read(before, 10).changes.map(({ event }) => event?.name)).toEqual([`E${index}`]);
      }
    });

    test("wakes who waits, once there is more", async () => {
      await using rig = await open();
      await rig.send({ userId: "1" });
      const head = rig.changes.head();
      expect(await rig.changes.waitBeyond(head - 1, never)).toBe(true);
      const waits = [rig.changes.waitBeyond(head, never), rig.changes.waitBeyond(head, never)];
      await rig.send({ userId: "2" });
      expect(await Promise.all(waits)).toEqual([true, true]);
    });

    test("lets go of who no longer waits", async () => {
      await using rig = await open();
      const stop = new AbortController();
      const wait = rig.changes.waitBeyond(rig.changes.head(), stop.signal);
      stop.abort();
      expect(await wait).toBe(false);
      expect(await rig.changes.waitBeyond(rig.changes.head(), stop.signal)).toBe(false);
    });

    test("holds live and test data, each marked", async () => {
      await using rig = await open();
      await rig.send({ userId: "42", namespace: "live" });
      await rig.send({ userId: "42", namespace: "test" });
      const changes = readAll(rig.changes, 0, 10);
      expect(changes.map(({ namespace }) => namespace)).toEqual(["live", "test"]);
      expect(changes[0]?.profileId).not.toBe(changes[1]?.profileId ?? "");
    });
  });
}
