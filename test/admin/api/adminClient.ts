/** The admin API as a browser speaks with it: signs in, keeps the cookie, sends the token. */
import type { TestServer } from "../../support/server.ts";

export interface AdminClient {
  readonly cookie: string;
  readonly csrfToken: string;
  /** GETs `/admin/api/<path>`; throws unless it is 200. */
  get<Answer>(path: string): Promise<Answer>;
  /** POSTs JSON; throws unless it is 200. */
  post<Answer>(path: string, body?: unknown): Promise<Answer>;
  /** The bare answer, with these headers beside the session's. */
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Response>;
}

/** Asks to be signed in. */
export function signIn(
  server: Pick<TestServer, "origin">,
  key: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return fetch(`${server.origin}/admin/api/session`, {
    method: "POST",
    body: JSON.stringify({ key }),
    headers: { "Content-Type": "application/json", ...headers },
  });
}

/** Signs in with the server's secret key. */
export async function adminClient(server: Pick<TestServer, "origin" | "secretKey">): Promise<AdminClient> {
  const answer = await signIn(server, server.secretKey);
  if (answer.status !== 200) throw new Error(`signing in: ${answer.status} ${await answer.text()}`);
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const { csrfToken } = (await answer.json()) as { csrfToken: string };
  const send: AdminClient["send"] = (method, path, body, headers = {}) =>
    fetch(`${server.origin}/admin/api/${path}`, {
      method,
      headers: { Cookie: cookie, "X-CSRF-Token": csrfToken, "Content-Type": "application/json", ...headers },
      ...(method === "GET" ? {} : { body: JSON.stringify(body ?? {}) }),
    });
  const good = async <Answer>(answered: Promise<Response>): Promise<Answer> => {
    const response = await answered;
    if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  };
  return {
    cookie,
    csrfToken,
    send,
    get: (path) => good(send("GET", path)),
    post: (path, body) => good(send("POST", path, body)),
  };
}
