/** The demo: the shop tells Freshet, Freshet's feed tells the e-mail. The two sides know nothing of each other. */
import "./style.css";
import type { Freshet } from "../snippet/freshet.d.ts";
import { byId } from "./dom.ts";
import { follow } from "./feed.ts";
import { writeFacts, writeLetter } from "./letter.ts";
import { watchMails } from "./mails.ts";
import { currency } from "./products.ts";
import {
  afterChange,
  changedFacts,
  fromSnapshot,
  nobody,
  onScreen,
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
  /** What was done, for people. */
  readonly words: string;
  readonly atMs: number;
}

function start(freshet: Freshet): void {
  let profile: Profile = nobody;
  let clicks: readonly Click[] = [];
  const river = openRiver();
  const mails = watchMails();

  const noteClick = (kind: string, words: string) => {
    const atMs = performance.now();
    clicks = [...clicks.filter((click) => atMs - click.atMs < forgottenMs), { kind, words, atMs }];
  };
  /** The oldest click that sent such an event; it is not found again. */
  const takeClick = ({ event }: FeedChange): Click | undefined => {
    const kind = event === null ? "" : kindOf(event.type, event.name);
    const click = clicks.find((one) => one.kind === kind);
    clicks = clicks.filter((one) => one !== click);
    return click;
  };
  const track = (name: string, words: string, properties: object) => {
    noteClick(kindOf("track", name), words);
    freshet.track(name, { ...properties, currency });
  };

  const shop = openShop({
    viewed: ({ product_id, name, price }) =>
      track("Product Viewed", `You looked at the ${name}`, { product_id, name, price }),
    added: ({ product_id, name, price }) =>
      track("Product Added", `You added the ${name}`, { product_id, name, price, quantity: 1 }),
    removed: ({ product_id, name, price, quantity }) =>
      track("Product Removed", `You removed the ${name}`, { product_id, name, price, quantity }),
    signedUp: (account) => {
      noteClick(kindOf("identify", null), "You signed up");
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
      const changed = changedFacts(profile, change);
      const click = takeClick(change);
      profile = afterChange(profile, change, performance.now());
      if (changed.size > 0) writeLetter(profile, changed);
      if (changed.has("leftBehind") && profile.leftBehind !== null) mails.await();
      // Another tab of the same visitor fills the same cart. While clicks of this one are under way, it knows better.
      if (changed.size > 0 && clicks.length === 0) shop.restore(profile);
      // Called when the browser draws next: what was written is on the screen then.
      requestAnimationFrame((nowMs) => {
        const toScreenMs = click === undefined ? sinceDueMs(change) : Math.max(0, nowMs - click.atMs);
        if (toScreenMs !== null) profile = onScreen(profile, changed, toScreenMs);
        writeFacts(profile, performance.now());
        river.passed({ words: click?.words ?? null, toScreenMs });
      });
    },
    status: showStatus,
  };
  const begin = () => {
    const anonymousId = freshet.anonymousId() ?? "";
    mails.begin(anonymousId);
    return follow(anonymousId, listener);
  };

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

/** How long ago that came true which came true by itself; null for what somebody did. */
function sinceDueMs({ cause, timestamp }: FeedChange): number | null {
  return cause === "time" ? Math.max(0, Date.now() - Date.parse(timestamp)) : null;
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
