/** Edges, explanations and plans, without a store. */
import { describe, expect, test } from "bun:test";
import { edgesOf, type ToldEvent } from "../../src/model/edge.ts";
import type { Json } from "../../src/model/event.ts";
import { explainIdentity, type Explained } from "../../src/model/explainIdentity.ts";
import type { Identifier } from "../../src/model/identifier.ts";
import { builtInIdentity, compileIdentity } from "../../src/model/identity.ts";
import { planJoins, type PlannedProfile } from "../../src/model/joinPlan.ts";

function told(seq: number, type: string, body: Json, more: Partial<ToldEvent> = {}): ToldEvent {
  const times = { timestampMs: seq * 1_000, receivedAtMs: seq * 1_000 };
  return {
    seq,
    messageId: `m${seq}`,
    type,
    source: "shop",
    ...times,
    trusted: true,
    ignored: {},
    body,
    ...more,
  };
}

function id(text: string): Identifier {
  const [type = "", value = ""] = text.split(":");
  return { type, value };
}

function explained(text: string, profileId: string | null, events: readonly ToldEvent[]): Explained {
  return {
    identifier: id(text),
    profileId,
    edges: events.flatMap((event) => edgesOf(event, builtInIdentity)),
  };
}

/** An explanation's edges in short. */
function short(edges: readonly { from: Identifier; to: Identifier; messageId: string }[]): string[] {
  return edges.map(
    ({ from, to, messageId }) => `${from.type}:${from.value} ${to.type}:${to.value} ${messageId}`,
  );
}

describe("two identifiers are one profile", () => {
  test("by the shortest chain of what counts, which leads through userIds rather than devices", () => {
    const events = [
      told(1, "track", { userId: "1", anonymousId: "a" }),
      told(2, "track", { userId: "2", anonymousId: "a" }),
      told(3, "alias", { userId: "1", previousId: "3" }),
      told(4, "alias", { userId: "3", previousId: "2" }),
      told(5, "identify", { userId: "2", traits: { email: "B@x.example" } }),
    ];
    const found = explainIdentity(
      explained("anonymous_id:a", "p", events),
      explained("email:b@x.example", "p", events),
    );
    expect(found.kind === "same" ? short(found.chain) : found).toEqual([
      "anonymous_id:a user_id:2 m2",
      "user_id:2 email:b@x.example m5",
    ]);
    const users = explainIdentity(explained("user_id:1", "p", events), explained("user_id:2", "p", events));
    expect(users.kind === "same" ? short(users.chain) : users).toEqual([
      "user_id:1 user_id:3 m3",
      "user_id:3 user_id:2 m4",
    ]);
  });

  test("of a visitor who never signed in", () => {
    const events = [told(1, "identify", { anonymousId: "a", traits: { email: "a@x.example" } })];
    const found = explainIdentity(
      explained("anonymous_id:a", "p", events),
      explained("email:a@x.example", "p", events),
    );
    expect(found.kind === "same" ? short(found.chain) : found).toEqual([
      "anonymous_id:a email:a@x.example m1",
    ]);
  });
});

test("two profiles: a shared device, an alias of a page, an address that went over, what the guards kept out", () => {
  const first = [
    told(1, "track", { userId: "1", anonymousId: "a" }),
    told(3, "identify", { userId: "1", traits: { email: "x@x.example" } }),
    told(4, "alias", { userId: "1", previousId: "2" }, { trusted: false }),
    told(6, "track", { userId: "1", anonymousId: "b" }, { ignored: { anonymous_id: "limit" } }),
  ];
  const second = [
    told(2, "track", { userId: "2", anonymousId: "a" }),
    told(5, "identify", { userId: "2", traits: { email: "x@x.example" } }),
    told(7, "track", { userId: "2", anonymousId: "b" }),
  ];
  const found = explainIdentity(explained("user_id:1", "p", first), explained("user_id:2", "q", second));
  if (found.kind !== "different") throw new Error(found.kind);
  expect(
    found.near.map(({ why, identifier }) => `${why} ${identifier.type}:${identifier.value}`).toSorted(),
  ).toEqual(
    [
      "limit anonymous_id:b",
      "shared anonymous_id:a",
      "shared email:x@x.example",
      "untrusted user_id:2",
    ].toSorted(),
  );
});

test("an identifier that leads nowhere is named", () => {
  expect(explainIdentity(explained("user_id:1", null, []), explained("user_id:2", "p", []))).toEqual({
    kind: "missing",
    missing: [id("user_id:1")],
  });
});

describe("a plan", () => {
  const profiles: readonly PlannedProfile[] = [
    { profileId: "p1", identifiers: [id("user_id:1"), id("anonymous_id:a")] },
    { profileId: "p2", identifiers: [id("user_id:2"), id("email:b@x.example")] },
    { profileId: "p3", identifiers: [id("user_id:3")] },
    { profileId: "p4", identifiers: [id("anonymous_id:d")] },
  ];
  const find = (wanted: Identifier) =>
    profiles.find(({ identifiers }) =>
      identifiers.some(({ type, value }) => type === wanted.type && value === wanted.value),
    ) ?? null;
  const alias = (userId: string, previousId: string) => ({ userId, anonymousId: null, previousId });
  const link = (userId: string, anonymousId: string) => ({ userId, anonymousId, previousId: null });

  test("follows joins through joins, and counts profiles that are there", () => {
    const plan = planJoins(
      [alias("1", "2"), alias("2", "9"), alias("9", "3"), link("3", "d")],
      find,
      builtInIdentity,
    );
    expect(plan.joins.map(({ profileIds }) => profileIds)).toEqual(
      [["p3", "p4", "p1", "p2"].toSorted()].map(() => plan.joins[0]?.profileIds ?? []),
    );
    expect(new Set(plan.joins[0]?.profileIds)).toEqual(new Set(["p1", "p2", "p3", "p4"]));
    expect(plan).toMatchObject({ profiles: 4, blocked: 0, overLimit: 0, shared: 0 });
  });

  test("a device that is somebody's joins nothing, nor does what is blocked or too many", () => {
    const identity = compileIdentity([{ type: "user_id", limit: 2 }]);
    const plan = planJoins(
      [
        link("2", "a"),
        link("1", "guest"),
        alias("null", "1"),
        alias("1", "2"),
        alias("1", "3"),
        link("1", "a"),
      ],
      find,
      identity,
    );
    expect(plan).toMatchObject({ profiles: 2, blocked: 2, overLimit: 1, shared: 1 });
    expect(planJoins([], find, identity)).toMatchObject({ profiles: 0, joins: [] });
  });
});
