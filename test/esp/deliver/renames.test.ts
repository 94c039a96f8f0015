/** What a destination is told of somebody whose name there changes, and of who must not be written to. */
import { expect, test } from "bun:test";
import { z } from "zod";
import type {
  AudienceRow,
  Capability,
  Destination,
  UpsertRow,
} from "../../../src/esp/deliver/destination.ts";
import type { Verdict } from "../../../src/model/delivery/verdict.ts";
import { noRules } from "../../../src/model/rules.ts";
import { deliveryRig } from "../../support/deliveryRig.ts";

/** Keeps the rows that it is given; `answers` decide what comes of upserts in turn. */
class Ledger {
  readonly upserts: UpsertRow[] = [];
  readonly audiences: AudienceRow[] = [];
  answers: Verdict[] = [];

  type(renames: boolean): Destination {
    const ability = <Row>(rows: Row[], verdict: () => Verdict): Capability<Row> => ({
      maxRows: 1,
      maxBytes: 1_000,
      repeat: "idempotent",
      way: {
        kind: "own",
        describe: () => "",
        perform: (given) => {
          rows.push(...given);
          return Promise.resolve(verdict());
        },
      },
    });
    return {
      type: "ledger",
      title: "Ledger",
      settings: z.strictObject({}),
      can: ["upsert", "audience"],
      secrets: () => [],
      open: () => ({
        limits: { windows: [], connections: 1 },
        ...(renames ? { renames } : {}),
        identify: ({ email }) =>
          email === null ? { kind: "none", missing: "e-mail address" } : { kind: "key", key: { email } },
        probe: null,
        upsert: ability(this.upserts, () => this.answers.shift() ?? { kind: "done" }),
        audience: ability(this.audiences, () => ({ kind: "done" })),
      }),
    };
  }
}

const pros = {
  name: "pros",
  rule: { kind: "trait", path: ["plan"], test: { condition: { is: "pro" } } },
} as const;

test.each([true, false])("a new address: renames %p", async (renames) => {
  const ledger = new Ledger();
  await using rig = await deliveryRig({
    types: [ledger.type(renames)],
    rules: { ...noRules, segments: [pros] },
  });
  const map = [{ field: "plan", from: { kind: "path", text: "plan" }, type: null }] as const;
  await rig.use({ type: "ledger", own: {}, map, audiences: ["pros"] });
  const say = (traits: Readonly<Record<string, string>>) =>
    rig.test.accept("identify", { userId: "u1", traits });
  await say({ email: "ann@example.com", plan: "pro" });
  await rig.settled();
  expect(ledger.upserts).toMatchObject([{ isNew: true, former: [] }]);
  expect(ledger.audiences).toMatchObject([{ audience: "pros", isMember: true }]);

  ledger.answers = [{ kind: "retry", reason: "busy", afterMs: 0 }];
  await say({ email: "ann@new.example", plan: "free" });
  await rig.settled();
  // Also where the first try failed, it is known what it was called.
  expect(ledger.upserts).toHaveLength(3);
  for (const row of ledger.upserts.slice(1))
    expect(row).toMatchObject({
      key: { email: "ann@new.example" },
      isNew: true,
      former: [{ email: "ann@example.com" }],
      set: { plan: "free" },
    });
  // Who is renamed is in the audience still.
  expect(ledger.audiences.length).toBe(renames ? 2 : 1);
  if (renames) expect(ledger.audiences[1]).toMatchObject({ audience: "pros", isMember: false });
});
