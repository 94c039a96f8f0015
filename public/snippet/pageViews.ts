/** When a page begins and ends: load, moves of a single-page app, leaving; and how long it was looked at. */
export interface PageViewListener {
  /** A page has begun; `referrer` is the page before. */
  onPage(referrer: string): void;
  /** The page at `path` was visible for so long since this was last said. */
  onTime(path: string, visibleMs: number): void;
  /** The page is out of sight: it may come back, or never. */
  onHidden(): unknown;
  /** The page is going away. */
  onLeave(): void;
}

/** Shorter looks are not told. */
const shortestMs = 500;

/** `announces`: whether pages are told; time and leaving always are. */
export function watchPages(announces: boolean, listener: PageViewListener): void {
  let { href, pathname } = location;
  let visibleFrom = document.hidden ? null : performance.now();

  let left = false;

  const tellTime = () => {
    if (visibleFrom === null) return;
    const now = performance.now();
    const visibleMs = Math.round(now - visibleFrom);
    if (visibleMs < shortestMs) return;
    visibleFrom = now;
    listener.onTime(pathname, visibleMs);
  };
  const moved = () => {
    const [before] = href.split("#");
    if (location.href.split("#")[0] === before) return;
    tellTime();
    ({ href, pathname } = location);
    if (announces) listener.onPage(before ?? "");
  };
  /** An app sets its title after it has moved. */
  const soon = () => setTimeout(moved);

  for (const name of ["pushState", "replaceState"] as const) {
    const original = history[name];
    history[name] = function move(...args) {
      original.apply(this, args);
      soon();
    };
  }
  addEventListener("popstate", soon);
  addEventListener("pagehide", () => {
    tellTime();
    visibleFrom = null;
    left = true;
    listener.onLeave();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) {
      tellTime();
      visibleFrom = null;
      if (!left) listener.onHidden();
    } else {
      visibleFrom = performance.now();
      left = false;
    }
  });
  if (!announces) return;
  const begin = () => listener.onPage(document.referrer);
  // Browsers load pages that may never be seen.
  const { prerendering } = document as { readonly prerendering?: boolean };
  if (prerendering) document.addEventListener("prerenderingchange", begin, { once: true });
  else begin();
}
