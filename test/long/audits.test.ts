/** Many clean fortnights without a finding: how often chance alone raises one is seen over many seeds only. */
import { expect, test } from "bun:test";
import { FakeClock } from "../support/fakeClock.ts";
import { openTestStore } from "../support/openTestStore.ts";
import { sendShop } from "../support/sendShop.ts";
import { dayMs, shopDays } from "../support/shopDays.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { openTestAudits } from "../support/testAudits.ts";

// A Monday.
const startMs = Date.UTC(2026, 10, 2);
const testMs = 600_000;

test.each([21, 22, 23, 24, 25, 26, 27, 28])(
  "a clean fortnight through a whole store, looked at twice a day, has no finding (seed %d)",
  async (seed) => {
    using folder = tempFolder();
    const clock = new FakeClock(startMs);
    await using opened = await openTestStore(folder.at("data"), { clock });
    await using testAudits = openTestAudits(opened, {
      crossChecks: [
        {
          name: "orders",
          key: "order_id",
          left: { source: "web", event: "Order Completed", property: "total" },
          right: { source: "shop", event: "Order Completed", property: "total" },
          tolerance: 0.005,
          withinMs: 3_600_000,
          mayDifferPercent: 1,
        },
      ],
    });
    const events = shopDays({ seed, startMs, days: 15, visitsADay: 200 });
    for (let atMs = startMs; atMs < startMs + 15 * dayMs; atMs += dayMs / 2) {
      await sendShop(
        opened,
        clock,
        events.filter((event) => event.atMs >= atMs && event.atMs < atMs + dayMs / 2),
      );
      clock.advance(Math.max(0, atMs + dayMs / 2 - clock.nowMs()));
      const { findings } = await testAudits.audits.run("test");
      expect(findings.map(({ sentence }) => sentence)).toEqual([]);
    }
  },
  testMs,
);
