/** Requests to other people's servers: bounded in bytes and time, redirects not followed; what fails is an outcome. */

export interface OutboundRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | null;
}

export interface OutboundOptions {
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Connects to this address, whatever the URL's name resolves to by now; null: to what it resolves to. */
  readonly address: string | null;
}

export type OutboundAnswer =
  | {
      readonly kind: "answer";
      readonly status: number;
      /** By name in lower case. */
      readonly headers: Readonly<Record<string, string>>;
      /** The first million characters. */
      readonly text: string;
    }
  /** `wasSent` false: nothing of it can have arrived. */
  | { readonly kind: "failed"; readonly why: string; readonly wasSent: boolean };

const maxAnswerLength = 1_000_000;
/** Refusals of the connection itself: nothing was sent. */
const neverArrived: ReadonlySet<string> = new Set([
  "ConnectionRefused",
  "ECONNREFUSED",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "FailedToOpenSocket",
]);

/** Sends it. Never rejects. */
export async function sendOut(request: OutboundRequest, options: OutboundOptions): Promise<OutboundAnswer> {
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(options.timeoutMs)]);
  let status: number | null = null;
  try {
    const { url, further } = target(request.url, options.address);
    const { method, body } = request;
    const headers = { ...request.headers, ...further.headers };
    const response = await fetch(url, { ...further, method, body, headers, redirect: "manual", signal });
    status = response.status;
    const text = await beginningOf(response);
    return { kind: "answer", status, headers: Object.fromEntries(response.headers), text };
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? "no answer in time" : code === "" || code === "20" ? "the connection broke" : code;
    const said = status === null ? why : `${why}, in the body of an answer ${status}`;
    return { kind: "failed", why: said, wasSent: !neverArrived.has(code) };
  }
}

/** The address in the place of the name, which Host and the certificate are then held against. */
function target(
  text: string,
  address: string | null,
): {
  readonly url: string;
  readonly further: { readonly headers?: { readonly Host: string }; readonly tls?: { serverName: string } };
} {
  if (address === null) return { url: text, further: {} };
  const url = new URL(text);
  const { host, hostname, protocol } = url;
  url.hostname = address.includes(":") ? `[${address}]` : address;
  const tls = protocol === "https:" ? { tls: { serverName: hostname } } : {};
  return { url: url.href, further: { headers: { Host: host }, ...tls } };
}

/** Leaving the loop lets go of the rest. */
async function beginningOf({ body }: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of body ?? [])
    if ((text += decoder.decode(chunk, { stream: true })).length >= maxAnswerLength) break;
  return text.slice(0, maxAnswerLength);
}
