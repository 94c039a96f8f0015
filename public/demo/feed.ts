/**
 * The visitor's own profile as it changes: a token for this browser's anonymous id, then server-sent events. The
 * browser reconnects by itself and resumes; once the token has expired the server says so and we ask for another one.
 */
import type { FeedChange, FeedSnapshot } from "./profile.ts";

export interface FeedListener {
  snapshot(profile: FeedSnapshot): void;
  change(change: FeedChange): void;
  status(status: "live" | "connecting" | "offline"): void;
}

const retryMs = 2_000;

/** Follows a profile until the returned function is called. */
export function follow(anonymousId: string, listener: FeedListener): () => void {
  let source: EventSource | null = null;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let version = 0;

  const open = async () => {
    listener.status("connecting");
    const token = await tokenFor(anonymousId);
    if (isOver) return;
    if (token === null) return again();
    source = new EventSource(`/v1/feed?snapshot=true&verbose=true&token=${encodeURIComponent(token)}`);
    source.addEventListener("open", () => listener.status("live"));
    source.addEventListener("error", () => {
      if (source?.readyState === EventSource.CLOSED) again();
      else listener.status("connecting");
    });
    source.addEventListener("snapshot", ({ data }: MessageEvent<string>) => {
      const snapshot = JSON.parse(data) as FeedSnapshot;
      version = Math.max(version, snapshot.version);
      listener.snapshot(snapshot);
    });
    source.addEventListener("change", ({ data }: MessageEvent<string>) => {
      const change = JSON.parse(data) as FeedChange;
      // Delivery is at least once: what was seen already is passed over.
      if (change.version <= version) return;
      version = change.version;
      listener.change(change);
    });
  };
  const again = () => {
    source?.close();
    source = null;
    listener.status("offline");
    timer = setTimeout(start, retryMs);
  };
  const start = () => {
    open().catch(again);
  };

  start();
  return () => {
    isOver = true;
    clearTimeout(timer);
    source?.close();
  };
}

async function tokenFor(anonymousId: string): Promise<string | null> {
  const answer = await fetch("/demo/token", { method: "POST", body: JSON.stringify({ anonymousId }) });
  return answer.ok ? ((await answer.json()) as { token: string }).token : null;
}
