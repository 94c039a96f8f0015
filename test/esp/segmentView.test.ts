/** A read between the instant at which something falls due and the one at which it is told. */
import { expect, test } from "bun:test";
import { everything, renderProfileUntil, renderVerboseProfile } from "../../src/esp/profileView.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const minuteMs = 60_000;
const event = "Looked";
const rules: Rules = {
  ...noRules,
  segments: [
    { name: "fresh", rule: { kind: "event", event, windowMs: minuteMs } },
    { name: "recent", rule: { kind: "event", event, windowMs: 2 * minuteMs } },
    { name: "stale", rule: { kind: "not", of: { kind: "segment", name: "recent" } } },
  ],
};

test("tells the segments of its own moment, since their own due times, and how long that holds", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.path, { rules });
  await opened.accept("track", { userId: "42", event, messageId: "m-1" });
  const startMs = opened.clock.nowMs();
  const profile = opened.find("user_id", "42");
  if (profile === null) throw new Error("there is no profile");
  const at = (passedMs: number) => {
    const { view, validUntilMs } = renderProfileUntil(profile, everything, startMs + passedMs);
    return [view.segments, validUntilMs === null ? null : validUntilMs - startMs];
  };
  expect(at(0)).toEqual([["fresh", "recent"], minuteMs]);
  expect(at(minuteMs - 1)).toEqual([["fresh", "recent"], minuteMs]);
  expect(at(minuteMs)).toEqual([["recent"], 2 * minuteMs]);
  expect(at(2 * minuteMs)).toEqual([["stale"], null]);
  expect(at(100 * minuteMs)).toEqual([["stale"], null]);
  const { segments } = renderVerboseProfile(profile, everything, startMs + 100 * minuteMs);
  expect(segments).toEqual([{ name: "stale", since: new Date(startMs + 2 * minuteMs).toISOString() }]);
});
