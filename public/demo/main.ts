/** The demo: the shop tells Freshet, Freshet's feed tells the e-mail. The two sides know nothing of each other. */
import "./style.css";
import type { Freshet } from "../snippet/freshet.d.ts";
import { byId } from "./dom.ts";
import { follow } from "./feed.ts";
import { writeFacts, writeLetter } from "./letter.ts";
import { currency } from "./products.ts";
import {
  afterChange,
  fromSnapshot,
  nobody,
  onScreen,
  traitNames,
  type FeedChange,
  type FeedSnapshot,
  type Profile,
} from "./profile.ts";
import { openRiver } from "./river.ts";
import { openShop } from "./shop.ts";

/** A click whose event has not come back is forgotten after this. */
const forgottenMs = 10_000;
const ageTickMs = 250;

interface Click {
  /** Type and name of the event that it sent. */
  readonly kind: string;
  readonly atMs: number;
}

function start(freshet: Freshet): void {
  let profile: Profile = nobody;
  let clicks: readonly Click[] = [];
  const river = openRiver();

  const noteClick = (...kinds: readonly string[]) => {
    const atMs = performance.now();
    clicks = clicks.filter((click) => atMs - click.atMs < forgottenMs);
    clicks = [...clicks, ...kinds.map((kind) => ({ kind, atMs }))];
  };
  /** The oldest click that sent such an event; it is not found again. */
  const takeClick = ({ event }: FeedChange): Click | undefined => {
    const kind = event === null ? "" : kindOf(event.type, event.name);
    const click = clicks.find((one) => one.kind === kind);
    clicks = clicks.filter((one) => one !== click);
    return click;
  };
  const track = (name: string, properties: object) => freshet.track(name, { ...properties, currency });

  const shop = openShop({
    viewed: ({ product_id, name, price }, lastViewed) => {
      noteClick(kindOf("track", "Product Viewed"), kindOf("identify", null));
      track("Product Viewed", { product_id, name, price });
      freshet.identify({ lastViewed });
    },
    added: ({ product_id, name, price }, cart) => {
      noteClick(kindOf("track", "Product Added"), kindOf("identify", null));
      track("Product Added", { product_id, name, price, quantity: 1 });
      freshet.identify({ cart });
    },
    removed: ({ product_id, name, price, quantity }, cart) => {
      noteClick(kindOf("track", "Product Removed"), kindOf("identify", null));
      track("Product Removed", { product_id, name, price, quantity });
      freshet.identify({ cart });
    },
    signedUp: (account) => {
      noteClick(kindOf("identify", null), kindOf("track", "Signed Up"));
      freshet.identify(`demo-${freshet.anonymousId()}`, account);
      freshet.track("Signed Up", { method: "email" });
    },
  });

  const listener = {
    snapshot: (snapshot: FeedSnapshot) => {
      const isFirst = profile === nobody;
      profile = fromSnapshot(snapshot, performance.now());
      if (isFirst) shop.restore(profile);
      writeLetter(profile, new Set());
      writeFacts(profile, performance.now());
    },
    change: (change: FeedChange) => {
      const changed = new Set(traitNames.filter((name) => Object.hasOwn(change.traits, name)));
      const click = takeClick(change);
      profile = afterChange(profile, change, performance.now());
      if (changed.size > 0) writeLetter(profile, changed);
      // Another tab of the same visitor fills the same cart. While clicks of this one are under way, it knows better.
      if (changed.size > 0 && clicks.length === 0) shop.restore(profile);
      // Called when the browser draws next: what was written is on the screen then.
      requestAnimationFrame((nowMs) => {
        const clickToScreenMs = click === undefined ? null : Math.max(0, nowMs - click.atMs);
        if (clickToScreenMs !== null) profile = onScreen(profile, changed, clickToScreenMs);
        writeFacts(profile, performance.now());
        river.passed({ name: change.event?.name ?? change.event?.type ?? change.cause, clickToScreenMs });
      });
    },
    status: showStatus,
  };
  const begin = () => follow(freshet.anonymousId() ?? "", listener);

  let end = begin();
  writeLetter(profile, new Set());
  writeFacts(profile, performance.now());
  setInterval(() => writeFacts(profile, performance.now()), ageTickMs);
  byId("reset").addEventListener("click", () => {
    end();
    freshet.reset();
    profile = nobody;
    shop.empty();
    writeLetter(profile, new Set());
    end = begin();
  });
}

function kindOf(type: string, name: string | null): string {
  return `${type} ${name ?? ""}`;
}

function showStatus(status: "live" | "connecting" | "offline"): void {
  const words = { live: "live", connecting: "connecting", offline: "server not reached" } as const;
  byId("status").textContent = words[status];
  byId("status").className = status;
}

if (window.freshet === undefined || Array.isArray(window.freshet)) showStatus("offline");
else start(window.freshet);
