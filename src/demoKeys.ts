/** The keys of the demo. They live as long as the process and are not stored: each start makes its own. */
import type { ShownKeys } from "./admin/firstKeys.ts";
import { keyFromText, makeKey, specOfText } from "./admin/keyMaking.ts";
import type { Clock } from "./lib/clock.ts";
import type { Ids } from "./lib/id.ts";
import type { KeyRow } from "./store/messages.ts";

export interface DemoKeys {
  readonly rows: readonly KeyRow[];
  /** What the terminal shows; null where the operator has set one. */
  readonly shown: ShownKeys;
  /** The key that the page's tokens are made with. */
  readonly feedKeyId: string;
}

/** Stands in public/demo/page.html for everybody to read, as write keys of pages do. */
const shopKey = "wk_demo_shop_window";
/** What the demo's e-mail is written from. */
const letterTraits = ["firstName", "cart", "recentlyViewed", "views24h"];

/** Keys for one run. `operator` holds what the environment sets. */
export function makeDemoKeys(
  operator: ShownKeys,
  deps: { readonly ids: Ids; readonly clock: Clock },
): DemoKeys {
  const shop = keyFromText(shopKey, specOfText(shopKey, "demo-shop", "browser"), deps.clock);
  const feedSpec = {
    ...specOfText("sk_", "demo", "server"),
    scopes: ["feed"],
    readableTraits: letterTraits,
  } as const;
  const feed = makeKey(feedSpec, deps);
  const write = operator.writeKey === null ? makeKey(specOfText("wk_", "default", "server"), deps) : null;
  const secret = operator.secretKey === null ? makeKey(specOfText("sk_", "default", "server"), deps) : null;
  const made = [write, secret].filter((key) => key !== null);
  return {
    rows: [shop, feed, ...made].map(({ row }) => row),
    shown: { writeKey: write?.text ?? null, secretKey: secret?.text ?? null },
    feedKeyId: feed.row.id,
  };
}
