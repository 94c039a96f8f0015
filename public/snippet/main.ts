/**
 * The browser snippet: `<script src="https://…/v1/freshet.js" data-write-key="wk_…" async></script>`.
 *
 * The gate: `shut` (no consent, or Do Not Track) drops calls; `waiting` (data-consent="required") keeps them in
 * memory only; `open` stores and sends. Nothing is read from or written to the browser's storage before it is open,
 * but for the answer to the question itself.
 */
import { version } from "../../package.json";
import { findIdentity, makeId, removeCookie, storeIdentity, type Identity } from "./identity.ts";
import type { Freshet, FreshetCall, FreshetData } from "./freshet.d.ts";
import { watchPages } from "./pageViews.ts";
import { openQueue, type EventContext, type Queue } from "./queue.ts";
import { openShelf } from "./shelf.ts";

/** Calls kept while consent is waited for. */
const maxEarlyCalls = 100;

function start(script: HTMLOrSVGScriptElement | null): void {
  const early = window.freshet ?? [];
  // Loaded twice: the first one goes on.
  if (!Array.isArray(early) || !(script instanceof HTMLScriptElement)) return;
  const options = script.dataset;
  const writeKey = options["writeKey"] ?? "";
  if (!writeKey) {
    console.warn("freshet: the script tag has no data-write-key, nothing is sent");
    return;
  }
  const shelf = openShelf(`freshet.${writeKey}.`);
  const cookie = { name: "freshet_id", domain: options["cookie"] ?? null };
  const needsConsent = options["consent"] === "required";
  let identity: Identity | null = null;
  let queue: Queue | null = null;
  let waiting: (() => void)[] | null = [];

  const open = () => {
    if (identity !== null) return;
    identity = findIdentity(shelf, cookie);
    queue ??= openQueue({
      shelf,
      writeKey,
      url: new URL("/v1/batch", options["host"] ?? script.src).href,
      delayMs: Number(options["delayMs"] ?? 100),
      maxEvents: Number(options["maxQueue"] ?? 500),
    });
    const calls = waiting ?? [];
    waiting = null;
    for (const call of calls) call();
  };
  const shut = () => {
    queue?.clear();
    for (const name of shelf.names("")) shelf.remove(name);
    removeCookie(cookie);
    identity = null;
    waiting = null;
  };

  const send = (type: string, fields: FreshetData, referrer = document.referrer, at = new Date()) => {
    // What the event says of the page is taken now, also if it has to wait for consent.
    const context = pageContext(referrer);
    const act = () => {
      if (identity === null || queue === null) return;
      const { anonymousId, userId } = identity;
      const who = userId === null ? { anonymousId } : { anonymousId, userId };
      const originalTimestamp = at.toISOString();
      queue.add({ ...who, ...fields, messageId: makeId(), type, originalTimestamp, context });
    };
    run(act);
  };
  const run = (act: () => void) => {
    if (waiting === null) act();
    else if (waiting.length < maxEarlyCalls) waiting.push(act);
  };
  const become = (change: Partial<Identity>) => {
    if (identity === null) return;
    identity = { ...identity, ...change };
    storeIdentity(shelf, cookie, identity);
  };

  const page = (referrer: string, name?: string, properties?: FreshetData) => {
    const { page: seen } = pageContext(referrer);
    send("page", { ...(name ? { name } : {}), properties: { ...seen, ...properties } }, referrer);
  };
  const api: Freshet = {
    page: (first?: string | FreshetData, second?: FreshetData) => {
      if (typeof first === "object") page(document.referrer, undefined, first);
      else page(document.referrer, first, second);
    },
    track: (event, properties = {}) => send("track", { event, properties }),
    identify: (first: string | number | FreshetData, second?: FreshetData) => {
      const isId = typeof first !== "object";
      if (isId) run(() => become({ userId: String(first) }));
      send("identify", { traits: (isId ? second : first) ?? {} });
    },
    alias: (userId, previousId) =>
      run(() => {
        const before = previousId ?? identity?.userId ?? identity?.anonymousId;
        become({ userId });
        send("alias", { userId, previousId: before });
      }),
    reset: () => run(() => become({ anonymousId: makeId(), userId: null })),
    consent: (granted) => {
      if (granted) {
        if (refused) return;
        open();
        shelf.set("consent", "yes");
        return;
      }
      shut();
      // Without a gate, the next page would know nothing of the refusal.
      if (!needsConsent) shelf.set("consent", "no");
    },
    anonymousId: () => identity?.anonymousId ?? null,
    flush: () => queue?.flush() ?? Promise.resolve(),
    push: (...calls) => {
      for (const call of calls) perform(call);
    },
  };
  const perform = ([method, ...args]: FreshetCall) => {
    const call = api[method] as ((...values: unknown[]) => void) | undefined;
    call?.(...args);
  };

  const refused =
    "respectDnt" in options &&
    (navigator.doNotTrack === "1" ||
      (navigator as { globalPrivacyControl?: boolean }).globalPrivacyControl === true);
  window.freshet = api;
  if (refused) waiting = null;
  else {
    const answered = shelf.get("consent");
    if (answered === "no") waiting = null;
    else if (answered === "yes" || !needsConsent) open();
  }
  watchPages(options["pages"] !== "manual", {
    onPage: (referrer) => page(referrer),
    onTime: (path, visibleMs) => send("track", { event: "Page Engaged", properties: { path, visibleMs } }),
    onHidden: () => api.flush(),
    onLeave: () => queue?.beacon(),
  });
  api.push(...early);
}

/** Segment's context fields. */
function pageContext(referrer: string): EventContext {
  const { href, pathname, search } = location;
  return {
    page: { path: pathname, url: href.split("#")[0], search, title: document.title, referrer },
    library: { name: "freshet.js", version },
    userAgent: navigator.userAgent,
    locale: navigator.language,
    ...campaign(search),
  };
}

/** utm_source=mail&utm_campaign=spring as Segment's clients write it. */
function campaign(search: string): { campaign?: Record<string, string> } {
  const named = [...new URLSearchParams(search)].filter(([name]) => name.startsWith("utm_"));
  const entries = named.map(([name, value]) => [name === "utm_campaign" ? "name" : name.slice(4), value]);
  return entries.length === 0 ? {} : { campaign: Object.fromEntries(entries) as Record<string, string> };
}

start(document.currentScript);
