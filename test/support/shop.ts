/** A web site of somebody's own, on another origin than Freshet's: pages for tests of what runs in them. */
import { join, normalize } from "node:path";

export interface Shop extends Disposable {
  /** `http://127.0.0.1:<port>` */
  readonly origin: string;
}

export interface ShopOptions {
  /** Stands in the head of every page. */
  readonly head: string;
  /** Files under /files/ come from there. */
  readonly files?: string;
}

/** Every path but /files/… is a page, titled by its path. */
export function openShop({ head, files }: ShopOptions): Shop {
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => {
      const { pathname } = new URL(request.url);
      if (pathname === "/favicon.ico") return new Response(null, { status: 204 });
      if (files !== undefined && pathname.startsWith("/files/"))
        return new Response(Bun.file(join(files, normalize(pathname.slice("/files".length)))));
      const html = `<!doctype html><html lang="en"><head><title>Shop ${pathname}</title>${head}</head><body></body></html>`;
      return new Response(html, { headers: { "Content-Type": "text/html; charset=utf-8" } });
    },
  });
  return {
    origin: `http://127.0.0.1:${server.port}`,
    [Symbol.dispose]: () => {
      server.stop(true).catch(() => {});
    },
  };
}
