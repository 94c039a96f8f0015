/** Declared traits through the real store: decided once, kept apart, the same after a rebuild under other rules. */
import { describe, expect, test } from "bun:test";
import type { DeclaredTrait } from "../../src/model/declared.ts";
import { noRules } from "../../src/model/rules.ts";
import type { ChosenRules } from "../../src/store/usedDefinitions.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const plan: DeclaredTrait = { name: "plan", type: "string", oneOf: ["free", "pro"], setBy: ["shop"] };
const age: DeclaredTrait = { name: "age", type: "number", min: 0, coerce: true };
const mail: DeclaredTrait = { name: "email", type: "string", format: "email", maxLength: 20 };
const declared: ChosenRules = { ...noRules, traits: [plan, age, mail] };

/** Codes in the quarantine, oldest first. */
function codes(opened: TestStore): string[] {
  return opened.store.admin
    .quarantine(null, 100)
    .map(({ code }) => code)
    .toReversed();
}

function bodyOf(opened: TestStore, code: string): unknown {
  const piece = opened.store.admin.quarantine(null, 100).find((found) => found.code === code);
  return JSON.parse(Buffer.from(piece?.body ?? []).toString("utf8"));
}

test("the event is taken without what breaks a rule; the rest waits in the quarantine with its own name and time", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: declared });
  const at = "2026-11-01T08:00:00.000Z";
  await opened.accept("identify", {
    userId: "42",
    messageId: "i-1",
    timestamp: at,
    traits: { plan: "pro", age: -1, city: "Bonn" },
  });
  expect(opened.traits("user_id", "42")).toEqual({ city: "Bonn" });
  expect(Object.keys(opened.changes()[0]?.traits ?? {})).toEqual(["city"]);
  expect(codes(opened)).toEqual(["forbidden", "invalid_trait"]);
  expect(bodyOf(opened, "invalid_trait")).toEqual({
    type: "identify",
    messageId: "i-1~traits",
    userId: "42",
    timestamp: at,
    traits: { age: -1 },
  });
});

test("an address that breaks its rule finds no profile", async () => {
  using folder = tempFolder();
  await using opened = await openTestStore(folder.at("data"), { rules: declared });
  await opened.accept("identify", { userId: "42", traits: { email: "ann.of.bonn@example.com" } });
  await opened.accept("identify", { userId: "43", traits: { email: "ann@example.com" } });
  expect(opened.find("email", "ann.of.bonn@example.com")).toBeNull();
  expect(opened.find("email", "ann@example.com")?.identifiers).toContainEqual({
    type: "user_id",
    value: "43",
  });
});

async function send(opened: TestStore): Promise<void> {
  await opened.accept("identify", { userId: "42", messageId: "i-1", traits: { plan: "pro", age: "41" } });
  await opened.accept(
    "identify",
    { userId: "42", messageId: "i-2", traits: { plan: "free" } },
    { source: "shop" },
  );
  await opened.accept("identify", { userId: "42", messageId: "i-3", traits: { plan: "gold", age: {} } });
}

describe("what was decided", () => {
  test("stands in the journal: restarts, rebuilds and other rules change nothing", async () => {
    using folder = tempFolder();
    {
      await using opened = await openTestStore(folder.at("data"), { rules: declared });
      await send(opened);
      expect(opened.traits("user_id", "42")).toEqual({ plan: "free", age: 41 });
      expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
    }
    await using again = await openTestStore(folder.at("data"));
    expect(again.traits("user_id", "42")).toEqual({ plan: "free", age: 41 });
    expect((await again.store.admin.verify(() => {})).problems).toEqual([]);
    await again.store.admin.rebuild();
    await again.live();
    expect(again.traits("user_id", "42")).toEqual({ plan: "free", age: 41 });
  });

  test("can be taken back: a piece is sent again once the rules are mended, as old as it was", async () => {
    using folder = tempFolder();
    {
      await using opened = await openTestStore(folder.at("data"), { rules: declared });
      await opened.accept("identify", { userId: "42", traits: { age: [] } });
      const [piece] = opened.store.admin.quarantine(null, 1);
      await opened.store.admin.replayQuarantine(piece?.id ?? 0);
      expect(opened.traits("user_id", "42")).toEqual({});
    }
    await using again = await openTestStore(folder.at("data"), {
      rules: { ...noRules, traits: [{ name: "age", type: "list" }] },
    });
    await again.accept("identify", { userId: "42", traits: { city: "Bonn" } });
    const [piece] = again.store.admin.quarantine(null, 1);
    expect(await again.store.admin.replayQuarantine(piece?.id ?? 0)).toEqual({ kind: "accepted" });
    expect(again.traits("user_id", "42")).toEqual({ age: [], city: "Bonn" });
  });

  test("goes with the person", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.at("data"), { rules: declared });
    await opened.accept("identify", { userId: "42", traits: { plan: "secret plan" } });
    await opened.store.admin.erase("live", "user_id", "42");
    expect(codes(opened)).toEqual([]);
  });
});
