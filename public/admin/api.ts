/** Speaks with the admin API. Keeps the session's token; whoever is signed out sees the sign-in form again. */
import { signal } from "@preact/signals";
import type { SessionAnswer } from "../../src/admin/api/adminWire.ts";

/** Null until the server has said whether somebody is signed in. */
export const session = signal<SessionAnswer | null>(null);

/** True once a session ended by itself. */
export const hasEnded = signal(false);

/** Why a request was not answered as hoped, in the server's words. */
export class ApiError extends Error {
  readonly code: string;
  readonly hint: string;
  readonly retryAfterSeconds: number;

  constructor(code: string, message: string, hint: string, retryAfterSeconds: number) {
    super(message);
    this.code = code;
    this.hint = hint;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

export interface GetOptions {
  readonly signal?: AbortSignal;
  /** Polling, which must not keep a session alive that nobody uses. */
  readonly isBackground?: boolean;
}

/** GETs `/admin/api/<path>` with a query; null and "" are left out. Throws ApiError. */
export function get<Answer>(
  path: string,
  query: Readonly<Record<string, string | number | null>> = {},
  options: GetOptions = {},
): Promise<Answer> {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== "") params.set(name, String(value));
  const text = params.size === 0 ? "" : `?${params.toString()}`;
  return send<Answer>(`${path}${text}`, {
    ...(options.signal === undefined ? {} : { signal: options.signal }),
    headers: options.isBackground === true ? { "X-Background": "1" } : {},
  });
}

/** POSTs JSON to `/admin/api/<path>`. Throws ApiError. */
export function post<Answer>(path: string, body: unknown = {}): Promise<Answer> {
  const known = session.value;
  const token = known !== null && known.signedIn ? known.csrfToken : "";
  return send<Answer>(path, {
    method: "POST",
    body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
  });
}

async function send<Answer>(path: string, init: RequestInit): Promise<Answer> {
  const response = await answered(path, init);
  if (response.ok) return (await response.json()) as Answer;
  const error = await errorOf(response);
  // A wrong key in the form is no end of a session.
  if (response.status === 401 && path !== "session") {
    hasEnded.value = true;
    session.value = { signedIn: false };
  }
  throw error;
}

async function answered(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`/admin/api/${path}`, { ...init, credentials: "same-origin", cache: "no-store" });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError(
      "unreachable",
      "The server does not answer.",
      "Is it running? The page tries again by itself.",
      0,
    );
  }
}

async function errorOf(response: Response): Promise<ApiError> {
  const retryAfterSeconds = Number(response.headers.get("retry-after") ?? 0);
  try {
    const { error } = (await response.json()) as { error: { code: string; message: string; hint: string } };
    return new ApiError(error.code, error.message, error.hint, retryAfterSeconds);
  } catch {
    return new ApiError(
      "internal",
      `The server answered ${response.status}.`,
      "Try again.",
      retryAfterSeconds,
    );
  }
}
