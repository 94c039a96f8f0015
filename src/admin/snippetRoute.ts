/** GET /v1/freshet.js: the browser snippet, for pages of any site. */
import { Elysia } from "elysia";
import type { PublicAnswers } from "./publicAnswers.ts";

const snippetPath = "/v1/freshet.js";

const headers = {
  // Pages notice a new version within the hour; who asks again gets 304.
  "Cache-Control": "public, max-age=3600, stale-while-revalidate=86400",
  "Access-Control-Allow-Origin": "*",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/** The route as a plugin. */
export function snippetRoute(files: PublicAnswers) {
  return new Elysia({ name: "snippet" }).get(snippetPath, ({ request }) =>
    files(request, { folder: "snippet", name: "main.js" }, headers),
  );
}
