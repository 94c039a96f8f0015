/**
 * What waits to be sent. Each event is stored under a name of its own, so that two tabs never overwrite each other,
 * and stays until the server has answered for it: the same messageId may go out twice, and is kept once there.
 *
 *   idle ── add ──► timer ──► sending ── answered ──► idle, or at once the next batch
 *                     ▲          └── no answer, 429, 5xx ──► timer (longer each time, or as long as the server says)
 *                     └───────────── back online: at once
 *   Refused for what is wrong with us and not with the events (401, 403, 404 …): stopped until the next page; what
 *   waits stays stored. Events that are refused for what they are (400, 413) are in the server's quarantine.
 */
import type { Shelf } from "./shelf.ts";

/** What is said of the place and the sender beside each event. */
export interface EventContext {
  readonly library: { readonly name: string; readonly version: string };
  readonly page: Readonly<Record<string, unknown>>;
  readonly userAgent: string;
  readonly locale: string;
  readonly campaign?: Readonly<Record<string, string>>;
  /** Older events that had to make room for this one. */
  dropped?: number;
}

/** An event on its way; its messageId sorts by time. */
export interface Waiting {
  readonly messageId: string;
  readonly type: string;
  readonly originalTimestamp: string;
  readonly context: EventContext;
}

export interface Queue {
  add(event: Waiting): void;
  /** Sends what waits, now. */
  flush(): Promise<void>;
  /** For a page that is going away: hands what waits to the browser, without an answer. */
  beacon(): void;
  /** Forgets all of it; what is stored is not touched. */
  clear(): void;
}

export interface QueueOptions {
  readonly shelf: Shelf;
  readonly writeKey: string;
  /** Where batches go. */
  readonly url: string;
  readonly delayMs: number;
  readonly maxEvents: number;
}

/** Browsers take no larger body from a page that is going away. */
const maxBodyBytes = 60_000;
const firstRetryMs = 1_000;
const longestRetryMs = 60_000;
/** Names of stored events begin with this. */
const prefix = "e.";

export function openQueue({ shelf, writeKey, url, delayMs, maxEvents }: QueueOptions): Queue {
  /** JSON by messageId, oldest first. */
  const pending = new Map<string, string>();
  let inFlight: readonly string[] = [];
  let sending: Promise<void> | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let stopped = false;
  /** When the last answer came, and how long before its sending the newest event of its batch was said to be. */
  let answeredMs = 0;
  let agoMs = 0;

  const remove = (id: string) => {
    pending.delete(id);
    shelf.remove(prefix + id);
  };
  const later = (waitMs: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => flush(), waitMs);
  };
  /** NaN for a text that somebody else has spoiled. The last such name is ours: a property may be called so too. */
  const madeMs = (id = "") =>
    Date.parse(/.*"originalTimestamp":"(.*?)"/.exec(pending.get(id) ?? "")?.[1] ?? "");
  /**
   * The server moves a batch's events by the time that its way took. Events made while the batch before was still on a
   * long way would so come to lie before it, and lose to it: they are said to be made later, at most by that way.
   */
  const sentMs = ([oldest]: readonly string[]) => {
    const nowMs = Date.now();
    const oldestMs = madeMs(oldest);
    return oldestMs < answeredMs ? Math.min(nowMs, oldestMs + agoMs + nowMs - answeredMs) : nowMs;
  };
  const body = (ids: readonly string[], atMs = sentMs(ids)) =>
    `{"writeKey":${JSON.stringify(writeKey)},"sentAt":"${new Date(atMs).toISOString()}","batch":[${ids.map((id) => pending.get(id)).join()}]}`;

  /** The oldest that fit into one body and are not under way; one that is too large for it goes alone. */
  const next = (skipped: readonly string[]): string[] => {
    const ids: string[] = [];
    let bytes = 200;
    for (const [id, text] of stopped ? [] : pending) {
      if (skipped.includes(id)) continue;
      bytes += new Blob([text]).size + 1;
      if (bytes > maxBodyBytes && ids.length > 0) break;
      ids.push(id);
    }
    return ids;
  };

  /** Sends one batch. True if the next one may follow at once. */
  const send = async (): Promise<boolean> => {
    inFlight = next([]);
    if (inFlight.length === 0) return false;
    const atMs = sentMs(inFlight);
    const text = body(inFlight, atMs);
    let waitMs = Math.min(longestRetryMs, firstRetryMs * 2 ** failures) * (0.5 + Math.random() / 2);
    try {
      const keepalive = new Blob([text]).size < maxBodyBytes;
      // A text body needs no preflight. Nothing of the visitor's cookies is sent.
      const { status, headers } = await fetch(url, {
        method: "POST",
        body: text,
        keepalive,
        credentials: "omit",
      });
      if (status < 300 || status === 400 || status === 413) {
        failures = 0;
        answeredMs = Date.now();
        agoMs = atMs - madeMs(inFlight.at(-1));
        inFlight.forEach(remove);
        return true;
      }
      if (status !== 429 && status < 500) {
        stopped = true;
        console.warn(`freshet: the server refuses (${status}), nothing is sent`);
        return false;
      }
      waitMs = Number(headers.get("Retry-After")) * 1_000 || waitMs;
    } catch {
      // No answer: offline, or the server is not there.
    } finally {
      inFlight = [];
    }
    failures += 1;
    later(waitMs);
    return false;
  };

  const sendAll = async () => {
    while (await send());
    sending = null;
  };
  const flush = (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    return (sending ??= sendAll());
  };

  const store = (event: Waiting) => {
    const text = JSON.stringify(event);
    pending.set(event.messageId, text);
    shelf.set(prefix + event.messageId, text);
  };
  /** Makes room; what was dropped is counted in the event that took the room. */
  const makeRoom = (event: Waiting) => {
    for (const [id, text] of pending) {
      if (pending.size < maxEvents) return;
      const lost = JSON.parse(text) as Waiting;
      event.context.dropped = (event.context.dropped ?? 0) + (lost.context.dropped ?? 0) + 1;
      remove(id);
    }
  };

  for (const name of shelf.names(prefix)) {
    const text = shelf.get(name);
    if (text !== null) pending.set(name.slice(prefix.length), text);
  }
  if (pending.size > 0) later(delayMs);
  addEventListener("online", () => later(0));

  return {
    flush,
    add: (event) => {
      makeRoom(event);
      store(event);
      if (timer === undefined && sending === null) later(delayMs);
    },
    beacon: () => {
      const handed = [...inFlight];
      for (let ids = next(handed); ids.length > 0; ids = next(handed)) {
        if (!navigator.sendBeacon(url, body(ids))) return;
        handed.push(...ids);
      }
    },
    clear: () => pending.clear(),
  };
}
