/** Hands out the files of public/ (pages, scripts, the snippet): ETag, gzip, and what a browser may do with them. */
import { Elysia } from "elysia";
import type { PublicFile } from "../../public/bundle.ts";
import { Refusal } from "../errors.ts";

/** Answers a GET of one file; throws Refusal(not_found) if there is none of that name. */
export type PublicAnswers = (
  request: Request,
  file: { readonly folder: string; readonly name: string },
  headers: Readonly<Record<string, string>>,
) => Promise<Response>;

/** A file, with what is sent of it worked out once. */
interface Prepared {
  readonly contentType: string;
  readonly etag: string;
  readonly plain: Uint8Array<ArrayBuffer>;
  readonly gzipped: Uint8Array<ArrayBuffer>;
}

/** Nothing from elsewhere, no script or style in the page itself, no frame around it. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join("; ");

const pageHeaders = {
  "Content-Security-Policy": contentSecurityPolicy,
  "Cross-Origin-Opener-Policy": "same-origin",
  "X-Frame-Options": "DENY",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-cache",
};

/** `load` makes the files of a folder; it is asked once for each. */
export function publicAnswers(load: (folder: string) => Promise<readonly PublicFile[]>): PublicAnswers {
  const folders = new Map<string, Promise<ReadonlyMap<string, Prepared>>>();
  const prepared = (folder: string) => {
    const known = folders.get(folder) ?? load(folder).then(prepare);
    folders.set(folder, known);
    return known;
  };
  return async (request, { folder, name }, headers) => {
    const file = (await prepared(folder)).get(name);
    if (file === undefined) throw new Refusal("not_found");
    return answer(request, file, headers);
  };
}

/** A page: `GET <path>` is the folder's page.html, also with a slash behind it, `GET <path>/<name>` its other files. */
export function pageRoutes(answers: PublicAnswers, path: `/${string}`, folder: string) {
  return new Elysia({ name: `page ${path}` })
    .get(path, ({ request }) => answers(request, { folder, name: "page.html" }, pageHeaders))
    .get(`${path}/`, () => leadTo(path))
    .get(`${path}/:name`, ({ request, params }) =>
      answers(request, { folder, name: params.name }, pageHeaders),
    );
}

/** Sends a browser on to a page of ours. */
export function leadTo(path: `/${string}`): Response {
  return new Response(null, { status: 302, headers: { Location: path, "Cache-Control": "no-store" } });
}

function prepare(files: readonly PublicFile[]): ReadonlyMap<string, Prepared> {
  return new Map(
    files.map(({ name, contentType, bytes }) => [
      name,
      {
        contentType,
        etag: new Bun.CryptoHasher("sha256").update(bytes).digest("base64url").slice(0, 22),
        plain: bytes,
        gzipped: Bun.gzipSync(bytes, { level: 9 }),
      },
    ]),
  );
}

function answer(request: Request, file: Prepared, given: Readonly<Record<string, string>>): Response {
  const gzips = /\bgzip\b(?!\s*;\s*q=0(?:\.0*)?(?:,|$))/.test(request.headers.get("accept-encoding") ?? "");
  const headers = {
    ...given,
    // Two bodies, two tags: a cache between us must not take one for the other.
    ETag: `"${file.etag}${gzips ? "-gzip" : ""}"`,
    Vary: "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
  };
  if (request.headers.get("if-none-match")?.includes(file.etag) === true)
    return new Response(null, { status: 304, headers });
  const encoding: Record<string, string> = gzips ? { "Content-Encoding": "gzip" } : {};
  return new Response(gzips ? file.gzipped : file.plain, {
    headers: { ...headers, ...encoding, "Content-Type": file.contentType },
  });
}
