/** Rules of segments that change while events come and time passes: whoever is in one is so by the new rules. */
import { expect, test } from "bun:test";
import { seededIds } from "../../src/lib/id.ts";
import { identifierKey } from "../../src/model/identifier.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { segmentsAt } from "../../src/model/segment.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const minuteMs = 60_000;
const event = "Looked";
const users = ["u1", "u2", "u3", "u4"];

/** `recent` is another segment in each, `keen` and `gone` rest on it, `lasting` stays what it is. */
const versions = [2, 5, 9].map((minutes): Rules => ({
  ...noRules,
  computed: [{ name: "looks", aggregate: "count", event, windowMs: minutes * minuteMs }],
  segments: [
    { name: "recent", rule: { kind: "event", event, windowMs: minutes * minuteMs } },
    { name: "keen", rule: { kind: "trait", path: ["looks"], test: { condition: { atLeast: 2 } } } },
    { name: "gone", rule: { kind: "not", of: { kind: "segment", name: "recent" } } },
    { name: "lasting", rule: { kind: "event", event, windowMs: 4 * minuteMs } },
  ],
}));

function compare(opened: TestStore): void {
  for (const user of users) {
    const profile = opened.find("user_id", user);
    if (profile === null) continue;
    const { membership, state, definitions, namespace } = profile;
    const identifiers = profile.identifiers.map(({ type, value }) => identifierKey(namespace, type, value));
    const { members } = segmentsAt({ state, identifiers }, definitions, membership?.atMs ?? 0);
    expect([user, [...(membership?.since.keys() ?? [])]]).toEqual([user, [...members]]);
  }
}

for (let seed = 1; seed <= 5; seed += 1)
  test(`change under a running river: seed ${seed}`, async () => {
    const ids = seededIds(seed);
    const pick = (n: number) => Math.floor(ids.random() * n);
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules: versions[0] ?? noRules });
    let sent = 0;
    for (let step = 0; step < 8; step += 1) {
      const change = opened.store.admin.applyRules(versions[pick(3)] ?? noRules);
      for (let at = pick(12); at >= 0; at -= 1) {
        opened.clock.advance(pick(3) === 0 ? pick(4 * minuteMs) : pick(2_000));
        sent += 1;
        await opened.accept("track", { userId: users[pick(4)] ?? "u1", event, messageId: `m${sent}` });
      }
      await change;
      await opened.store.admin.settle();
      compare(opened);
      expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
    }
    expect(opened.changes().some(({ cause }) => cause === "time")).toBe(true);
    await opened.store.admin.rebuild();
    await opened.live();
    compare(opened);
    expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
  }, 30_000);
