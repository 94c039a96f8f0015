/** The snippet against a server that is killed while a page sends. */
import { expect, test } from "bun:test";
import { startBrowser } from "../support/browser.ts";
import { keptEvents } from "../support/keptEvents.ts";
import { watchBatches } from "../support/sentBatches.ts";
import { startServer } from "../support/server.ts";
import { openShop } from "../support/shop.ts";
import { tempFolder } from "../support/tempFolder.ts";
import { until } from "../support/until.ts";

const withinMs = 30_000;

test("every event is kept once through a kill -9 and a restart", async () => {
  using folder = tempFolder();
  const data = folder.at("data");
  await using first = await startServer({ data });
  const { origin, port, writeKey } = first;
  const head = `<script src="${origin}/v1/freshet.js" data-write-key="${writeKey}" data-pages="manual" data-delay-ms="0"></script>`;
  using shop = openShop({ head });
  await using browser = await startBrowser();
  await using tab = await browser.open(shop.origin);
  const batches = watchBatches(tab.page);
  const anonymousId = await tab.page.evaluate<string>("freshet.anonymousId()");
  // On and on, so that a slow machine too is killed in the middle of it.
  await tab.page.evaluate(`window.n = 0;
    window.clicks = setInterval(() => { n += 1; freshet.track("Clicked", { n }); }, 20);
    undefined`);
  await until("some have been sent", () => batches.length > 3);
  await first.kill();
  const killedAt = batches.length;
  await until("the page has tried in vain", () => batches.length > killedAt);
  const clicks = await tab.page.evaluate<number>("clearInterval(clicks), n");
  await using second = await startServer({ data, args: ["--port", String(port)] });
  const events = await until(
    "all have arrived",
    async () => {
      const found = await keptEvents(second, `anonymous_id:${anonymousId}`);
      return found.length >= clicks ? found : null;
    },
    withinMs,
  );
  const numbers = events.map(({ properties }) => Number(properties["n"]));
  expect(numbers.toSorted((left, right) => left - right)).toEqual(
    Array.from({ length: clicks }, (_, at) => at + 1),
  );
}, 60_000);
