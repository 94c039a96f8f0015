/** One outbound request whose answer is wanted as it is: status, headers, the body's bytes up to a bound. */

export interface CallInit {
  readonly method?: "GET" | "POST";
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** For the whole answer, its body too. */
  readonly timeoutMs: number;
  readonly maxBytes: number;
  /** The checked address to connect to, whatever the host's name leads to by then; null: by name. */
  readonly address: string | null;
}

export type Called =
  | {
      readonly kind: "answer";
      readonly status: number;
      readonly headers: Headers;
      readonly bytes: Uint8Array;
      /** False: the body goes on beyond the bound. */
      readonly isWhole: boolean;
    }
  | { readonly kind: "failed"; readonly why: string };

/** Makes the request. Redirects are not followed; what fails is an outcome, not an exception. */
export async function call(url: string, init: CallInit): Promise<Called> {
  try {
    const target = new URL(url);
    const { host, hostname, protocol } = target;
    if (protocol !== "https:" && protocol !== "http:") return { kind: "failed", why: "not a web address" };
    const headers = new Headers(init.headers);
    if (init.address !== null) {
      headers.set("Host", host);
      target.hostname = init.address.includes(":") ? `[${init.address}]` : init.address;
    }
    const response = await fetch(target.href, {
      method: init.method ?? "GET",
      headers,
      ...(init.body === undefined ? {} : { body: init.body }),
      ...(init.address === null || protocol === "http:" ? {} : { tls: { serverName: hostname } }),
      redirect: "manual",
      keepalive: false,
      signal: AbortSignal.timeout(init.timeoutMs),
    });
    const { bytes, isWhole } = await beginningOf(response, init.maxBytes);
    return { kind: "answer", status: response.status, headers: response.headers, bytes, isWhole };
  } catch (error) {
    return { kind: "failed", why: whyOf(error) };
  }
}

/** Leaving the loop lets go of the rest. */
async function beginningOf({ body }: Response, maxBytes: number) {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body ?? []) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  return { bytes: Buffer.concat(chunks).subarray(0, maxBytes), isWhole: length <= maxBytes };
}

function whyOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  if (error.name === "TimeoutError") return "timeout";
  return "code" in error && error.code !== "" ? String(error.code) : error.name;
}
