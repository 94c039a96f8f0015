/** How a followed stream is asked for. */

/** The URL without credentials, and the headers; `lastEventId` is where to go on, empty for none. */
export function followRequest(
  url: string,
  lastEventId: string,
): { readonly url: string; readonly headers: Headers } {
  const { username, password, href } = new URL(url);
  const headers = new Headers({ Accept: "text/event-stream", "Accept-Encoding": "identity" });
  // Headers take bytes; an id is sent as its UTF-8 ones.
  if (lastEventId !== "") headers.set("Last-Event-ID", Buffer.from(lastEventId).toString("latin1"));
  if (username === "") return { url, headers };
  const credentials = Buffer.from(`${decodeURIComponent(username)}:${decodeURIComponent(password)}`);
  headers.set("Authorization", `Basic ${credentials.toString("base64")}`);
  const bare = new URL(href);
  bare.username = "";
  bare.password = "";
  return { url: bare.href, headers };
}
