/** Consent through the real store: in the event's own commit, in the change log, through restart, rebuild, merge and erasure. */
import { describe, expect, test } from "bun:test";
import { consentOf, shownConsent, type HasConsent } from "../../src/model/consent.ts";
import { noConsentRules } from "../../src/model/consentRule.ts";
import type { JsonObject } from "../../src/model/event.ts";
import { mayDeliver } from "../../src/model/mayDeliver.ts";
import { noRules, type Rules } from "../../src/model/rules.ts";
import { openTestStore, type TestStore } from "../support/openTestStore.ts";
import { tempFolder } from "../support/tempFolder.ts";

const rules: Rules = {
  ...noRules,
  consent: { ...noConsentRules, categories: { Marketing: ["email.marketing"] } },
};

async function say(opened: TestStore, body: JsonObject, trusted = true): Promise<void> {
  opened.clock.advance(1_000);
  await opened.accept("track", { userId: "42", ...body }, { trusted });
}

const marketing = { channel: "email", topic: "marketing" };
const granted = { event: "Consent Changed", properties: { ...marketing, status: "granted" } };

function verdict(opened: TestStore, userId = "42") {
  return mayDeliver(opened.find("user_id", userId), {
    destination: { isLive: true },
    ...marketing,
    now: opened.clock.nowMs(),
  });
}

async function isSound(opened: TestStore): Promise<void> {
  expect((await opened.store.admin.verify(() => {})).problems).toEqual([]);
}

describe("a word about consent", () => {
  test("acts with the commit of its event and stands in its change, old and new", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await opened.accept("identify", { userId: "42", traits: { email: "ann@example.org" } });
    expect(verdict(opened)).toMatchObject({ kind: "deny", reason: "consent_unknown" });
    await say(opened, granted);
    expect(verdict(opened)).toEqual({ kind: "allow" });
    await say(opened, { event: "Unsubscribed" });
    expect(verdict(opened)).toEqual({
      kind: "deny",
      reason: "unsubscribed",
      since: opened.clock.nowMs(),
    });
    expect(opened.changes().map(({ consent }) => consent)).toEqual([
      undefined,
      { consent: { "email.marketing": { old: "unknown", new: "granted" } }, suppressions: {} },
      { consent: {}, suppressions: { email: { old: [], new: ["unsubscribed"] } } },
    ]);
    await isSound(opened);
  });

  test("of a browser is refused where it can be seen, and the event is taken", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    await say(opened, { ...granted, messageId: "b-1" }, false);
    expect(opened.find("user_id", "42")?.state.consent).toBeUndefined();
    expect(opened.history("user_id", "42").map(({ messageId }) => messageId)).toEqual(["b-1"]);
    const [piece] = opened.store.admin.quarantine(null, 10);
    expect(piece?.code).toBe("forbidden");
    expect(JSON.parse(Buffer.from(piece?.body ?? []).toString("utf8"))).toMatchObject({
      type: "track",
      messageId: "b-1~consent",
      ...granted,
    });
    await isSound(opened);
  });

  test("that is none says so in the quarantine", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path);
    await say(opened, { event: "Consent Changed", properties: { channel: "email", status: "maybe" } });
    expect(opened.store.admin.quarantine(null, 10).map(({ code }) => code)).toEqual(["invalid_event"]);
  });

  test("comes from a banner too, in the event's context or the batch's, and a bounce finds its address there", async () => {
    using folder = tempFolder();
    await using opened = await openTestStore(folder.path, { rules });
    const event = "Segment Consent Preference Updated";
    const preferences = (isGranted: boolean) => ({
      consent: { categoryPreferences: { Marketing: isGranted } },
    });
    await say(opened, { event, context: preferences(true) });
    expect(shownConsent(opened.find("user_id", "42")?.state ?? {}).consent).toEqual({
      "email.marketing": "granted",
    });
    opened.clock.advance(1_000);
    await opened.accept("batch", {
      batch: [
        { type: "track", userId: "42", event },
        { type: "track", userId: "42", event: "Email Bounced", context: { library: {} } },
      ],
      context: { ...preferences(false), traits: { email: "Old@example.org" } },
    });
    const state: HasConsent = opened.find("user_id", "42")?.state ?? {};
    expect(consentOf(state, "email", "marketing").status).toBe("denied");
    expect(Object.keys(state.consent?.suppressions ?? {})).toEqual(["email bounced old@example.org"]);
    await isSound(opened);
  });
});

describe("what was said stays", () => {
  test("through a restart, a merge and a late link, and goes with the person", async () => {
    using folder = tempFolder();
    {
      await using opened = await openTestStore(folder.path, { rules });
      await opened.accept("identify", { userId: "42", traits: { email: "ann@example.org" } });
      opened.clock.advance(1_000);
      await opened.accept("track", { anonymousId: "a-1", ...granted });
      expect(opened.find("anonymous_id", "a-1")?.state.consent).toBeDefined();
    }
    await using opened = await openTestStore(folder.path, { rules });
    opened.clock.advance(10_000);
    await opened.accept("identify", { userId: "42", anonymousId: "a-1", traits: {} });
    expect(opened.changes().at(-1)?.consent?.consent).toEqual({
      "email.marketing": { old: "unknown", new: "granted" },
    });
    expect(verdict(opened)).toEqual({ kind: "allow" });
    await isSound(opened);
    // An earlier link than any known makes the anonymous event somebody else's.
    const at = new Date(opened.clock.nowMs() - 3_600_000).toISOString();
    await opened.accept("identify", { userId: "77", anonymousId: "a-1", timestamp: at, traits: {} });
    await opened.store.admin.settle();
    expect(opened.find("user_id", "42")?.state.consent).toBeUndefined();
    expect(consentOf(opened.find("user_id", "77")?.state ?? {}, "email", "marketing").status).toBe("granted");
    const told = opened.changes().map(({ consent }) => consent?.consent["email.marketing"]);
    expect(told).toContainEqual({ old: "granted", new: "unknown" });
    await isSound(opened);
    await opened.store.admin.erase("live", "user_id", "77");
    expect(opened.find("user_id", "77")).toBeNull();
    expect(verdict(opened, "77")).toMatchObject({ kind: "deny", reason: "erased" });
    await isSound(opened);
  });

  test("and other categories of the banner count for what was said before", async () => {
    using folder = tempFolder();
    const event = "Segment Consent Preference Updated";
    {
      await using opened = await openTestStore(folder.path);
      await say(opened, { event, context: { consent: { categoryPreferences: { Marketing: true } } } });
      expect(opened.find("user_id", "42")?.state.consent).toBeUndefined();
    }
    await using opened = await openTestStore(folder.path, { rules });
    await opened.live();
    expect(consentOf(opened.find("user_id", "42")?.state ?? {}, "email", "marketing").status).toBe("granted");
  });
});
