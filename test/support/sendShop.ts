/** Sends days of a shop (shopDays.ts) to a store. */
import type { FakeClock } from "./fakeClock.ts";
import type { TestStore } from "./openTestStore.ts";
import { shopBody, type ShopEvent } from "./shopDays.ts";

/** Sends events as they come, the clock with them; requests of a few minutes at once. */
export async function sendShop(
  opened: TestStore,
  clock: FakeClock,
  events: readonly ShopEvent[],
): Promise<void> {
  const batchMs = 30 * 60_000;
  for (let from = 0; from < events.length;) {
    const first = events[from];
    if (first === undefined) return;
    let to = from;
    while ((events[to]?.atMs ?? Infinity) < first.atMs + batchMs && to - from < 500) to += 1;
    clock.advance(Math.max(0, (events[to - 1]?.atMs ?? 0) - clock.nowMs()));
    await Promise.all(
      (["web", "shop"] as const).map(async (source) => {
        const batch = events.slice(from, to).filter((event) => event.source === source);
        await Promise.all(
          batch.map((event) =>
            opened.send("batch", { batch: [shopBody(event)] }, { source, receivedAtMs: event.atMs }),
          ),
        );
      }),
    );
    from = to;
  }
}
